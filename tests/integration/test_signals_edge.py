"""What functions print in the embedded metric format is a metric that CloudWatch's API reads, with every statistic."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import edge_kit as kit
import pytest
from botocore.exceptions import ClientError
from engine_kit import until

from pipeline import local

SAYS = """
def handle(event, arn):
    for line in event["lines"]:
        say(line if isinstance(line, str) else json.dumps(line))
def after(event):
    pass
"""


def emf(namespace: str, values: Any, *, at: float | None = None, **dimensions: str) -> dict[str, Any]:
    directive = {
        "Namespace": namespace,
        "Dimensions": [list(dimensions), []],
        "Metrics": [{"Name": "took", "Unit": "Milliseconds", "StorageResolution": 60}],
    }
    stamp = int((time.time() if at is None else at) * 1000)
    return {"_aws": {"Timestamp": stamp, "CloudWatchMetrics": [directive]}, "took": values, **dimensions}


def listed(dimensions: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def read(running: local.Running, namespace: str, statistic: str, *, at: float, **dimensions: str) -> list[float]:
    metric = {"Namespace": namespace, "MetricName": "took", "Dimensions": listed(dimensions)}
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 1, "Stat": statistic}}
    start = datetime.fromtimestamp(int(at), UTC)
    answer = kit.client(running, "cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=start, EndTime=start + timedelta(seconds=1)
    )
    return list(answer["MetricDataResults"][0]["Values"])


def say(running: local.Running, name: str, *lines: Any) -> None:
    functions = kit.client(running, "lambda")
    kit.create(functions, name, kit.package(SAYS))
    assert "FunctionError" not in kit.invoke(functions, name, {"lines": lines})


def test_a_line_is_a_metric_at_its_stamp_with_every_statistic(embedded: local.Running, namespace: str) -> None:
    stamp = time.time() - 90
    hostile = ['{"_aws": ' + "[" * 5000, '{"_aws": {"Timestamp": 1e999}}', emf(namespace, float("nan")), "{"]
    say(embedded, namespace, *hostile, emf(namespace, [5, 10, 20, 4000], at=stamp, queue="a"), "after")
    expected = {"Sum": 4035, "SampleCount": 4, "Maximum": 4000, "TC(10:)": 2, "PR(:10)": 50, "TM(:1000)": 35 / 3}
    expected |= {"p50": 15, "IQM": 15, "TS(5:20)": 30, "WM(:20)": 13.75, "tc75": 3}
    found = {name: read(embedded, namespace, name, at=stamp, queue="a") for name in expected}
    assert found == {name: [pytest.approx(value)] for name, value in expected.items()}
    assert read(embedded, namespace, "Sum", at=stamp) == [4035.0]
    assert read(embedded, namespace, "Sum", at=time.time()) == []


def test_all_three_calls_see_it_and_put_metric_data_adds_to_it(embedded: local.Running, namespace: str) -> None:
    watch, stamp = kit.client(embedded, "cloudwatch"), time.time() - 30
    say(embedded, namespace, emf(namespace, [1, 2], at=stamp, queue="<&>"))
    metric = {"Namespace": namespace, "MetricName": "took", "Dimensions": listed({"queue": "<&>"})}
    assert watch.list_metrics(Namespace=namespace, Dimensions=[{"Name": "queue"}])["Metrics"] == [metric]
    assert len(watch.list_metrics(Namespace=namespace)["Metrics"]) == 2
    assert watch.list_metrics(Namespace=namespace, MetricName="other")["Metrics"] == []
    datum = {"MetricName": "took", "Dimensions": metric["Dimensions"], "Timestamp": stamp, "Values": [7.0, 9.0]}
    watch.put_metric_data(Namespace=namespace, MetricData=[datum])
    window = {"StartTime": datetime.fromtimestamp(int(stamp), UTC), "EndTime": datetime.now(UTC), "Period": 1}
    answer = watch.get_metric_statistics(**metric, **window, Statistics=["Sum"])["Datapoints"]
    assert [(one["Sum"], one["Unit"]) for one in answer] == [(19.0, "Milliseconds")]
    answer = watch.get_metric_statistics(**metric, **window, ExtendedStatistics=["TC(2:)"])["Datapoints"]
    assert [one["ExtendedStatistics"] for one in answer] == [{"TC(2:)": 2.0}]
    assert read(embedded, namespace, "TM(1:)", at=stamp, queue="<&>") == [6.0]


@pytest.mark.parametrize("statistic", ["TC()", "TC(5%:9)", "tm", "PR(:5%)", "median"])
def test_what_cloudwatch_does_not_know_is_refused(embedded: local.Running, statistic: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        read(embedded, "nothing", statistic, at=time.time())


def test_the_time_over_a_threshold_is_counted_truly(embedded: local.Running, namespace: str) -> None:
    functions = kit.client(embedded, "lambda")
    kit.weighted(functions, namespace, 0.5)
    for sleep in (0.0, 0.0, 0.3):
        kit.invoke(functions, namespace, {"sleep": sleep}, Qualifier="live")
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Duration"}
    own = listed({"FunctionName": namespace, "Resource": f"{namespace}:live"})
    now = datetime.now(UTC)
    window = {"StartTime": now - timedelta(minutes=1), "EndTime": now + timedelta(seconds=1), "Period": 60}

    def slow() -> float:
        answer = kit.client(embedded, "cloudwatch").get_metric_statistics(
            **metric, Dimensions=own, **window, ExtendedStatistics=["TC(299:)", "TC(0:)"]
        )
        found = [one["ExtendedStatistics"] for one in answer["Datapoints"]]
        return sum(one["TC(299:)"] for one in found) if sum(one["TC(0:)"] for one in found) == 3 else 0.0

    until(lambda: slow() == 1)
