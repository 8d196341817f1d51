"""Alarms of the embedded AWS: evaluated by the clock and by dimensions, told to EventBridge and SNS, kept whole."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any, TypeVar

import edge_kit as kit
import pytest
from botocore.exceptions import ClientError

from pipeline import local
from pipeline.aws.alarms import Alarms

Found = TypeVar("Found")

PATIENCE_S = 60.0
XML = "{http://monitoring.amazonaws.com/doc/2010-08-01/}"
ERRORS = {"MetricName": "Errors", "Namespace": "AWS/Lambda", "Statistic": "Sum", "Period": 1}
ANY_ERROR = {"EvaluationPeriods": 1, "Threshold": 0.0, "ComparisonOperator": "GreaterThanThreshold"}


@pytest.fixture
def metrics(embedded: local.Running) -> Any:
    return kit.client(embedded, "cloudwatch")


def until(found: Callable[[], Found | None]) -> Found:
    """What `found` gives once it gives something; alarms need a period and its lag."""
    deadline = time.monotonic() + PATIENCE_S
    while (result := found()) is None:
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return result


def state(metrics: Any, name: str) -> str:
    return str(metrics.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])


def becomes(metrics: Any, name: str, wanted: str) -> None:
    until(lambda: True if state(metrics, name) == wanted else None)


def of_function(name: str) -> list[dict[str, str]]:
    return [{"Name": "FunctionName", "Value": name}]


def queue(embedded: local.Running, name: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    sqs = kit.client(embedded, "sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(embedded: local.Running, url: str) -> dict[str, Any]:
    sqs = kit.client(embedded, "sqs")

    def message() -> dict[str, Any] | None:
        found = sqs.receive_message(QueueUrl=url).get("Messages")
        if not found:
            return None
        sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
        return dict(json.loads(found[0]["Body"]))

    return until(message)


def test_a_functions_errors_ring_its_alarm_and_no_other_and_the_change_is_told(embedded, metrics, namespace):
    functions, events = kit.client(embedded, "lambda"), kit.client(embedded, "events")
    kit.create(functions, namespace)
    url, arn = queue(embedded, f"{namespace}-events")
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [namespace]}}
    events.put_rule(Name=namespace, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=namespace, Targets=[{"Id": "queue", "Arn": arn}])
    told, told_arn = queue(embedded, f"{namespace}-told")
    topic = kit.client(embedded, "sns").create_topic(Name=namespace)["TopicArn"]
    kit.client(embedded, "sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=told_arn)
    quiet = {"TreatMissingData": "notBreaching", **ERRORS, **ANY_ERROR}
    metrics.put_metric_alarm(
        AlarmName=namespace, AlarmActions=[topic], Dimensions=of_function(namespace), AlarmDescription="why", **quiet
    )
    metrics.put_metric_alarm(AlarmName=f"{namespace}-other", Dimensions=of_function(f"{namespace}-other"), **quiet)
    becomes(metrics, namespace, "OK")
    first = received(embedded, url)
    assert (first["detail"]["state"]["value"], first["detail"]["previousState"]["value"]) == ("OK", "INSUFFICIENT_DATA")

    kit.invoke(functions, namespace, {"fail": True})
    ring = received(embedded, url)
    assert (ring["source"], ring["detail-type"]) == ("aws.cloudwatch", "CloudWatch Alarm State Change")
    assert ring["resources"] == [f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{namespace}"]
    detail = ring["detail"]
    assert (detail["alarmName"], detail["state"]["value"]) == (namespace, "ALARM")
    assert detail["state"]["reason"].startswith("Threshold Crossed: 1 datapoint [1.0 (")
    assert json.loads(detail["state"]["reasonData"])["recentDatapoints"] == [1.0]
    assert detail["previousState"]["reason"].startswith("Threshold Crossed: no datapoints were received")
    watched = {"namespace": "AWS/Lambda", "name": "Errors", "dimensions": {"FunctionName": namespace}}
    stat = {"metric": watched, "period": 1, "stat": "Sum"}
    metric = {"id": "m1", "metricStat": stat, "returnData": True}
    assert detail["configuration"] == {"description": "why", "metrics": [metric]}
    said = json.loads(received(embedded, told)["Message"])
    assert (said["AlarmName"], said["NewStateValue"], said["OldStateValue"]) == (namespace, "ALARM", "OK")
    assert received(embedded, url)["detail"]["state"]["value"] == "OK"  # the second is over
    assert state(metrics, f"{namespace}-other") == "OK"


def test_a_rate_by_metric_math_with_a_minimum_of_requests(embedded, metrics, namespace):
    functions = kit.client(embedded, "lambda")
    kit.create(functions, namespace)

    def query(name: str, metric: str) -> dict[str, Any]:
        series = {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": of_function(namespace)}
        return {"Id": name, "MetricStat": {"Metric": series, "Period": 5, "Stat": "Sum"}, "ReturnData": False}

    def alarm(name: str, at_least: int) -> None:
        rate = {"Id": "rate", "Expression": f"IF(i >= {at_least}, 100 * e / i, 0)", "ReturnData": True}
        metrics.put_metric_alarm(
            AlarmName=name,
            Metrics=[rate, query("e", "Errors"), query("i", "Invocations")],
            EvaluationPeriods=3,
            DatapointsToAlarm=1,
            Threshold=20.0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )

    alarm(f"{namespace}-few", 1)
    alarm(f"{namespace}-many", 1000)
    for fail in (True, False, False):
        kit.invoke(functions, namespace, {"fail": fail})
    becomes(metrics, f"{namespace}-few", "ALARM")
    assert state(metrics, f"{namespace}-many") == "OK"


def test_published_metrics_are_alarmed_by_their_exact_dimensions(metrics, namespace):
    series = {"Namespace": namespace, "MetricName": "m", "Period": 60, "ExtendedStatistic": "p90"}
    rule = {"EvaluationPeriods": 1, "Threshold": 5.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}
    for dimension in ("hot", "cold"):
        dimensions = [{"Name": "d", "Value": dimension}]
        metrics.put_metric_alarm(AlarmName=f"{namespace}-{dimension}", Dimensions=dimensions, **series, **rule)
        value = {"hot": 9.0, "cold": 1.0}[dimension]
        at = time.time() - 60  # a period that is over
        datum = {"MetricName": "m", "Value": value, "Timestamp": at, "Dimensions": dimensions}
        metrics.put_metric_data(Namespace=namespace, MetricData=[datum])
        metrics.put_metric_alarm(AlarmName=f"{namespace}-{dimension}", Dimensions=dimensions, **series, **rule)
    becomes(metrics, f"{namespace}-hot", "ALARM")
    becomes(metrics, f"{namespace}-cold", "OK")


def test_a_state_that_was_set_by_hand_lasts_until_the_next_evaluation(metrics, namespace):
    absent = {**ERRORS, "Dimensions": of_function(namespace), **ANY_ERROR}
    metrics.put_metric_alarm(AlarmName=namespace, **absent)
    metrics.set_alarm_state(AlarmName=namespace, StateValue="ALARM", StateReason="a drill")
    history = metrics.describe_alarm_history(AlarmName=namespace, HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    said = [one["HistorySummary"] for one in history]
    assert "Alarm updated from INSUFFICIENT_DATA to ALARM" in said[:2], "the next evaluation may have come already"
    becomes(metrics, namespace, "INSUFFICIENT_DATA")
    with pytest.raises(ClientError) as fault:
        metrics.set_alarm_state(AlarmName=namespace, StateValue="LOUD", StateReason="a drill")
    assert "satisfy enum value set" in fault.value.response["Error"]["Message"]


def test_every_field_comes_back_by_xml_and_by_the_sdks_protocol(embedded, metrics, namespace):
    topic = f"arn:aws:sns:us-east-1:000000000000:{namespace}"
    given: dict[str, Any] = {
        "AlarmName": namespace,
        "AlarmDescription": "a < b",
        "ActionsEnabled": False,
        "OKActions": [topic],
        "AlarmActions": [topic],
        "InsufficientDataActions": [topic],
        "Metrics": [
            {"Id": "rate", "Expression": "FILL(e, 0) / 2", "Label": "rate", "ReturnData": True},
            {
                "Id": "e",
                "MetricStat": {
                    "Metric": {"Namespace": "n", "MetricName": "m", "Dimensions": of_function("f")},
                    "Period": 60,
                    "Stat": "p99",
                    "Unit": "Count",
                },
                "ReturnData": False,
            },
        ],
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 0.5,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "ignore",
    }
    metrics.put_metric_alarm(**given)
    found = metrics.describe_alarms(AlarmNames=[namespace])["MetricAlarms"][0]
    assert {key: found[key] for key in given} == given
    assert found["AlarmArn"] == f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{namespace}"

    tree = asked(embedded, Action="DescribeAlarms", **{"AlarmNames.member.1": namespace, "Version": "2010-08-01"})
    member = tree.find(f".//{XML}MetricAlarms/{XML}member")
    assert member is not None

    def text(path: str) -> str | None:
        return member.findtext("/".join(XML + part for part in path.split("/")))

    assert text("AlarmDescription") == "a < b"
    assert (text("ActionsEnabled"), text("TreatMissingData"), text("DatapointsToAlarm")) == ("false", "ignore", "2")
    assert text("InsufficientDataActions/member") == topic
    assert text("Metrics/member/Expression") == "FILL(e, 0) / 2"
    stat = "Metrics/member/MetricStat/"
    assert (text(stat + "Stat"), text(stat + "Period"), text(stat + "Unit")) == ("p99", "60", "Count")
    assert text(stat + "Metric/Dimensions/member/Value") == "f"
    assert str(text("StateUpdatedTimestamp")).endswith("Z")
    metrics.enable_alarm_actions(AlarmNames=[namespace])
    assert metrics.describe_alarms(AlarmNames=[namespace])["MetricAlarms"][0]["ActionsEnabled"] is True


def asked(embedded: local.Running, **parameters: str) -> ET.Element:
    """An answer of the query protocol, which Terraform's provider speaks."""
    request = urllib.request.Request(  # noqa: S310
        embedded.endpoint,
        data=urllib.parse.urlencode(parameters).encode(),
        headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/monitoring/aws4_request"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return ET.fromstring(answer.read())  # noqa: S314


def test_states_of_named_alarms_over_many_pages(metrics, env, namespace):
    names = [f"{namespace}-{index:03}" for index in range(130)]
    for name in names:
        metrics.put_metric_alarm(
            AlarmName=name, **{**ERRORS, **ANY_ERROR, "Period": 60, "Dimensions": of_function(namespace)}
        )
    metrics.put_composite_alarm(AlarmName=f"{namespace}-all", AlarmRule="TRUE")
    found = Alarms(env).states([*names, f"{namespace}-all", f"{namespace}-gone", names[0]])
    assert list(found) == [*names, f"{namespace}-all", f"{namespace}-gone"]
    assert {found[name] for name in names} == {"INSUFFICIENT_DATA"}
    assert (found[f"{namespace}-all"], found[f"{namespace}-gone"]) == ("ALARM", "missing")
    metrics.delete_alarms(AlarmNames=names)
    assert Alarms(env).states(names[:1]) == {names[0]: "missing"}


def test_what_the_edge_cannot_evaluate_is_refused_when_it_is_put(metrics, namespace):
    with pytest.raises(ClientError) as fault:
        metrics.put_metric_alarm(
            AlarmName=namespace,
            Metrics=[{"Id": "x", "Expression": "SEARCH('{AWS/Lambda}', 'Sum', 60)", "ReturnData": True}],
            **ANY_ERROR,
        )
    assert fault.value.response["Error"]["Code"] == "ValidationError"
