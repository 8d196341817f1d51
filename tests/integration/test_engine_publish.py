"""From an artifact to a published, tried-out version: the right code, nobody in between, no traffic moved."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import edge_kit
import engine_kit as kit
import pytest
from engine_kit import BUCKET, World

from pipeline import local
from pipeline.aws.functions import Configuration, Functions, FunctionState
from pipeline.aws.metrics import Metrics
from pipeline.errors import AwsError, ConflictError, UsageError
from pipeline.release import observe, publish
from pipeline.release.candidate import Offer, Origin, offer
from pipeline.release.model import ALIAS
from pipeline.release.rollback import roll_back

FAILS = edge_kit.ECHO.replace("def handle(event, arn):", 'def handle(event, arn):\n    raise ValueError("broken")')
ANSWERS_500 = edge_kit.ECHO.replace(
    "def handle(event, arn):", 'def handle(event, arn):\n    return {"statusCode": 503}'
)


CONFIGURATION = Configuration("provided.al2023", 128, 10, {}, tracing=False)  # as the kit makes a function


@pytest.fixture
def world(embedded: local.Running, namespace: str) -> World:
    return kit.own_world(embedded, namespace)


def package(world: World, salt: str, body: str = edge_kit.ECHO) -> publish.Package:
    """A zip in the environment's bucket."""
    code = edge_kit.package(body, salt=salt)
    key = f"artifacts/{hashlib.sha256(code).hexdigest()}.zip"
    world.engine.objects.put(key, code)
    code_sha256 = base64.b64encode(hashlib.sha256(code).digest()).decode()
    return publish.Package(BUCKET, key, code_sha256, "x86_64", CONFIGURATION)


def released(world: World, made_of: publish.Package, functions: Functions | None = None) -> FunctionState:
    return publish.publish(functions or world.engine.functions, world.function, made_of, "c0ffee")


class Meddled(Functions):
    """Somebody puts other code into the function before our "update_code", "after" it, or before our "publish"."""

    def __init__(self, world: World, step: str) -> None:
        super().__init__(world.env)
        self._world, self._step = world, step

    def _meddle(self, step: str) -> None:
        if step == self._step:
            functions = self._world.raw
            functions.update_function_code(FunctionName=self._world.function, ZipFile=edge_kit.package(salt="foreign"))
            edge_kit.settle(functions, self._world.function)

    def update_code(self, function: str, **wanted: Any) -> FunctionState:
        self._meddle("update_code")
        done = super().update_code(function, **wanted)
        if self._step == "after":
            self.settle(function, None, time.sleep, now=time.monotonic)
        self._meddle("after")
        return done

    def publish(self, function: str, **wanted: Any) -> FunctionState:
        self._meddle("publish")
        return super().publish(function, **wanted)


def test_new_code_is_published_and_unchanged_code_is_the_same_version(world):
    made_of = package(world, "new")
    before = world.alias()
    first = released(world, made_of)
    assert (first.version, first.code_sha256, first.state) == ("2", made_of.code_sha256, "Active")
    assert released(world, made_of).version == "2"
    assert world.alias() == before


def test_latest_that_still_holds_the_bad_code_is_made_to_hold_the_good_one(world):
    good, bad = package(world, "good"), package(world, "bad")
    assert [released(world, one).version for one in (good, bad)] == ["2", "3"]
    world.meddle("2")  # rolled back: the alias moved, $LATEST did not
    assert world.engine.functions.state(world.function).code_sha256 == bad.code_sha256
    again = released(world, good)
    assert (again.version, again.code_sha256) == ("4", good.code_sha256)
    assert world.engine.functions.state(world.function).code_sha256 == good.code_sha256


@pytest.mark.parametrize("step", ["update_code", "after", "publish"])
def test_a_function_somebody_changes_in_between_is_a_conflict_and_not_published(world, step):
    made_of = package(world, "ours")
    before = world.alias()
    with pytest.raises(ConflictError) as conflict:
        released(world, made_of, Meddled(world, step))
    assert conflict.value.exit_code == 5
    assert conflict.value.where == world.function
    versions = world.raw.list_versions_by_function(FunctionName=world.function)["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1"]
    assert world.alias() == before


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        ({"MemorySize": 512}, "memory"),
        ({"Timeout": 30}, "timeout"),
        ({"Runtime": "provided.al2"}, "runtime"),
        ({"TracingConfig": {"Mode": "Active"}}, "tracing"),
        ({"Environment": {"Variables": {"TOKEN": "secret"}}}, "variable TOKEN"),
    ],
)
def test_anothers_configuration_is_a_conflict_and_not_published(world, theirs, named):
    made_of = package(world, "ours")
    world.raw.update_function_configuration(FunctionName=world.function, **theirs)
    with pytest.raises(ConflictError, match=f"is not configured as the manifest says: {named}$"):
        released(world, made_of)
    assert world.engine.functions.state(world.function).code_sha256 != made_of.code_sha256
    versions = world.raw.list_versions_by_function(FunctionName=world.function)["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1"]


def test_anothers_configuration_while_our_code_settles_is_a_conflict_too(world):
    class Applied(Functions):
        def update_code(self, function: str, **wanted: Any) -> FunctionState:
            done = super().update_code(function, **wanted)
            edge_kit.settle(world.raw, function)
            world.raw.update_function_configuration(FunctionName=function, MemorySize=512)
            return done

    made_of = package(world, "ours")
    with pytest.raises(ConflictError, match=r"memory$"):
        released(world, made_of, Applied(world.env))
    own = replace(made_of, configuration=replace(CONFIGURATION, memory_mb=512))
    assert released(world, own).configuration.memory_mb == 512


# smoke


def service(tmp_path: Path, configuration: Configuration, *smoke: str) -> Any:
    for name in smoke:
        if name != "missing.json":
            (tmp_path / name).write_text("{}")
    declared = SimpleNamespace(
        steps=(SimpleNamespace(traffic=0.1, bake_s=10.0),),
        min_requests=1,
        deadline_s=60.0,
        on_inconclusive="rollback",
        smoke=smoke,
    )
    return SimpleNamespace(name="", directory=tmp_path, release=declared, **asdict(configuration))


def offered(world: World, tmp_path: Path, made_of: publish.Package, *smoke: str) -> Offer:
    artifact = SimpleNamespace(
        key=made_of.key, code_sha256=made_of.code_sha256, architecture="x86_64", sha256=made_of.key[10:74]
    )
    origin = Origin(world.function, "c0ffee" * 6, "Greet", artifact, "config", "arn:actor", None)  # type: ignore[arg-type]
    what = service(tmp_path, made_of.configuration, *smoke)
    what.name = world.service
    with world.lease() as lease:
        return offer(world.engine, what, origin, world.record(), lease, say=lambda _: None)


def test_a_version_that_answers_its_events_is_offered_without_traffic(world, tmp_path):
    before = world.alias()
    made = offered(world, tmp_path, package(world, "fine"), "one.json", "two.json")
    assert (made.live, made.rejected) == (None, None)
    assert made.walk is not None
    assert (made.walk.rollout.stable, made.walk.rollout.candidate, made.walk.rollout.step) == ("1", "2", -1)
    assert made.walk.rollout.revision == before.revision
    assert world.record().under_way == made.walk.rollout
    assert world.alias() == before


def test_an_alias_that_is_changed_while_a_version_is_prepared_is_not_walked(world, tmp_path, monkeypatch):
    made_of = package(world, "prepared")
    released(world, package(world, "another"))
    invoke = Functions.invoke

    def at_three_in_the_morning(self: Functions, *asked: Any) -> Any:
        roll_back(self, world.function, ALIAS, "2")
        return invoke(self, *asked)

    monkeypatch.setattr(Functions, "invoke", at_three_in_the_morning)
    with pytest.raises(ConflictError, match="was changed while its release was prepared") as conflict:
        offered(world, tmp_path, made_of, "one.json")
    assert conflict.value.hint
    assert (world.alias().version, world.record().rollout) == ("2", None)


def test_evidence_is_waited_for_as_long_as_the_slower_version_may_take(world, tmp_path):
    configuration = replace(CONFIGURATION, timeout_s=4)
    world.raw.update_function_configuration(FunctionName=world.function, Timeout=4)
    made = offered(world, tmp_path, replace(package(world, "quicker"), configuration=configuration))
    assert made.walk is not None
    assert made.walk.rollout.timeout_s == 10  # version 1's, whose requests are counted too


@pytest.mark.parametrize(
    ("body", "fault"), [(FAILS, "version 2 failed: broken"), (ANSWERS_500, "version 2 answered 503")]
)
def test_a_version_that_fails_a_smoke_check_gets_no_traffic_and_is_not_tried_again(world, tmp_path, body, fault):
    made_of, before = package(world, "faulty", body), world.alias()
    made = offered(world, tmp_path, made_of, "one.json")
    assert (made.walk, made.live) == (None, None)
    assert made.rejected is not None
    assert made.rejected.sentence == f"smoke check one.json: {fault}; no traffic was moved"
    record = world.record()
    assert record.under_way is None
    assert record.rejection(made_of.key[10:74], "config") is not None
    (entry,) = world.engine.ledger.history(world.service, 5)
    assert (entry.outcome, entry.reason) == ("rolled-back", "smoke")
    assert world.alias() == before


def test_a_release_that_stops_in_its_smoke_checks_is_not_left_to_be_walked(world, tmp_path):
    made_of = package(world, "stopped")
    with pytest.raises(UsageError, match="the smoke event cannot be read"):
        offered(world, tmp_path, made_of, "missing.json")
    assert world.record().under_way is None
    again = offered(world, tmp_path, made_of, "one.json")
    assert again.walk is not None
    assert again.walk.rollout.candidate == "2"


@pytest.mark.parametrize("how", ["429", "403", "never-arrived"])
def test_a_smoke_check_that_aws_did_not_let_happen_says_nothing_of_the_version(world, tmp_path, how):
    made_of, before = package(world, "fine"), world.record()
    invokes = world.engine.functions._invokes
    with kit.losing(world.env, "Invoke", how, of=invokes) as lost, pytest.raises(AwsError, match="could not invoke"):
        offered(world, tmp_path, made_of, "one.json")
    assert lost == ["Invoke"]  # once: a version is not run twice beside itself
    assert (world.record(), world.engine.ledger.history(world.service, 5)) == (before, ())
    assert invokes.meta.config.read_timeout > 900
    assert offered(world, tmp_path, made_of, "one.json").walk is not None


def test_what_is_live_already_is_not_offered(world, tmp_path):
    made_of = package(world, "live")
    released(world, made_of)
    world.meddle("2")
    assert offered(world, tmp_path, made_of) == Offer(live="2")


def test_an_alias_that_is_split_is_not_released_to(embedded, namespace, tmp_path):
    world = kit.world(embedded, namespace)
    world.meddle("1", {"2": 0.2})
    with pytest.raises(ConflictError, match="is split although no release is under way"):
        offered(world, tmp_path, package(world, "third"))


# evidence


def test_requests_and_errors_of_both_versions_are_what_the_judge_gets(world, tmp_path):
    made = offered(world, tmp_path, package(world, "counted"))
    assert made.walk is not None
    world.at = time.time() - 1.0
    decision = SimpleNamespace(kind="shift", step=0, verdict=None, sentence="")
    seen = SimpleNamespace(alias=world.alias())
    record = world.engine.act(made.walk.record, made.walk.rollout, seen, decision)  # type: ignore[arg-type]
    rollout = record.rollout
    assert rollout is not None
    for number in range(60):
        target = f"{world.function}:{ALIAS}"
        edge_kit.invoke(world.raw, target, {"fail": number % 3 == 0})
    metrics, later = Metrics(world.env), time.time() + 60
    kit.until(lambda: _totals(metrics, rollout, later)[0] == 60)
    assert _totals(metrics, rollout, later) == (60, 20)


def _totals(metrics: Metrics, rollout: Any, now: float) -> tuple[int, int]:
    """All requests and errors of the walk, read as a controller does when all is complete."""
    values, error = observe.read(metrics, [rollout], now)
    assert error is None
    rows = [row for row in observe.minutes(rollout, values, now) if row.step == 0]
    both = [count for row in rows for count in (row.canary, row.baseline)]
    return sum(one.n for one in both), sum(one.bad for one in both)
