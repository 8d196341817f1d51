"""One look at the walks of one job: take up the lease, read the record, tick, and say when to look again.

Between two looks there is nothing in memory. What a tick keeps of the one before (since when the metrics or AWS are
away, what was told, and what the bus did not take) is `carried`: it goes back to the state machine and comes with the
next look. Once every release is over, what the bus did not take is all that is left to do: no lease is taken for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.aws.objects import Objects
from pipeline.controller import unsent
from pipeline.controller.job import Job, Part, before, token
from pipeline.controller.told import as_told, kept, recorded
from pipeline.controller.unsent import Unsent
from pipeline.errors import AwsError, ConflictError
from pipeline.release.around.transitions import BY_HAND, NONE, Ground
from pipeline.release.decide.together import GONE
from pipeline.release.ledger.head import parse
from pipeline.release.ledger.relay import OvertakenError, Relay
from pipeline.release.model import Rollout, percent
from pipeline.release.walk.act import Engine
from pipeline.release.walk.beside import beside
from pipeline.release.walk.outcome import result_of
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import tick, tick_s

SLOW = 4  # times as long between two looks at what waits for a person or for the end of quiet hours
REST = "*"  # what is carried for the whole job: no service is called so
SENTENCE = 300  # characters of one; an execution's state has 256 KiB at most
WAITING = frozenset({"approval", "quiet", "hold"})

Carried = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Stand:
    """How one release stands after a look."""

    service: str
    release: str
    outcome: str  # as `watch --unattended` calls it, or `overtaken`
    sentence: str
    done: bool


@dataclass(frozen=True)
class Answer:
    """What a look came to; `wait_s`: whole seconds until the next one."""

    done: bool
    wait_s: int
    releases: tuple[Stand, ...]
    carried: Carried = field(default_factory=dict)


class AwayError(AwsError):
    """AWS is away from a walk for longer than a lease lasts: the look failed, and is made again."""


def standing_s(job: Job) -> float:
    """For how long a lease stands without a look: the slowest wait, and what a process's lease lasts."""
    return job.env.lease_s + SLOW * job.env.tick_s


def relay(objects: Objects, job: Job, part: Part) -> Relay:
    """The lease of one of its services, as the job's controller holds it."""
    return Relay(
        objects,
        part.service,
        token=token(part),
        who=job.who,
        doing=f"walk of release {part.release}",
        ttl_s=standing_s(job),
        generation=part.generation,
    )


def look(engine: Engine, job: Job, carried: Carried, say: Callable[[str], None] = lambda _: None) -> Answer:
    """Look once at every release of the job; raises AwayError, or what AWS refused, where the look must be repeated."""
    rest = carried.get(REST, {})
    waiting = unsent.from_json(rest, job.env)
    engine.notices.keep()
    if not waiting.entries or waiting.due <= engine.now():
        engine.notices.again(waiting.entries)
        waiting = replace(waiting, entries=())  # what is not taken this time is `left`
    if "ended" in rest:
        engine.notices.flush()
        return _answer(engine, job, tuple(Stand(**one) for one in rest["ended"]), (), waiting)
    found: dict[str, Stand] = {}
    walks: list[Walk] = []
    for part in job.parts:
        try:
            taken = _taken(engine, job, part, carried.get(part.service, {}), say)
        except ConflictError as conflict:
            outcome = "overtaken" if isinstance(conflict, OvertakenError) else "conflict"
            taken = Stand(part.service, part.release, outcome, _short(conflict.what), done=True)
        if isinstance(taken, Walk):
            walks.append(taken)
        else:
            found[part.service] = taken
    after = tick(engine, walks, beside(engine, walks)) if walks else ()
    engine.notices.flush()
    found |= {walk.rollout.service: _after(engine, walk) for walk in after}
    away = [walk for walk in after if walk.decision is not None and walk.decision.kind == "away"]
    if away:
        raise AwayError("; ".join(found[walk.rollout.service].sentence for walk in away))
    releases = tuple(found[part.service] for part in job.parts)
    open_ = [walk for walk in after if not found[walk.rollout.service].done]
    return _answer(engine, job, releases, open_, waiting)


def _answer(engine: Engine, job: Job, releases: tuple[Stand, ...], walks: Sequence[Walk], waiting: Unsent) -> Answer:
    """What a look came to; it is over once the bus has taken everything, or what it did not take is given up."""
    left = engine.notices.left()
    now = engine.now() if left or waiting.entries else 0.0
    rest, lost = unsent.after(waiting, left, job.env, now)
    if lost:
        engine.say(f"events lost, as the bus did not take them: {lost}")
    over = all(one.done for one in releases)
    carried, wait_s = _carried(engine, walks), _wait_s(job, walks)
    if rest.entries:
        carried[REST] = unsent.to_json(rest) | ({"ended": [vars(one) for one in releases]} if over else {})
        wait_s = max(1, math.ceil(rest.due - now)) if over else wait_s
    return Answer(over and not rest.entries, wait_s, releases, carried)


def _taken(
    engine: Engine, job: Job, part: Part, carried: Mapping[str, Any], say: Callable[[str], None]
) -> Walk | Stand:
    """The release as this controller has it now, or how it stands where there is nothing to walk."""
    lease = relay(engine.objects, job, part)
    ours = lease.take(before(part))
    try:
        record = engine.ledger.service(part.service)
        rollout = record.rollout
        if rollout is not None and rollout.release_id == part.release:
            _tell(engine, rollout, carried.get("told"), ours=ours)
        if rollout is not None and rollout.release_id == part.release and not rollout.over and not ours:
            record = engine.take_over(record, rollout, lease)
            rollout = record.rollout
            say(f"{part.service}: release {part.release} is taken over and goes on")
    except ConflictError:
        lease.release()
        raise
    if rollout is None or rollout.release_id != part.release:
        lease.release()
        return Stand(part.service, part.release, "overtaken", "the record is about another release now", done=True)
    if rollout.over:
        lease.release()
        result = result_of(rollout, None, engine.now())
        return Stand(part.service, part.release, result.outcome, _short(result.sentence), done=True)
    dark, away, broken = carried.get("dark_since"), carried.get("away_since"), carried.get("broken", 0)
    return Walk(record, rollout, lease, metrics_away_since=dark, away_since=away, broken=broken)


def _tell(engine: Engine, rollout: Rollout, told: Mapping[str, Any] | None, *, ours: bool) -> None:
    """Tell what the look before this one recorded and did not come to tell."""
    if told is None:
        if ours:
            engine.notices.known(rollout)
        return
    engine.notices.known(as_told(rollout, told))
    ground = _ground(engine, rollout) if rollout.over and engine.notices.heard(rollout) else NONE
    engine.notices.heed(rollout, recorded(rollout, told), engine.now(), ground)


def _ground(engine: Engine, rollout: Rollout) -> Ground:
    """What an end rests on, as the history has it."""
    entry = engine.ledger.entry(rollout.service, rollout.release_id)
    head = parse(engine.alias(rollout).description) if rollout.reason == BY_HAND else None
    return Ground({} if entry is None else entry.evidence, head=head)


def _after(engine: Engine, walk: Walk) -> Stand:
    """How a walk stands after its tick; what is over, or not this controller's any more, gives its lease back."""
    rollout, decision = walk.rollout, walk.decision
    gone = decision is not None and decision.kind in GONE - {"away"}
    if not rollout.over and not gone:
        at = percent(rollout.traffic(rollout.step))
        said = f"version {rollout.candidate} has {at}" + (f": {decision.sentence}" if decision is not None else "")
        waits = rollout.paused is not None or (decision is not None and decision.kind in WAITING)
        return Stand(rollout.service, rollout.release_id, "held" if waits else "walking", _short(said), done=False)
    walk.lease.release()
    result = result_of(rollout, decision, engine.now())
    return Stand(rollout.service, rollout.release_id, result.outcome, _short(result.sentence), done=True)


def _wait_s(job: Job, walks: Sequence[Walk]) -> int:
    """Step Functions waits whole seconds."""
    waits = [walk.rollout.paused is not None or (walk.decision and walk.decision.kind in WAITING) for walk in walks]
    slow = bool(waits) and all(waits)
    every = tick_s(job.env, [walk.rollout for walk in walks])
    return max(1, math.ceil(SLOW * job.env.tick_s if slow else every))


def _carried(engine: Engine, walks: Sequence[Walk]) -> dict[str, dict[str, Any]]:
    """What the next look must know of this one."""
    found: dict[str, dict[str, Any]] = {}
    for walk in walks:
        told = engine.notices.told(walk.rollout)
        away = {"away_since": walk.away_since, "broken": walk.broken or None}
        named = {"dark_since": walk.metrics_away_since, **away, "told": told and kept(told)}
        one = {name: value for name, value in named.items() if value is not None}
        found |= {walk.rollout.service: one} if one else {}
    return found


def _short(text: str) -> str:
    return text if len(text) <= SENTENCE else f"{text[: SENTENCE - 1]}…"


def to_json(answer: Answer) -> dict[str, Any]:
    """The answer as the state machine reads it."""
    releases = [vars(one) for one in answer.releases]
    return {"done": answer.done, "wait_s": answer.wait_s, "releases": releases, "carried": dict(answer.carried)}
