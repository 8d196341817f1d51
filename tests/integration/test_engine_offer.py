"""What is offered for a walk: tried out with its events, not rolled back before, and its evidence is what is read."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import edge_kit
import engine_kit as kit
import pytest
from engine_kit import World
from offer_kit import CONFIGURATION, offered, package, released
from release_kit import saw

from pipeline import local
from pipeline.aws.functions import Functions
from pipeline.aws.metrics import Metrics
from pipeline.errors import AwsError, ConflictError, UsageError
from pipeline.release.decide import observe
from pipeline.release.model import ALIAS
from pipeline.release.rollback.rollback import roll_back
from pipeline.release.walk.candidate import Offer
from pipeline.release.walk.freeze import thaw

FAILS = edge_kit.ECHO.replace("def handle(event, arn):", 'def handle(event, arn):\n    raise ValueError("broken")')
ANSWERS_500 = edge_kit.ECHO.replace(
    "def handle(event, arn):", 'def handle(event, arn):\n    return {"statusCode": 503}'
)


@pytest.fixture
def world(embedded: local.Running, namespace: str) -> World:
    return kit.own_world(embedded, namespace)


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


def test_what_the_alias_says_was_rolled_back_is_not_tried_again_unasked(world, tmp_path):
    """The ledger knows nothing of it: the rollback was made with --function, or its record was never written."""
    bad = package(world, "bad")
    assert released(world, bad).version == "2"
    world.meddle("2")
    roll_back(world.engine.functions, world.function, ALIAS, "1")
    thaw(world.engine, world.record(), world.function)
    before = world.alias()
    assert world.record().rejected == ()
    assert offered(world, tmp_path, bad) == Offer(
        refused="version 2 of the same artifact and configuration was rolled back"
    )
    assert (world.alias(), world.record().rollout) == (before, None)
    asked_for = offered(world, tmp_path, bad, retry=True)
    assert asked_for.walk is not None
    assert asked_for.walk.rollout.candidate == "2"


def test_other_bytes_or_another_configuration_than_what_was_rolled_back_are_tried(world, tmp_path):
    bad = package(world, "bad")
    released(world, bad)
    world.meddle("2")
    roll_back(world.engine.functions, world.function, ALIAS, "1")
    thaw(world.engine, world.record(), world.function)
    configured = replace(bad, configuration=replace(CONFIGURATION, memory_mb=512))
    world.raw.update_function_configuration(FunctionName=world.function, MemorySize=512)
    assert offered(world, tmp_path, configured).refused is None
    world.raw.update_function_configuration(FunctionName=world.function, MemorySize=128)
    world.engine.ledger.save(replace(world.record(), rollout=None))
    assert offered(world, tmp_path, package(world, "fixed")).refused is None


def test_a_rolled_back_version_that_was_deleted_is_in_nobodys_way(world, tmp_path):
    bad = package(world, "bad")
    released(world, bad)
    world.meddle("2")
    roll_back(world.engine.functions, world.function, ALIAS, "1")
    thaw(world.engine, world.record(), world.function)
    world.raw.delete_function(FunctionName=world.function, Qualifier="2")
    assert offered(world, tmp_path, bad).walk is not None


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
    assert (entry.outcome, entry.reason) == ("rejected", "smoke")
    assert world.alias() == before


def test_a_release_that_stops_in_its_smoke_checks_is_not_left_to_be_walked(world, tmp_path):
    made_of = package(world, "stopped")
    with pytest.raises(UsageError, match="the smoke event cannot be read"):
        offered(world, tmp_path, made_of, "missing.json")
    assert world.record().under_way is None
    again = offered(world, tmp_path, made_of, "one.json")
    assert again.walk is not None
    assert again.walk.rollout.candidate == "2"


@pytest.mark.parametrize(("how", "times"), [("429", 2), ("403", 1), ("never-arrived", 2)])
def test_a_smoke_check_that_aws_did_not_let_happen_says_nothing_of_the_version(world, tmp_path, how, times):
    made_of, before = package(world, "fine"), world.record()
    invokes = world.engine.functions._invokes
    with (
        kit.losing(world.env, "Invoke", how, times=5, of=invokes) as lost,
        pytest.raises(AwsError, match="could not invoke"),
    ):
        offered(world, tmp_path, made_of, "one.json")
    assert len(lost) == times  # once more where it may pass
    assert (world.record(), world.engine.ledger.history(world.service, 5)) == (before, ())
    assert invokes.meta.config.read_timeout > 900
    assert offered(world, tmp_path, made_of, "one.json").walk is not None


def test_one_throttle_does_not_stop_a_release_in_its_smoke_checks(world, tmp_path):
    made_of, invokes = package(world, "fine"), world.engine.functions._invokes
    with kit.losing(world.env, "Invoke", "429", of=invokes) as lost:
        assert offered(world, tmp_path, made_of, "one.json").walk is not None
    assert lost == ["Invoke"]


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
    decision, seen = kit.forward(made.walk.rollout, 0), saw(world.alias())
    record = world.engine.act(made.walk.record, made.walk.rollout, seen, decision)
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
    rows = [row for row in observe.minutes(rollout, values, now)["errors"] if row.step == 0]
    both = [count for row in rows for count in (row.canary, row.baseline)]
    return sum(one.n for one in both), sum(one.bad for one in both)
