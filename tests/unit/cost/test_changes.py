"""The difference in cost, by AWS's own formulas."""

from __future__ import annotations

import pytest

from pipeline.cost.changes import WEEKS_A_MONTH, Cost, Size, Usage, cost
from pipeline.cost.model import MONTH_S
from pipeline.cost.prices import REGION
from pipeline.infra.model import Action, Change

BUSY = Usage(invocations=1_000_000 / WEEKS_A_MONTH, mean_ms=120.0)  # a million a month


def change(
    kind: str, action: Action = "create", amounts: tuple[tuple[str, float | None, float | None], ...] = ()
) -> Change:
    return Change(f"module.a.{kind}.this", kind, "a", action, "at-once", (), amounts)


def memory(before: float, after: float) -> Change:
    return change("aws_lambda_function", "update", (("memory_size", before, after),))


def test_more_memory_is_paid_by_the_services_own_traffic() -> None:
    # A million requests of 120 ms: 120,000 s, at 512 MB 60,000 GB-s, at 1,024 MB twice that.
    found = cost([memory(512, 1024)], Size(1024, "x86_64"), BUSY, REGION)
    assert found.monthly == pytest.approx(60_000 * 0.0000166667)
    assert found.items[0].what.startswith("1,024 MB instead of 512, at ")
    assert found.unknown == ("how long an invocation takes with the new memory: as long as now is assumed",)
    saved = cost([memory(1024, 512)], Size(512, "arm64"), BUSY, REGION)
    assert saved.monthly == pytest.approx(-60_000 * 0.0000133334)


@pytest.mark.parametrize("usage", [None, Usage(0, 0)])
def test_without_traffic_nothing_is_claimed(usage: Usage | None) -> None:
    found = cost([memory(512, 1024)], Size(1024, "x86_64"), usage, REGION)
    assert found.items == ()
    assert found.unknown[0].startswith("1,024 MB instead of 512: the function had no traffic")


def test_started_instances_cost_as_long_as_they_stand() -> None:
    kind = "aws_lambda_provisioned_concurrency_config"
    made = cost([change(kind)], Size(1024, "arm64", provisioned=3), None, REGION)
    assert made.monthly == pytest.approx(3 * MONTH_S * 0.0000033334)
    told = (("provisioned_concurrent_executions", 3.0, 1.0),)
    fewer = cost([change(kind, "update", told)], Size(1024, "arm64", provisioned=1), None, REGION)
    assert fewer.monthly == pytest.approx(-2 * MONTH_S * 0.0000033334)
    larger = cost([memory(512, 1024)], Size(1024, "arm64", provisioned=2), None, REGION)
    assert larger.monthly == pytest.approx(2 * MONTH_S * 0.5 * 0.0000033334)
    gone = (("provisioned_concurrent_executions", 2.0, None),)
    none = cost([change(kind, "delete", gone)], Size(1024, "arm64"), None, REGION)
    assert none.monthly == pytest.approx(-2 * MONTH_S * 0.0000033334)


def test_what_stands_has_a_price_a_month() -> None:
    kinds = ("aws_cloudwatch_metric_alarm",) * 3 + (
        "aws_secretsmanager_secret",
        "aws_kms_key",
        "aws_cloudwatch_dashboard",
    )
    found = cost([change(kind) for kind in kinds], Size(128, "arm64"), None, "eu-west-1")
    assert found.monthly == pytest.approx(0.30 + 0.40 + 1.00 + 3.00)
    assert [one.what for one in found.items] == ["+1 dashboard", "+3 alarms", "+1 KMS key", "+1 secret"]
    assert found.unknown[-1] == (
        "the prices of eu-west-1 for KMS keys, alarms, dashboards, secrets: these are those of us-east-1"
    )
    less = cost([change("aws_secretsmanager_secret", "delete")], Size(128, "arm64"), None, REGION)
    assert [(one.what, one.monthly) for one in less.items] == [("-1 secret", -0.40)]


def test_what_is_paid_by_use_is_named_and_not_counted() -> None:
    found = cost([change("aws_dynamodb_table"), change("aws_lambda_function")], Size(128, "arm64"), None, REGION)
    assert (found.items, found.monthly) == ((), 0)
    assert found.unknown == (
        "requests of a function that had none yet",
        "reads, writes, size and point-in-time recovery of the table",
    )


def test_no_change_costs_nothing() -> None:
    assert not cost([change("aws_iam_role", "update")], Size(128, "arm64"), BUSY, REGION)
    assert cost([], Size(128, "arm64"), None, REGION) == Cost()
