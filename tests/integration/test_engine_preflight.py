"""What cannot be walked is said before anything is published; alarms that ring already are told and not counted."""

from __future__ import annotations

import edge_kit
import engine_kit as kit
import pytest
from engine_kit import finish
from offer_kit import offered, package

from pipeline.errors import UsageError
from pipeline.release.model import ALIAS
from pipeline.release.terms import Checks, Terms


@pytest.fixture
def alarm(world, embedded):
    """An alarm of this test, quiet, with what makes it ring."""
    cloudwatch = edge_kit.client(embedded, "cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=world.service,
        Namespace="shop",
        MetricName="Lost",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    yield lambda state: cloudwatch.set_alarm_state(AlarmName=world.service, StateValue=state, StateReason="a test")
    cloudwatch.delete_alarms(AlarmNames=[world.service])


def test_versions_of_different_roles_are_not_published_to_be_split(embedded, namespace, tmp_path):
    world = kit.own_world(embedded, namespace)
    made_of, before = package(world, "another-role"), world.raw.list_versions_by_function(FunctionName=world.function)
    world.raw.update_function_configuration(FunctionName=world.function, Role=f"{edge_kit.ROLE}-2")
    edge_kit.settle(world.raw, world.function)
    with pytest.raises(UsageError, match="version 1 runs as role") as caught:
        offered(world, tmp_path, made_of)
    assert "all-at-once" in (caught.value.hint or "")
    after = world.raw.list_versions_by_function(FunctionName=world.function)
    assert len(after["Versions"]) == len(before["Versions"])


def test_an_alias_with_provisioned_concurrency_is_not_split(world, tmp_path):
    world.raw.put_provisioned_concurrency_config(
        FunctionName=world.function, Qualifier=ALIAS, ProvisionedConcurrentExecutions=1
    )
    with pytest.raises(UsageError, match="provisioned concurrency"):
        offered(world, tmp_path, package(world, "provisioned"))
    world.raw.delete_provisioned_concurrency_config(FunctionName=world.function, Qualifier=ALIAS)
    assert offered(world, tmp_path, package(world, "provisioned")).walk is not None


def test_an_alarm_that_begins_to_ring_ends_the_walk(world, lease, alarm):
    world.feed.of = kit.traffic()
    record = world.begun(terms=Terms(checks=Checks(alarms=(world.service,))))
    alarm("OK")

    def ring(seconds: float) -> None:
        world.pass_time(seconds)
        if len(world.shown) == 1:
            alarm("ALARM")

    (walk,) = kit.run(world.engine, [world.walk(record, lease)], world.look, ring)
    assert (walk.rollout.phase, walk.decision.check) == ("rolled-back", f"alarm {world.service}")
    assert walk.rollout.sentence == f"alarm `{world.service}` rings since the walk began"
    (entry,) = world.engine.ledger.history(world.service, 5)
    assert entry.evidence["check"] == f"alarm {world.service}"


def test_an_alarm_that_rang_before_the_walk_is_not_counted(world, lease, alarm):
    world.feed.of = kit.traffic()
    alarm("ALARM")
    checks = Terms(checks=Checks(alarms=(world.service,)))
    walk = finish(world, world.walk(world.begun(terms=checks, ringing=(world.service,)), lease))
    assert walk.rollout.phase == "promoted"


def test_what_rings_already_is_told_and_what_does_not_exist_is_refused(world, tmp_path, alarm):
    alarm("ALARM")
    said: list[str] = []
    made = offered(world, tmp_path, package(world, "loud"), alarms=(world.service,), say=said.append)
    assert made.walk is not None
    assert made.walk.rollout.ringing == (world.service,)
    assert said[0] == f"already ringing, so not counted in this release: {world.service}"
    with pytest.raises(UsageError, match="looks at the alarm `absent`, which does not exist"):
        offered(world, tmp_path, package(world, "louder"), alarms=("absent",))
