"""One service and everybody who may work on it: two deployers, an on-call engineer, a console, whoever steers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
import release_kit as values
from actor_kit import Actor
from botocore.exceptions import ClientError
from boundary_kit import Call, boundary, current
from cloud_kit import FUNCTION, Cloud
from referee_kit import Referee
from scene_kit import hand_back

from pipeline.aws.functions import AliasState
from pipeline.release.ledger.head import trusted
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import ALIAS, Rollout, StepSpec
from pipeline.release.terms import Order, OrderKind
from pipeline.release.verbs.carry import carry_out
from pipeline.release.verbs.steering import Asker, ask
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import run

SERVICE = "hello"
STEPS = (StepSpec(0.1, 3), StepSpec(0.5, 3))


class Model:
    """One service, whoever works on it, and the referee."""

    def __init__(self) -> None:
        self.cloud = Cloud(values.START)
        self.cloud.of = self._traffic
        self.env = self.cloud.environment()
        self.referee = Referee(self.cloud, SERVICE)
        self.late: list[tuple[str, Call]] = []
        self.actors: list[Actor] = []
        self.by_hand = 0
        self._numbers = itertools.count(1)

    @contextmanager
    def standing(self) -> Iterator[Model]:
        """Meanwhile all of AWS is the model's, leases are renewed when it says so, and nobody really sleeps."""
        acquire, take_over = Lease.acquire, Engine.take_over

        def acquired(lease: Lease, say: Any, pause: Any = None) -> Lease:
            del pause
            actor = current()
            assert isinstance(actor, Actor)
            actor.leases.append(lease)
            return acquire(lease, say, pause=actor.pause)

        def taken(engine: Engine, record: Any, rollout: Rollout, lease: Lease) -> Any:
            actor = current()
            assert actor is not None
            self.referee.taken(actor.name, rollout.release_id)
            return take_over(engine, record, rollout, lease)

        with boundary(self.cloud.answer, self.referee.seen), pytest.MonkeyPatch.context() as patch:
            patch.setattr(Lease, "_renew", lambda _: None)
            patch.setattr(Lease, "acquire", acquired)
            patch.setattr(Engine, "take_over", taken)
            patch.setattr("pipeline.release.ledger.documents.COLLISION_PAUSE_S", 0)
            try:
                yield self
            finally:
                for actor in self.actors:
                    actor.kill()

    # the actors

    def deployer(self, *, bad: bool) -> Actor:
        return self._start("deploy", lambda actor: self._deploy(actor, bad=bad))

    def on_call(self, to: str | None = None) -> Actor:
        return self._start("rollback", lambda actor: self._roll_back(actor, to))

    def person(self, kind: OrderKind, reason: str) -> Actor:
        return self._start(kind, lambda actor: self._steer(actor, kind, reason))

    def _start(self, name: str, work: Callable[[Actor], None]) -> Actor:
        actor = Actor(f"{name}-{next(self._numbers)}", self.cloud, self.late, work)
        self.actors.append(actor)
        return actor

    def console(self, version: str, weights: dict[str, float], description: str | None) -> None:
        """Somebody sets the alias by hand; the console keeps the description unless it is changed too."""
        params: dict[str, Any] = {"FunctionVersion": version, "RoutingConfig": {"AdditionalVersionWeights": weights}}
        if description is not None:
            params["Description"] = description
        self._send("console", Call("lambda", "UpdateAlias", "", params))

    def deliver(self, index: int) -> None:
        """A write that was on its way arrives; nobody waits for the answer."""
        name, call = self.late.pop(index)
        with suppress(ClientError):
            self._send(name, call)

    def _send(self, by: str, call: Call) -> None:
        self.referee.seen(by, call, self.cloud.answer(call))

    def engine(self) -> Engine:
        return Engine(self.env, now=lambda: self.cloud.at)

    def _traffic(self, version: str | None, metric: str) -> float:
        """40 requests a period to whoever is walked, 60 to everybody else."""
        walked = self.referee.releases.values()
        mine = next((one for one in walked if one.rollout.candidate == version and not one.promoted), None)
        if metric == "Invocations":
            return 60.0 if mine is None else 40.0
        return 20.0 if mine is not None and mine.bad else 0.0

    def _deploy(self, actor: Actor, *, bad: bool) -> None:
        engine = self.engine()
        lease = Lease(engine.objects, SERVICE, ttl_s=self.env.lease_s, doing="a deploy")
        with lease.acquire(lambda _: None):
            record = engine.ledger.service(SERVICE)
            if record.under_way is not None:
                record = engine.take_over(record, record.under_way, lease)
            else:
                alias = engine.functions.alias(FUNCTION, ALIAS)
                if alias.weights:
                    return
                rollout = self._planned(actor, alias, engine.now())
                self.referee.planned(rollout, bad=bad)
                self.referee.taken(actor.name, rollout.release_id)
                record = engine.begin(record, rollout)
            if record.under_way is not None:
                run(engine, [Walk(record, record.under_way, lease)], lambda _: None, pause=actor.pause)

    def _planned(self, actor: Actor, alias: AliasState, started: float) -> Rollout:
        head = trusted(alias)
        return replace(
            values.FRESH,
            release_id=f"r-{actor.name}",
            function=FUNCTION,
            steps=STEPS,
            stable=alias.version,
            candidate=self.cloud.publish(),
            previous=head.previous if head else None,
            artifact=actor.name,
            revision=alias.revision,
            started=started,
        )

    def _roll_back(self, actor: Actor, to: str | None) -> None:
        hand_back(self.engine(), SERVICE, FUNCTION, actor=actor.name, pause=actor.pause, to=to)

    def _steer(self, actor: Actor, kind: OrderKind, reason: str) -> None:
        engine = self.engine()
        (order,) = ask(engine, kind, [SERVICE], Asker(actor.name, None, reason))
        if isinstance(order, Order):
            carry_out(engine, [(SERVICE, order)], go_on=kind != "pause", pause=actor.pause)

    # the end

    def settle(self) -> None:
        """All faults are over: what is on its way arrives, everybody alive dies, and recovery ends what is left."""
        while self.late:
            self.deliver(0)
        for actor in self.actors:
            actor.kill()
        for _ in range(4):
            self.cloud.at += 2 * self.env.lease_s
            for again in (lambda: self.person("resume", "at the end"), lambda: self.deployer(bad=False)):
                if self._left():
                    self._whole(again())
            if not self._left():
                return
            self._whole(self.on_call(self.cloud.alias["FunctionVersion"]))

    def _left(self) -> bool:
        return self.engine().ledger.service(SERVICE).under_way is not None

    def _whole(self, actor: Actor) -> None:
        for _ in range(2000):
            if not actor.alive:
                return
            actor.step()
        self.referee.wrong(f"{actor.name} does not end")
