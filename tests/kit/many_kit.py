"""For the tests and the bench of many walks at once: services with functions of their own, fed evidence, calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import edge_kit
import engine_kit
import release_kit as values

from pipeline import aws, local
from pipeline.aws.functions import AliasState
from pipeline.aws.metrics import Series
from pipeline.manifest.environments import Environment
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS, Rollout
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk

Traffic = Callable[[str | None, str], float]


class NoLease(Lease):
    """A lease nobody contests: taking fifty real ones is measured elsewhere."""

    def __init__(self) -> None:
        """Hold nothing."""

    def check(self) -> None:
        """It is never lost."""

    def confirm(self) -> None:
        """It is nobody else's."""

    def release(self) -> None:
        """Nothing is given back."""


@dataclass
class Fleet:
    """Services, each at version 1 of a function of its own with a version 2 to walk; time is the test's."""

    env: Environment
    names: tuple[str, ...]
    raw: Any
    at: float = values.START + 0.5
    traffic: dict[str, Traffic] = field(default_factory=dict)  # by service; a good new version where not said
    reads: int = 0

    def __post_init__(self) -> None:
        self.engine = self.controller()

    def controller(self) -> Engine:
        """A controller as another process would have it."""
        engine = Engine(self.env, now=lambda: self.at)
        engine.metrics = self  # type: ignore[assignment]
        return engine

    def read(self, series: Sequence[Series], start: float, end: float) -> dict[Series, dict[float, float]]:
        """The metrics as fed."""
        self.reads += 1
        good = engine_kit.traffic()
        return {
            one: {
                float(t): self.traffic.get(one.function, good)(one.version, one.metric)
                for t in range(int(start), int(end))
            }
            for one in series
        }

    def again(self, running: local.Running, namespace: str) -> Fleet:
        """The same functions with their aliases at version 1 again, and records nobody has written to."""
        bucket = f"{namespace}-many"
        edge_kit.client(running, "s3").create_bucket(Bucket=bucket)

        def back(name: str) -> None:
            self.raw.delete_alias(FunctionName=name, Name=ALIAS)
            self.raw.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion="1")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(back, self.names))
        return Fleet(replace(self.env, bucket=bucket), self.names, self.raw)

    def pass_time(self, _seconds: float) -> None:
        """The pause between two rounds."""
        self.at += 1.0

    def rollout(self, name: str, **changes: Any) -> Rollout:
        """A rollout of one of the services that has not begun."""
        fresh = replace(values.FRESH, service=name, function=name, release_id=f"{values.FRESH.release_id}-{name}")
        return replace(fresh, **{"started": self.at, **changes})

    def begin(self, rollout: Rollout) -> Walk:
        """Recorded, without any traffic moved."""
        return Walk(self.engine.begin(self.record(rollout.service), rollout), rollout, NoLease())

    def begun(self, names: Sequence[str] | None = None, **changes: Any) -> tuple[Walk, ...]:
        """All of them, or those named."""
        with ThreadPoolExecutor(8) as pool:
            return tuple(pool.map(lambda name: self.begin(self.rollout(name, **changes)), names or self.names))

    def alias(self, name: str) -> AliasState:
        """Where a service's traffic is."""
        return self.engine.functions.alias(name, ALIAS)

    def record(self, name: str) -> ServiceRecord:
        """What the ledger has of a service."""
        return self.engine.ledger.service(name)

    def phases(self) -> Counter[str]:
        """How many releases the ledger has in which phase."""
        found = [self.record(name).rollout for name in self.names]
        return Counter(one.phase for one in found if one is not None)


def fleet(running: local.Running, namespace: str, count: int) -> Fleet:
    """So many services at version 1."""
    raw = edge_kit.client(running, "lambda")
    code = edge_kit.package()
    names = tuple(f"{namespace}-{number:02}" for number in range(count))

    def make(name: str) -> None:
        edge_kit.create(raw, name, code)
        raw.publish_version(FunctionName=name)
        raw.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion="1")
        raw.update_function_configuration(FunctionName=name, Description="second")
        edge_kit.settle(raw, name)
        raw.publish_version(FunctionName=name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, names))
    return Fleet(engine_kit.environment(running), names, raw)


@contextmanager
def counting(env: Environment) -> Iterator[Counter[str]]:
    """Every request sent to AWS meanwhile, by operation, repeated ones included."""
    counts: Counter[str] = Counter()

    def sent(event_name: str, **_: Any) -> None:
        counts[event_name.rpartition(".")[2]] += 1

    clients = [aws.client(env, name, retries=again) for name in ("lambda", "s3") for again in (True, False)]
    emitters = [one.meta.events for one in (*clients, aws.client(env, "cloudwatch"))]
    for events in emitters:
        events.register("before-send", sent)
    try:
        yield counts
    finally:
        for events in emitters:
            events.unregister("before-send", sent)
