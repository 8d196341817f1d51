"""Goes on with releases whose controller is gone: walks them, rolls them back, lets approvals and deadlines end.

It looks before it takes anything: where nothing is to be done it writes nothing, so it may run every minute and beside
another one. The lease keeps two of them apart. One service's fault never stops the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import ConflictError, CrabwalkError
from pipeline.release.decide.decide import decide
from pipeline.release.decide.decision import Decision
from pipeline.release.decide.together import grouped
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import Rollout, percent
from pipeline.release.verbs.steering import living
from pipeline.release.walk.act import Engine
from pipeline.release.walk.beside import beside
from pipeline.release.walk.metering import Metered, metered, observed
from pipeline.release.walk.outcome import EXIT_CODES, result_of
from pipeline.release.walk.shown import view
from pipeline.release.walk.state import Walk
from pipeline.release.walk.view import WalkView
from pipeline.release.walk.walk import tick, tick_s

Patrol = Literal["promoted", "rolled-back", "aborted", "held", "conflict", "failed", "walking", "busy"]
EXITS: Mapping[str, int] = {**EXIT_CODES, "walking": 0, "busy": 0}

Show = Callable[[Sequence[WalkView]], None]


@dataclass(frozen=True)
class Patrolled:
    """How the watchdog found or left a service's release; `busy`: somebody living works on it."""

    service: str
    release: str
    outcome: Patrol
    sentence: str
    next: str

    @property
    def exit_code(self) -> int:
        """What the verb ends with, were it the only one."""
        return EXITS[self.outcome]


class Watchdog:
    """One run over an environment; `patrol` may be called once."""

    def __init__(
        self,
        engine: Engine,
        *,
        once: bool,
        limit_s: float,
        say: Callable[[str], None],
        show: Show = lambda _: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine, self._once, self._limit_s = engine, once, limit_s
        self._say, self._show, self._pause = say, show, pause
        self._walks: dict[str, Walk] = {}
        self._found: dict[str, Patrolled] = {}

    def patrol(self) -> tuple[Patrolled, ...]:
        """Look at every service; walk what nobody walks until nothing moves, the time is up, or with `once` for as
        long as there is something to be done at once. Returns one line for each release under way, or ended here.
        """
        engine, started = self._engine, self._engine.now()
        look_again = started
        try:
            while True:
                if engine.now() >= look_again:
                    self._pick_up()
                    look_again = engine.now() + engine.env.lease_s
                if not self._walks:
                    break
                moved = self._tick()
                if not self._walks or engine.now() - started >= self._limit_s:
                    break
                if not moved or not self._once:
                    self._pause(tick_s(engine.env, [walk.rollout for walk in self._walks.values()]))
        finally:
            for service in tuple(self._walks):
                self._let_go(service, "walking")
        return tuple(self._found[service] for service in sorted(self._found))

    def _pick_up(self) -> None:
        """Take over every release that nobody walks and that there is something to do for."""
        left = [rollout for rollout in map(self._left, self._services()) if rollout is not None]
        now = self._engine.now()
        read = metered(self._engine, left, now)
        idle = {rollout.service: self._look(rollout, read, now) for rollout in left}
        for rollout in left:
            # Whoever goes together with one that goes on is walked with it: they end as one.
            others = (one for one in left if grouped(rollout, one))
            said = idle[rollout.service]
            if said is not None and not any(idle[one.service] is None for one in others):
                self._note(rollout, *said)
                continue
            try:
                self._take(rollout)
            except ConflictError as conflict:
                self._note(rollout, "conflict", conflict.what, conflict.hint)
            except CrabwalkError as fault:
                self._note(rollout, "failed", fault.what, fault.hint)

    def _look(self, rollout: Rollout, read: Metered, now: float) -> tuple[Patrol, str, str | None] | None:
        """Why there is nothing to do for a release now; None where there is."""
        dark_s = max(0.0, now - rollout.deadline) if self._once else 0.0
        try:
            decision = decide(rollout, observed(self._engine, rollout, read, now, dark_s), now)
        except ConflictError as conflict:
            return "conflict", conflict.what, conflict.hint
        except CrabwalkError as fault:
            return "failed", fault.what, fault.hint
        idle = self._idle(rollout, decision)
        return None if idle is None else (idle, decision.sentence, decision.next)

    def _services(self) -> Sequence[str]:
        return [name for name in self._engine.ledger.services() if name not in self._walks]

    def _left(self, service: str) -> Rollout | None:
        """The release of a service that is under way and that nobody walks."""
        try:
            rollout = self._engine.ledger.service(service).under_way
            if rollout is None:
                return None
            walker = living(self._engine, service)
        except CrabwalkError as fault:
            self._found[service] = Patrolled(service, "", "failed", fault.what, fault.hint or "")
            return None
        if walker is None:
            return rollout
        left = f"nothing to do; if that process is gone, its lease runs out in {walker.left_s:.0f} s"
        self._note(rollout, "busy", walker.told, left)
        return None

    def _idle(self, rollout: Rollout, decision: Decision) -> Patrol | None:
        """What it is called where there is nothing to do now; None where there is."""
        kind = decision.kind
        if kind == "conflict":
            return "conflict"
        if kind == "wait":
            if rollout.paused is not None:
                return "held"
            return "walking" if self._once else None
        noted = {"hold": rollout.phase == "held", "approval": rollout.waiting is not None, "quiet": True}
        return "held" if noted.get(kind, False) else None

    def _take(self, rollout: Rollout) -> None:
        engine, service = self._engine, rollout.service
        lease = Lease(engine.objects, service, ttl_s=engine.env.lease_s, doing="the watchdog")
        try:
            lease.acquire(self._say)
        except ConflictError as conflict:
            self._note(rollout, "busy", conflict.what, "nothing to do")
            return
        try:
            record = engine.ledger.service(service)
            if record.under_way is not None:
                record = engine.take_over(record, record.under_way, lease)
        except BaseException:
            lease.release()
            raise
        if record.rollout is None or record.rollout.over:  # ended meanwhile, or by what its holder left
            lease.release()
            self._ended(record.rollout or rollout, None)
            return
        share = percent(record.rollout.traffic(record.rollout.step))
        self._say(f"{service}: release {record.rollout.release_id} was left at {share}; it is taken over and goes on")
        # A look now and then cannot tell for how long the metrics are away: past the deadline they always were.
        dark = record.rollout.deadline if self._once and record.rollout.deadline < engine.now() else None
        self._walks[service] = Walk(record, record.rollout, lease, metrics_away_since=dark)

    def _tick(self) -> bool:
        """One look at every walk; whether any was moved."""
        before = tuple(self._walks.values())
        after = tick(self._engine, before, beside(self._engine, before))
        self._show([view(walk, self._engine.now()) for walk in after])
        moving = [
            walk.rollout
            for old, walk in zip(before, after, strict=True)
            if old.record.etag != walk.record.etag or walk.away_since is not None
        ]
        for walk in after:
            service = walk.rollout.service
            self._walks[service] = walk
            still = walk.rollout not in moving and not any(grouped(walk.rollout, one) for one in moving)
            if walk.finished or walk.rollout.paused is not None:
                self._let_go(service, "held")
            elif self._once and still:
                self._let_go(service, "walking")
        return any(old.record.etag != walk.record.etag for old, walk in zip(before, after, strict=True))

    def _let_go(self, service: str, otherwise: Patrol) -> None:
        """Give a walk back, and note how it stands."""
        walk = self._walks.pop(service)
        walk.lease.release()
        if walk.finished:
            self._ended(walk.rollout, walk.decision)
            return
        decision = walk.decision
        said = decision.sentence if decision is not None else "it goes on"
        self._note(walk.rollout, otherwise, said, decision.next if decision is not None else None)

    def _ended(self, rollout: Rollout, decision: Decision | None) -> None:
        result = result_of(rollout, decision, self._engine.now())
        self._note(rollout, result.outcome, result.sentence, result.next)  # type: ignore[arg-type]

    def _note(self, rollout: Rollout, outcome: Patrol, sentence: str, after: str | None) -> None:
        see = f"crabwalk status {rollout.service} --env {self._engine.env.name}"
        self._found[rollout.service] = Patrolled(rollout.service, rollout.release_id, outcome, sentence, after or see)
