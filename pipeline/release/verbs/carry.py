"""Sees orders carried out: waits for the controllers that live, and makes the same looks where there is none.

Where nobody living holds a service's lease it is taken, and the release taken over. Nothing here writes an alias by
itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from pipeline.errors import ConflictError, CrabwalkError
from pipeline.release.decide.steer import name
from pipeline.release.ledger.lease import GRACE_S, Holder, Lease
from pipeline.release.model import Rollout, percent
from pipeline.release.terms import Order
from pipeline.release.verbs.steering import EXITS, PAST, Steered, Steering, living
from pipeline.release.walk.act import Engine
from pipeline.release.walk.beside import beside
from pipeline.release.walk.outcome import result_of
from pipeline.release.walk.state import Walk
from pipeline.release.walk.view import WalkView
from pipeline.release.walk.walk import run, tick

Show = Callable[[Sequence[WalkView]], None]
HandOn = Callable[[Sequence[Walk]], Mapping[str, str]]
Say = Callable[[str], None]


def patience(engine: Engine) -> float:
    """For how long a living controller is waited for: one that died is noticed within it."""
    return engine.env.lease_s + GRACE_S + 4 * engine.env.tick_s


def carry_out(
    engine: Engine,
    orders: Sequence[tuple[str, Order]],
    *,
    go_on: bool,
    hand_on: HandOn | None = None,
    show: Show = lambda _: None,
    say: Say = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Steered, ...]:
    """See placed orders carried out; with `go_on` walk the releases nobody walks to their ends.

    `hand_on`: gives those releases to another controller instead, with their leases; where each is seen, by service.
    One service's fault does not stop the others.
    """
    asked = [_Asked(engine, service, order, say) for service, order in orders]
    try:
        until = engine.now() + patience(engine)
        while True:
            for one in asked:
                one.look()
            _tick(engine, asked)
            if all(one.settled for one in asked):
                break
            if engine.now() >= until and not any(one.walk is not None and not one.settled for one in asked):
                break
            pause(min(engine.env.tick_s, 2.0))
        if go_on:
            _walk_on(engine, asked, show, pause)
        elif hand_on is not None:
            _hand_on(asked, hand_on)
        return tuple(one.answer() for one in asked)
    finally:
        for one in asked:
            one.let_go()


def _tick(engine: Engine, asked: Sequence[_Asked]) -> None:
    mine = [one for one in asked if one.walk is not None and not one.settled]
    walks = [one.walk for one in mine if one.walk is not None]
    for one, walk in zip(mine, tick(engine, walks, beside(engine, walks)), strict=True):
        one.heard(walk)


def _walk_on(engine: Engine, asked: Sequence[_Asked], show: Show, pause: Callable[[float], None]) -> None:
    mine = [one for one in asked if one.goes_on]
    if not mine:
        return
    walks = [one.walk for one in mine if one.walk is not None]
    ended = run(engine, walks, show, pause, beside=beside(engine, walks))
    for one, walk in zip(mine, ended, strict=True):
        one.ended(walk)


def _hand_on(asked: Sequence[_Asked], hand_on: HandOn) -> None:
    mine = {one.walk.rollout.service: one for one in asked if one.goes_on and one.walk is not None}
    if mine:
        given = hand_on([one.walk for one in mine.values() if one.walk is not None])
        for service, where in given.items():
            mine[service].given(where)


class _Asked:
    """One order on its way: waited for where somebody living works on the service, else carried out here."""

    def __init__(self, engine: Engine, service: str, order: Order, say: Say) -> None:
        self._engine, self._service, self._order, self._say = engine, service, order, say
        self._answer: Steered | None = None
        self._lease: Lease | None = None
        self._obeyed = False
        self._holder: Holder | None = None
        self._overtaken = 0
        self._where = ""  # where the controller is seen it was given to
        self.walk: Walk | None = None

    @property
    def settled(self) -> bool:
        """Whether it is known what came of the order."""
        return self._obeyed or self._answer is not None

    @property
    def goes_on(self) -> bool:
        """Whether this process may go on walking the release."""
        return self._obeyed and self._answer is None and self.walk is not None and not self.walk.rollout.over

    def look(self) -> None:
        """Read what the ledger says of the order, and take the service where nobody living works on it."""
        if self.settled or self.walk is not None:
            return
        try:
            last = self._engine.ledger.order(self._service)
            rollout = self._engine.ledger.service(self._service).rollout
            if self._read(rollout, last):
                return
            self._holder = living(self._engine, self._service)
            if self._holder is None:
                self._take()
        except ConflictError as conflict:
            self._end("conflict", conflict.what, conflict.hint)
        except CrabwalkError as fault:
            self._end("failed", fault.what, fault.hint)

    def _read(self, rollout: Rollout | None, last: Order | None) -> bool:
        """Whether the ledger tells what came of it."""
        if rollout is None or rollout.release_id != self._order.release:
            self._end("conflict", f"release {self._order.release} is over", None)
        elif self._noted(rollout):
            self._obeyed = True
            self._told(rollout)
        elif rollout.over:
            self._over(rollout)
        elif last is not None and last.nonce != self._order.nonce:
            self._overtaken += 1  # its controller may just be obeying ours: once more
            if self._overtaken > 2:
                self._end("conflict", f"{name(last)} asked for `{last.kind}` meanwhile; that counts", None)
        return self.settled

    def _take(self) -> None:
        engine, doing = self._engine, f"{self._order.kind} of release {self._order.release}"
        lease = Lease(engine.objects, self._service, ttl_s=engine.env.lease_s, doing=doing)
        try:
            self._lease = lease.acquire(self._say)
        except ConflictError:
            return  # somebody was faster, and obeys
        record = engine.ledger.service(self._service)
        rollout = record.under_way
        if rollout is None or rollout.release_id != self._order.release:
            self._read(record.rollout, None)
            return
        record = engine.take_over(record, rollout, self._lease)
        if record.under_way is None:
            self._read(record.rollout, None)
            return
        self._say(f"{self._service}: nobody walks release {rollout.release_id}; it is taken over")
        self.walk = Walk(record, record.under_way, self._lease)

    def heard(self, walk: Walk) -> None:
        """What a look at the release under our own lease led to."""
        self.walk, rollout, decision = walk, walk.rollout, walk.decision
        if self._noted(rollout):
            self._obeyed = True
            if rollout.over or self._missed(rollout):
                self._told(rollout, decision.sentence if decision is not None else "")
            return
        if rollout.over:
            self._over(rollout)
        elif decision is not None and decision.order is not None and decision.order.nonce != self._order.nonce:
            other = decision.order
            self._end("conflict", f"{name(other)} asked for `{other.kind}` meanwhile; that counts", None)
        elif walk.finished and decision is not None:
            self.ended(walk)

    def ended(self, walk: Walk) -> None:
        """How the walk went on here."""
        self.walk = walk
        result = result_of(walk.rollout, walk.decision, self._engine.now())
        outcome: Steering = result.outcome if result.outcome in EXITS else "held"  # type: ignore[assignment]
        self._end(outcome, result.sentence, result.next)

    def given(self, where: str) -> None:
        """Another controller walks it on, and has its lease."""
        self._lease, self._where = None, where

    def answer(self) -> Steered:
        """What came of it."""
        if self._answer is None and self._obeyed and self.walk is not None:
            self._told(self.walk.rollout)
        if self._answer is None:
            self._stands()
        assert self._answer is not None  # noqa: S101 - one of the two has set it
        return self._answer

    def let_go(self) -> None:
        """Give the lease back, if it was taken."""
        if self._lease is not None:
            self._lease.release()
            self._lease = None

    def _noted(self, rollout: Rollout) -> bool:
        return any(one.nonce == self._order.nonce for one in rollout.obeyed)

    def _missed(self, rollout: Rollout) -> bool:
        """Whether an order to promote was noted and not followed."""
        wanted = self._order.kind in {"promote", "full"}
        return wanted and not rollout.over and rollout.step == self._order.step

    def _told(self, rollout: Rollout, sentence: str = "") -> None:
        """The order was obeyed, which may mean that it was refused."""
        kind, env = self._order.kind, self._engine.env.name
        if rollout.over:
            self._over(rollout)
        elif self._missed(rollout):
            no = sentence or "not promoted: its controller's evidence did not allow it"
            self._end("refused", no, f"crabwalk status {self._service} --env {env}")
        else:
            at = f" to {percent(rollout.traffic(rollout.step))}" if kind == "promote" else ""
            self._end("done", f"{PAST[kind]}{at}{self._why()}", self._after(rollout))

    def _over(self, rollout: Rollout) -> None:
        kind, env = self._order.kind, self._engine.env.name
        back = rollout.phase == "rolled-back"
        if kind == "abort" and back:
            self._end("done", rollout.sentence, f"version {rollout.stable} has all traffic")
        elif kind in {"abort", "pause"}:
            self._end(
                "conflict",
                f"too late, release {rollout.release_id} is over: {rollout.sentence}",
                f"crabwalk rollback {self._service} --env {env}" if not back else None,
            )
        else:
            result = result_of(rollout, None, self._engine.now())
            self._end(result.outcome, result.sentence, result.next)  # type: ignore[arg-type]

    def _stands(self) -> None:
        who = f"{self._holder.who} ({self._holder.doing})" if self._holder is not None else "somebody"
        self._end(
            "stands",
            f"`{self._order.kind}` stands, and is not obeyed yet: {who} holds the lease",
            "it is obeyed with the next look at this release, "
            f"by its controller or `crabwalk watch --unattended --env {self._engine.env.name}`",
        )

    def _after(self, rollout: Rollout) -> str:
        env, service = self._engine.env.name, self._service
        if self._order.kind == "pause":
            return f"`crabwalk resume {service} --env {env}` goes on, `crabwalk abort {service} --env {env}` ends it"
        if self._where:
            return f"Step Functions walks it on: {self._where}; `crabwalk watch {service} --env {env}` shows it"
        if self._holder is not None and self.walk is None:
            return f"{self._holder.who} walks it; `crabwalk watch {service} --env {env}` shows it"
        if rollout.paused is not None:
            return f"it is paused; `crabwalk resume {service} --env {env}` goes on"
        return f"`crabwalk watch --unattended --env {env}` goes on with it, or `crabwalk resume {service} --env {env}`"

    def _why(self) -> str:
        return f": {self._order.reason}" if self._order.reason else ""

    def _end(self, outcome: Steering, sentence: str, after: str | None) -> None:
        by = self._holder.who if self._holder is not None and self.walk is None else None
        see = f"crabwalk status {self._service} --env {self._engine.env.name}"
        self._answer = Steered(
            self._service, self._order.release, self._order.kind, outcome, sentence, after or see, by
        )
