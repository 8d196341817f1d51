"""Random interleavings of two deployers, an on-call rollback and a console user, with faults at any call."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any

from actor_kit import ORDERS, Actor
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from model_kit import Model

from pipeline.release.terms import OrderKind

EXHAUSTIVE = bool(os.environ.get("CRABWALK_EXHAUSTIVE"))
SHARES = (0.05, 0.1, 0.5, 0.9)


class Interleavings(RuleBasedStateMachine):
    """What anybody may do next."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self._standing = ExitStack()
        self._standing.enter_context(self.model.standing())

    def alive(self, kind: str = "") -> list[Actor]:
        return [one for one in self.model.actors if one.alive and one.name.startswith(kind)]

    def on(self, actor: Actor, calls: int, fault: str = "") -> None:
        """So many calls, and with a fault one more."""
        for number in range(calls + bool(fault)):
            if actor.alive:
                actor.step(fault if number == calls else "")

    def people(self) -> list[Actor]:
        return [one for one in self.alive() if not one.name.startswith(("deploy", "rollback"))]

    @precondition(lambda self: len(self.alive("deploy")) < 2)
    @rule(bad=st.booleans(), calls=st.integers(0, 40))
    def deploy(self, bad: bool, calls: int) -> None:
        self.on(self.model.deployer(bad=bad), calls)

    @precondition(lambda self: not self.alive("rollback") and self.model.referee.releases)
    @rule(calls=st.integers(0, 8))
    def roll_back(self, calls: int) -> None:
        self.on(self.model.on_call(), calls)

    @precondition(lambda self: not self.people() and self.model.referee.releases)
    @rule(
        kind=st.sampled_from(("promote", "full", "pause", "resume", "abort")),
        reason=st.sampled_from(("", "because")),
        calls=st.integers(0, 20),
    )
    def steer(self, kind: OrderKind, reason: str, calls: int) -> None:
        self.on(self.model.person(kind, reason), calls)

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), calls=st.integers(1, 60))
    def go_on(self, data: Any, calls: int) -> None:
        self.on(data.draw(st.sampled_from(self.alive())), calls)

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), calls=st.integers(0, 12), fault=st.sampled_from(sorted(ORDERS)))
    def fault(self, data: Any, calls: int, fault: str) -> None:
        self.on(data.draw(st.sampled_from(self.alive())), calls, fault)

    @precondition(lambda self: self.alive("deploy"))
    @rule(data=st.data())
    def renew(self, data: Any) -> None:
        data.draw(st.sampled_from(self.alive("deploy"))).renew()

    @precondition(lambda self: self.model.late)
    @rule(data=st.data())
    def arrives(self, data: Any) -> None:
        self.model.deliver(data.draw(st.integers(0, len(self.model.late) - 1)))

    @rule(seconds=st.integers(1, 12))
    def time_passes(self, seconds: int) -> None:
        self.model.cloud.at += seconds

    @precondition(lambda self: self.model.referee.releases and self.model.by_hand < 2)
    @rule(data=st.data(), share=st.sampled_from((0.0, *SHARES)), described=st.booleans())
    def by_hand(self, data: Any, share: float, described: bool) -> None:
        self.model.by_hand += 1
        versions = sorted(self.model.cloud.versions)
        version = data.draw(st.sampled_from(versions))
        others = [one for one in versions if one != version]
        weights = {data.draw(st.sampled_from(others)): share} if share and others else {}
        self.model.console(version, weights, "by hand" if described else None)

    @invariant()
    def holds(self) -> None:
        referee = self.model.referee
        assert not referee.violations, "\n".join(referee.log)

    def teardown(self) -> None:
        with self._standing:
            self.model.settle()
            self.model.referee.check_end(self.model.engine().ledger)
            self.holds()


Interleavings.TestCase.settings = settings(
    max_examples=3000 if EXHAUSTIVE else 150,
    stateful_step_count=80 if EXHAUSTIVE else 50,
    derandomize=not EXHAUSTIVE,  # the same interleavings each time, others with `make test-all`
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestInterleavings = Interleavings.TestCase
