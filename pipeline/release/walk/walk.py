"""The in-process controller: ticks many rollouts until each is over or held.

Observe, decide, join what goes together, act, record, show. What is asked and written for each is done side by side.
Where there are more walks than Lambda lets a round look at, `looking` says which aliases are asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.abreast import abreast
from pipeline.aws import AccessError, TransientError
from pipeline.errors import ConflictError, CrabwalkError
from pipeline.manifest.environments import Environment
from pipeline.release.decide.decide import away, decide
from pipeline.release.decide.decision import STOPPED, Decision, Observation
from pipeline.release.decide.together import BACK, Member, complete, joined
from pipeline.release.ledger.ledger import RecordMovedError
from pipeline.release.model import Rollout
from pipeline.release.walk.act import Engine
from pipeline.release.walk.keeping import keep
from pipeline.release.walk.looking import can_wait, enough, looking_s, looks, remembered, turn, waiting
from pipeline.release.walk.metering import Metered, metered, observed
from pipeline.release.walk.shown import view
from pipeline.release.walk.state import Walk
from pipeline.release.walk.view import WalkView

FINE_TICK_S = 5.0
TRIES = 3  # rounds that break off before AWS is away from a walk, however long they last


def run(
    engine: Engine,
    walks: Sequence[Walk],
    show: Callable[[Sequence[WalkView]], None],
    pause: Callable[[float], None] = time.sleep,
    *,
    join: Callable[[Sequence[Walk]], Iterable[Walk]] = lambda _: (),
    beside: Sequence[Rollout] = (),
) -> tuple[Walk, ...]:
    """Tick until every walk is finished.

    AWS being away from a walk for less than a lease's time is waited out; after longer that walk ends where it stands,
    recorded, and the others go on. `join` is asked before each round which walks begin now; where none is under way
    it may wait, and ends everything with none. `beside`: releases of the same groups that somebody else walks, or that
    are over.
    """
    current = tuple(walks)
    while True:
        current = (*current, *join(current))
        if all(walk.finished for walk in current):
            return current
        begun = engine.now()
        current = tick(engine, current, beside)
        show([view(walk, engine.now()) for walk in current])
        if not all(walk.finished for walk in current):
            every = tick_s(engine.env, [walk.rollout for walk in current if not walk.finished])
            pause(min(every, max(0.0, begun + every - engine.now())))


def tick_s(env: Environment, rollouts: Iterable[Rollout]) -> float:
    """How long a controller of these waits between two rounds: where one is judged by the second, not for long."""
    fine = any(rollout.terms.evidence is not None and rollout.step >= 0 for rollout in rollouts)
    return min(env.tick_s, FINE_TICK_S) if fine else env.tick_s


def tick(engine: Engine, walks: Sequence[Walk], beside: Sequence[Rollout] = ()) -> tuple[Walk, ...]:
    """One round over all walks with one read of the metrics."""
    now = engine.now()
    read = metered(engine, [walk.rollout for walk in walks if not walk.settled], now)
    later = waiting(walks, looks(engine.env))
    looked = _joined(abreast(lambda walk: _look(engine, walk, read, now, later), walks), beside)
    if any(look.unsure for look in looked):
        looked = _joined(abreast(lambda look: _look_again(engine, look, now), looked), beside)
    after = _carried_out(engine, looked, now)
    after = _all_there(engine, after, beside)
    after = _in_turn(engine, after, now)
    engine.notices.complain()
    for text in engine.probes.follow([walk.rollout for walk in after if not walk.finished]):
        engine.say(text)
    return after


@dataclass(frozen=True)
class _Look:
    """A walk with what was seen of it and decided; without an observation there is nothing to carry out."""

    walk: Walk
    seen: Observation | None = None
    decision: Decision | None = None
    fault: CrabwalkError | None = None

    @property
    def unsure(self) -> bool:
        """Whether it was decided on an alias seen a while ago, and the alias must be looked at before it is done."""
        return self.decision is not None and remembered(self.walk) and not enough(self.walk, self.decision)


def _look(engine: Engine, walk: Walk, read: Metered, now: float, later: frozenset[str]) -> _Look:
    if walk.settled or walk.rollout.service in later:
        return _Look(walk)
    dark = read.error_of(walk.rollout) is not None
    dark_since = None if not dark else now if walk.metrics_away_since is None else walk.metrics_away_since
    walk = replace(walk, metrics_away_since=dark_since)
    try:
        walk.lease.check()
        if walk.away_since is not None:  # the round that broke off may have written more than came back
            walk = _read_again(engine, walk)
            if walk.settled:
                return _Look(walk)
        dark_s, known = 0.0 if dark_since is None else now - dark_since, walk.seen if remembered(walk) else None
        seen = observed(engine, walk.rollout, read, now, dark_s, alias=known)
    except CrabwalkError as fault:
        return _Look(walk, fault=fault)
    return _Look(walk, seen, decide(walk.rollout, seen, now))


def _look_again(engine: Engine, look: _Look, now: float) -> _Look:
    """With the alias as it is, and what follows from it."""
    if not look.unsure or look.seen is None:
        return look
    walk = replace(look.walk, seen=None)
    try:
        seen = replace(look.seen, alias=engine.alias(walk.rollout))
    except CrabwalkError as fault:
        return _Look(walk, fault=fault)
    return _Look(walk, seen, decide(walk.rollout, seen, now))


def _in_turn(engine: Engine, walks: Sequence[Walk], now: float) -> tuple[Walk, ...]:
    """The walks with what the next round relies on; where that is not what it was, the next round decides on it."""
    many = looks(engine.env)
    if sum(not walk.settled for walk in walks) <= many:
        return tuple(replace(walk, seen=None) for walk in walks)
    due, until = turn(walks, many), engine.now() + looking_s(engine.env)

    def looked(walk: Walk) -> Walk:
        # What was to be looked at and is not, because AWS became slower meanwhile, is the next round's first.
        if walk.rollout.service not in due or engine.now() > until:
            return walk
        try:
            return replace(walk, seen=engine.alias(walk.rollout), looked=now)
        except CrabwalkError:  # the next round looks, and says what is wrong where that lasts
            return replace(walk, seen=None)

    return abreast(looked, walks)


def _joined(looks: Sequence[_Look], beside: Sequence[Rollout]) -> tuple[_Look, ...]:
    """What each is to do as one of its group."""
    decided = joined(_with([Member(look.walk.rollout, _word(look)) for look in looks], beside))
    return tuple(replace(look, decision=one) for look, one in zip(looks, decided, strict=False))


def _with(members: Sequence[Member], beside: Sequence[Rollout]) -> tuple[Member, ...]:
    ours = {member.rollout.release_id for member in members}
    return (*members, *(Member(rollout, here=False) for rollout in beside if rollout.release_id not in ours))


def _word(look: _Look) -> Decision | None:
    """What was decided for it now, or last where it stopped and nothing was seen of it now."""
    return look.walk.decision if look.decision is None and look.walk.finished else look.decision


def _carried_out(engine: Engine, looks: Sequence[_Look], now: float) -> tuple[Walk, ...]:
    """The walks after what was decided; whoever goes back does not wait for the writes of those that go forward."""
    order = sorted(range(len(looks)), key=lambda at: (one := looks[at].decision) is None or one.kind not in BACK)
    until = engine.now() + looking_s(engine.env)
    done = abreast(lambda at: _carry_out(engine, looks[at], now, until), order, to_its_end=True)
    after = dict(zip(order, done, strict=True))
    return tuple(after[at] for at in range(len(looks)))


def _carry_out(engine: Engine, look: _Look, now: float, until: float) -> Walk:
    walk, seen, decision = look.walk, look.seen, look.decision
    try:
        if look.fault is not None:
            raise look.fault
        if seen is None or decision is None:
            return walk
        if can_wait(walk, decision) and engine.now() > until:
            return replace(walk, seen=seen.alias, looked=now if walk.seen is None else walk.looked)
        record = engine.act(walk.record, walk.rollout, seen, decision)
    except RecordMovedError as changed:  # a person's verb noted something; the lease says that no controller did
        return _broken_off(engine, walk, decision or walk.decision, changed)
    except ConflictError as conflict:
        return replace(walk, decision=Decision("conflict", conflict.what, conflict.hint or "see `crabwalk status`"))
    except CrabwalkError as fault:
        return _broken_off(engine, walk, decision or walk.decision, fault)
    rollout = record.rollout or walk.rollout
    keep(engine, walk.rollout, seen, now, over=rollout.over or rollout.moved)
    signal, minutes = seen.shown(decision.check)
    walk = replace(walk, minutes=minutes, signal=signal, away_since=None, broken=0)
    looked = now if walk.seen is None else walk.looked
    written = engine.written.pop(rollout.function, None)
    left = seen.alias if record.etag == walk.record.etag else written
    return replace(walk, record=record, rollout=rollout, decision=decision, seen=left, looked=looked)


def _all_there(engine: Engine, walks: Sequence[Walk], beside: Sequence[Rollout]) -> tuple[Walk, ...]:
    """The walks, with the promotions recorded of groups whose traffic is all moved by now."""
    if not any(walk.rollout.moved for walk in walks):
        return tuple(walks)
    ready = complete(_with([Member(walk.rollout, walk.decision) for walk in walks], beside))

    def recorded(each: tuple[Walk, bool]) -> Walk:
        walk, now_over = each
        if not now_over or walk.rollout.over or walk.away_since is not None:
            return walk
        try:
            record = engine.promoted(walk.record, walk.rollout)
        except CrabwalkError as fault:  # the next round does it
            return _broken_off(engine, walk, walk.decision, fault)
        return replace(walk, record=record, rollout=record.rollout or walk.rollout)

    return abreast(recorded, tuple(zip(walks, ready, strict=False)), to_its_end=True)


def _broken_off(engine: Engine, walk: Walk, decision: Decision | None, fault: CrabwalkError) -> Walk:
    """Tried again in the next round, until AWS was away for a lease's time; the other walks go on either way.

    Where rounds are long a few refused calls in a row are no absence: `TRIES` of them belong to one.
    """
    now, broken = engine.now(), walk.broken + 1
    since = now if walk.away_since is None else walk.away_since
    if now - since > engine.env.lease_s and broken >= TRIES:
        passing = isinstance(fault, (AccessError, TransientError))
        decision = away(walk.rollout, fault.what, decision.verdict if decision else None, passing=passing)
    elif decision is not None and decision.kind in STOPPED:  # it is not recorded yet
        decision = walk.decision
    moved = isinstance(fault, RecordMovedError)
    return replace(walk, decision=decision, seen=None, away_since=since, broken=broken, overtaken=moved)


def _read_again(engine: Engine, walk: Walk) -> Walk:
    """Go on from what the ledger has: written by us or by a person's verb, as long as the lease is ours.

    The lease is asked for after the record was read, so what a later holder writes is not in it.
    """
    record = engine.ledger.service(walk.rollout.service)
    walk.lease.confirm()
    if record.rollout is None or record.rollout.release_id != walk.rollout.release_id:
        gone = f"the record of `{walk.rollout.service}` is about another release now"
        return replace(walk, decision=Decision("conflict", gone, "see `crabwalk status`"))
    engine.notices.heed(walk.rollout, record.rollout, engine.now())
    return replace(walk, record=record, rollout=record.rollout)
