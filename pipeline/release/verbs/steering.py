"""Places what a person asks of releases under way, once the engine itself says that it may be done.

An order is an object beside the record; whoever walks the release obeys it with its next look (`carry` sees to that).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.errors import ConflictError, UsageError
from pipeline.release.decide.decide import decide
from pipeline.release.decide.steer import name
from pipeline.release.ledger.head import fresh_nonce
from pipeline.release.ledger.lease import Holder, holder
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import Rollout
from pipeline.release.terms import Order, OrderKind
from pipeline.release.walk.act import Engine
from pipeline.release.walk.metering import metered, observed
from pipeline.release.walk.outcome import EXIT_CODES, how_it_ended

Steering = Literal[
    "done", "nothing", "promoted", "rolled-back", "aborted", "held", "refused", "stands", "conflict", "failed"
]
EXITS: dict[str, int] = {**EXIT_CODES, "done": 0, "nothing": 0, "refused": 4, "stands": 4}
PAST: dict[OrderKind, str] = {
    "promote": "promoted",
    "full": "promoted to all traffic",
    "pause": "paused",
    "resume": "resumed",
    "abort": "aborted",
}


@dataclass(frozen=True)
class Asker:
    """Who asks, as STS says and as GitHub does, and why."""

    actor: str
    claimed_actor: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Steered:
    """What came of an order.

    `done`: carried out; `nothing`: it was so already; `refused`: its controller did not follow it; `stands`: not
    obeyed yet, it may be; the others are how the walk ended in this process. `by`: the controller that carried it
    out, None where that was this process.
    """

    service: str
    release: str
    asked: OrderKind
    outcome: Steering
    sentence: str
    next: str
    by: str | None = None

    @property
    def exit_code(self) -> int:
        """What the verb ends with."""
        return EXITS[self.outcome]


def ask(engine: Engine, kind: OrderKind, services: Sequence[str], asker: Asker) -> tuple[Order | Steered, ...]:
    """Place an order for each service's release under way; what is so already needs none.

    All are looked at before the first is placed. Raises UsageError for what the engine would refuse, ConflictError
    when the alias was changed by somebody else, or an abort was asked before.
    """
    found = [_asked(engine, kind, service, asker) for service in services]
    for one in found:
        if isinstance(one[1], Order):
            engine.ledger.place(one[0], one[1])
    return tuple(answer for _, answer in found)


def under_way(engine: Engine, service: str) -> Rollout:
    """The release of a service that is under way; UsageError when there is none."""
    record = engine.ledger.service(service)
    if record.under_way is not None:
        return record.under_way
    check_known(engine, record)
    last = record.rollout
    said = f"; release {last.release_id} {how_it_ended(last)}" if last is not None else ""
    env = engine.env.name
    raise UsageError(
        f"no release of `{service}` is under way{said}", hint=f"see `crabwalk status {service} --env {env}`"
    )


def check_known(engine: Engine, record: ServiceRecord) -> None:
    """Raise UsageError for a service of which the ledger knows nothing."""
    from pipeline.release.ledger.absent import never_released

    if record.seq == 0 and record.service not in (known := engine.ledger.services()):
        raise never_released(record.service, engine.env.name, known)


def _asked(engine: Engine, kind: OrderKind, service: str, asker: Asker) -> tuple[str, Order | Steered]:
    rollout, now = under_way(engine, service), engine.now()
    order = Order(
        kind, rollout.release_id, fresh_nonce(), asker.actor, asker.claimed_actor, asker.reason, now, rollout.step
    )
    if kind == "pause" and rollout.paused is not None:
        last = rollout.pause
        who = f" by {name(last)}" if last else ""
        goes_on = f"crabwalk resume {service} --env {engine.env.name}"
        return service, Steered(service, rollout.release_id, kind, "nothing", f"paused{who} already", goes_on)
    walker = living(engine, service)
    if kind == "resume" and rollout.paused is None and rollout.phase != "held" and walker is not None:
        said = f"it is not paused: {walker.who} walks it"
        see = f"crabwalk watch {service} --env {engine.env.name}"
        return service, Steered(service, rollout.release_id, kind, "nothing", said, see)
    _check(engine, rollout, order, now)
    return service, order


def _check(engine: Engine, rollout: Rollout, order: Order, now: float) -> None:
    """Ask the engine itself what it would do now. Evidence that the version is worse is left for it to act on."""
    seen = replace(observed(engine, rollout, metered(engine, [rollout], now), now), order=order)
    decision = decide(rollout, seen, now)
    if decision.kind == "conflict":
        raise ConflictError(decision.sentence, hint=decision.next)
    if decision.kind == "undone" and order.kind != "abort":
        raise ConflictError(decision.sentence, hint=decision.next)
    if decision.kind == "obey" and order.kind in {"promote", "full"}:
        full = " --full" if order.kind == "full" else ""
        again = f'crabwalk promote {rollout.service} --env {engine.env.name}{full} --reason "..."'
        needed = "a reason is needed" in decision.sentence
        raise UsageError(f"{rollout.service}: {decision.sentence}", hint=again if needed else decision.next)


def living(engine: Engine, service: str) -> Holder | None:
    """Who works on a service now."""
    found = holder(engine.objects, service)
    return found if found is not None and found.living else None
