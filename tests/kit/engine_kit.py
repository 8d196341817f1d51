"""For the tests of the release engine on the embedded AWS: a function with three versions, its alias, lost answers."""

from __future__ import annotations

import functools
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import edge_kit as kit
import release_kit as values
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from pipeline import aws, local
from pipeline.aws.functions import AliasState
from pipeline.aws.metrics import Series
from pipeline.aws.objects import Objects, PreconditionFailed
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment
from pipeline.release.decide.decide import decide
from pipeline.release.decide.decision import Decision
from pipeline.release.decide.standing import head_of
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS, Rollout
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import run

FUNCTION = "engine"
BUCKET = "engine-ledger"


@functools.lru_cache(maxsize=1)
def environment(running: local.Running) -> Environment:
    """The environment of these tests, with its bucket."""
    kit.client(running, "s3").create_bucket(Bucket=BUCKET)
    return Environment(
        name="local",
        account="000000000000",
        region="us-east-1",
        bucket=BUCKET,
        endpoint=running.endpoint,
        credentials=("test", "test"),
        period_s=1,
        lag_s=1,
        lease_s=8,
        tick_s=0.5,
        emf_lag_s=1,
        embedded=True,
    )


@functools.lru_cache(maxsize=1)
def _function(running: local.Running) -> Any:
    functions = kit.client(running, "lambda")
    kit.two_versions(functions, FUNCTION)
    functions.update_function_code(FunctionName=FUNCTION, ZipFile=kit.package(salt="third"))
    kit.settle(functions, FUNCTION)
    functions.publish_version(FunctionName=FUNCTION)
    return functions


@dataclass
class Feed:
    """Metrics as a test wants them: requests and errors of a version in a period."""

    of: Callable[[str | None, str], float] = lambda _version, _metric: 0.0
    fault: AwsError | None = None

    def read(self, series: Any, start: float, end: float) -> dict[Series, dict[float, float]]:
        if self.fault is not None:
            raise self.fault
        return {
            one: {float(t): self.of(one.version, one.metric) for t in range(int(start), int(end))} for one in series
        }


def traffic(*, bad: float = 0.0) -> Callable[[str | None, str], float]:
    """40 requests a period to version 2, 60 to version 1; `bad` of version 2's fail."""
    numbers = {("2", "Invocations"): 40.0, ("2", "Errors"): 40.0 * bad, ("1", "Invocations"): 60.0}
    return lambda version, metric: numbers.get((str(version), metric), 0.0)


@dataclass
class World:
    """One service of a test on the shared function, its alias `live` fresh on version 1; time is the test's."""

    env: Environment
    service: str
    raw: Any
    function: str = FUNCTION
    at: float = values.START + 0.5
    feed: Feed = field(default_factory=Feed)
    shown: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = self.controller()

    def controller(self) -> Engine:
        """A controller as another process would have it."""
        engine = Engine(self.env, now=lambda: self.at)
        engine.metrics = self.feed  # type: ignore[assignment]
        return engine

    def lease(self) -> Lease:
        return Lease(self.engine.objects, self.service, ttl_s=8, doing="a test").acquire(lambda _: None)

    def pass_time(self, _seconds: float) -> None:
        self.at += 1.0

    def look(self, _views: Any) -> None:
        alias = self.alias()
        if not self.shown or self.shown[-1] != (alias.version, dict(alias.weights)):
            self.shown.append((alias.version, dict(alias.weights)))

    @property
    def rollout(self) -> Rollout:
        """A rollout that has not begun."""
        return replace(values.FRESH, service=self.service, function=self.function, started=values.START)

    def begun(self, **changes: Any) -> ServiceRecord:
        """A recorded rollout that has not moved traffic."""
        return self.engine.begin(self.engine.ledger.service(self.service), replace(self.rollout, **changes))

    def walking(self, step: int = 0, **changes: Any) -> ServiceRecord:
        """A recorded rollout in `step`, with the alias to match."""
        starts = tuple(values.START + 20 * index for index in range(step + 1))
        begun = replace(self.rollout, phase="walking", step=step, step_starts=starts, nonce=values.NONCE)
        rollout = replace(begun, **changes)
        head = head_of(rollout, step, values.NONCE)
        self.engine.functions.write_alias(self.alias(), head.primary, head.weights, str(head))
        self.at = starts[-1] + 0.5
        return self.engine.begin(self.engine.ledger.service(self.service), rollout)

    def walk(self, record: ServiceRecord, lease: Lease) -> Walk:
        assert record.rollout is not None
        return Walk(record, record.rollout, lease)

    def alias(self) -> AliasState:
        return self.engine.functions.alias(self.function, ALIAS)

    def record(self) -> ServiceRecord:
        return self.engine.ledger.service(self.service)

    def meddle(self, version: str = "1", weights: dict[str, float] | None = None, **more: Any) -> AliasState:
        """Somebody else's write."""
        routing = {"AdditionalVersionWeights": weights or {}}
        wanted = {"FunctionName": self.function, "Name": ALIAS, "FunctionVersion": version, "RoutingConfig": routing}
        self.raw.update_alias(**wanted, **more)
        return self.alias()


def world(running: local.Running, namespace: str) -> World:
    raw = _function(running)
    if any(one["Name"] == ALIAS for one in raw.list_aliases(FunctionName=FUNCTION)["Aliases"]):
        raw.delete_alias(FunctionName=FUNCTION, Name=ALIAS)
    raw.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="1")
    return World(environment(running), namespace, raw)


def own_world(running: local.Running, namespace: str) -> World:
    """A service with a function of its own, at version 1."""
    raw = kit.client(running, "lambda")
    kit.create(raw, namespace)
    raw.publish_version(FunctionName=namespace)
    raw.create_alias(FunctionName=namespace, Name=ALIAS, FunctionVersion="1")
    return World(environment(running), namespace, raw, namespace)


def promoted(world: World) -> None:
    """Version 2 promoted over version 1, recorded."""
    record = world.walking(1)
    rollout = record.rollout
    assert rollout is not None
    decision = decide(rollout, values.saw(world.alias(), values.periods(10, *values.GOOD, step=1)), world.at)
    assert decision.kind == "promote"
    world.engine.act(record, rollout, values.saw(world.alias(), ()), decision)


def until(condition: Callable[[], Any], limit_s: float = 120.0) -> None:
    """Poll until it is so; a test that waits in vain fails."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


class Faulty(Objects):
    """Objects whose next writes end as a test says: a function of the write itself."""

    def __init__(self, world: World) -> None:
        super().__init__(world.env)
        self.faults: list[Callable[[Callable[[], str]], str]] = []

    def put(self, key: str, body: bytes, *, if_match: str | None = None, if_absent: bool = False) -> str:
        def write() -> str:
            return super(Faulty, self).put(key, body, if_match=if_match, if_absent=if_absent)

        return self.faults.pop(0)(write) if self.faults else write()


def met_another(_write: Callable[[], str]) -> str:
    raise PreconditionFailed


def refused_after_success(write: Callable[[], str]) -> str:
    write()
    raise PreconditionFailed


def unanswered(write: Callable[[], str]) -> str:
    write()
    raise AwsError("could not write: AWS cannot be reached")


def away(_write: Callable[[], str]) -> str:
    raise AwsError("could not write: AWS cannot be reached")


def _timeout() -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url="http://aws")


def _answer(status: int, code: str) -> Callable[..., None]:
    def handle(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        http_response.status_code = status
        parsed["Error"] = {"Code": code, "Message": "said by the test"}
        parsed["ResponseMetadata"]["HTTPStatusCode"] = status

    return handle


def _raise(**_: Any) -> None:
    raise _timeout()


def _refuse(**_: Any) -> None:
    raise EndpointConnectionError(endpoint_url="http://aws")


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _instead(status: int, code: str) -> Callable[..., AWSResponse]:
    """AWS answers so and does nothing."""

    def handle(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, {"x-amzn-errortype": code}, _Body(b'{"message": "said by the test"}'))

    return handle


# How an answer is lost: the call's event, and what happens in it. What is lost before it is sent AWS never has.
LOSSES: dict[str, tuple[str, Callable[..., AWSResponse | None]]] = {
    "timeout": ("after-call", _raise),
    "503": ("after-call", _answer(503, "ServiceException")),
    "429": ("before-send", _instead(429, "TooManyRequestsException")),
    "409": ("before-send", _instead(409, "ResourceConflictException")),
    "403": ("before-send", _instead(403, "AccessDeniedException")),
    "412": ("after-call", _answer(412, "PreconditionFailedException")),
    "never-arrived": ("before-send", _raise),
    "refused": ("before-send", _refuse),
}


@contextmanager
def losing(env: Environment, operation: str, how: str, times: int = 1, of: Any = None) -> Iterator[list[str]]:
    """Lose the answers of the next calls of this operation (`of`: the client); yields the list of those lost."""
    client = of or aws.client(env, "lambda", retries=False)
    events, service = client.meta.events, client.meta.service_model.service_id.hyphenize()
    event, act = LOSSES[how]
    lost: list[str] = []

    def handle(**details: Any) -> AWSResponse | None:
        if len(lost) >= times:
            return None
        lost.append(operation)
        return act(**details)

    name = f"{event}.{service}.{operation}"
    events.register(name, handle)
    try:
        yield lost
    finally:
        events.unregister(name, handle)


def finish(world: World, walk: Walk) -> Walk:
    """Walk to the end on the fed evidence."""
    return run(world.engine, [walk], world.look, world.pass_time)[0]


def rollout_of(world: World) -> Rollout:
    """The rollout the ledger has, under way or over."""
    found = world.record().rollout
    assert found is not None
    return found


def forward(rollout: Rollout, step: int) -> Decision:
    """A decision to begin `step`, or to promote after the last."""
    return Decision("shift" if step < len(rollout.steps) else "promote", "it looks good", "go on", step=step)
