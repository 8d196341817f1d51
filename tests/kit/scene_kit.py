"""The stage of one service: on the embedded AWS or in memory, with the test's clocks and a trace of its alias."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import engine_kit as kit
import release_kit as values
from boundary_kit import Call, boundary
from cloud_kit import FUNCTION, Cloud, metrics
from engine_kit import World
from trace_kit import Written, written

from pipeline.aws.functions import AliasState, Functions
from pipeline.aws.identity import whoami
from pipeline.aws.objects import Objects
from pipeline.release.ledger.ledger import Ledger
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS
from pipeline.release.rollback.record import Note, needs_record, record_rollback
from pipeline.release.rollback.rollback import roll_back
from pipeline.release.rollback.unrecorded import persist
from pipeline.release.walk.act import Engine

TICK_S = 4.0


@dataclass
class Small:
    """What a scene needs of a world, in a cloud of its own."""

    cloud: Cloud = field(default_factory=lambda: Cloud(values.START + 0.5))
    feed: kit.Feed = field(default_factory=kit.Feed)
    service: str = "hello"
    function: str = FUNCTION

    def __post_init__(self) -> None:
        self.cloud.versions |= {"2", "3"}
        self.env = self.cloud.environment()
        self.rollout = replace(values.FRESH, service=self.service, function=FUNCTION, started=values.START)

    @property
    def at(self) -> float:
        return self.cloud.at

    @at.setter
    def at(self, now: float) -> None:
        self.cloud.at = now

    def alias(self) -> AliasState:
        return Functions(self.env).alias(FUNCTION, ALIAS)

    def record(self) -> ServiceRecord:
        return Ledger(Objects(self.env)).service(self.service)


@dataclass
class Scene:
    """One service, its clocks, and every alias write that AWS accepted."""

    world: World | Small
    trace: list[Written] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # how each process ended that did not do its work
    passed: float = 0.0  # by S3's clock, beside the real time
    stamped: dict[str, float] = field(default_factory=dict)

    def engine(self) -> Engine:
        return Engine(self.world.env, now=lambda: self.world.at)

    def wait(self, seconds: float) -> None:
        self.world.at += seconds
        self.passed += seconds

    def tick(self, _seconds: float) -> None:
        self.wait(TICK_S)

    def seen(self, by: str, call: Call, answer: Any) -> None:
        if call.operation == "UpdateAlias":
            self.trace.append(written(by, self.world.at, answer))
        if isinstance(self.world, Small):
            return
        if call.operation == "PutObject":
            self.stamped[call.params["Key"]] = self.passed
        if call.operation == "GetObject":  # the server's clock has gone on as the test's has
            headers = answer["ResponseMetadata"]["HTTPHeaders"]
            moved = timedelta(seconds=self.passed - self.stamped.get(call.params["Key"], 0.0))
            headers["date"] = format_datetime(parsedate_to_datetime(headers["date"]) + moved, usegmt=True)

    def answer(self, call: Call) -> Any:
        """CloudWatch is the test's; so is the rest where there is no embedded AWS."""
        if call.operation == "GetMetricData":
            return metrics(self.world.feed.of, call.params)
        return self.world.cloud.answer(call) if isinstance(self.world, Small) else None

    @contextmanager
    def standing(self) -> Iterator[Scene]:
        with boundary(self.answer, self.seen):
            yield self


def hand_back(
    engine: Engine, service: str, function: str, *, actor: str, pause: Callable[[float], None], to: str | None = None
) -> None:
    """`crabwalk rollback`: the traffic, then the record of it."""
    env = engine.env
    done = roll_back(engine.functions, function, ALIAS, to, account=env.account, pause=pause)
    if not needs_record(done):
        return
    who = whoami(env).arn
    note = Note(
        service=service,
        environment=env.name,
        function=function,
        head=done.after.description,
        moved=done.plan.target is not None,
        sentence=done.plan.sentence,
        actor=f"{who}/{actor}",
        claimed_actor=None,
        reason="it burns",
        at=engine.now(),
    )
    persist(lambda: record_rollback(engine.ledger, note, pause=pause), pause)
