from __future__ import annotations

from typing import Any

import pytest

from pipeline.local.edge.alarm_rules import Rule
from pipeline.local.edge.alarm_shape import AlarmError, Expression, Watched, period_of, queries_of, rule_of, stored

PLAIN: dict[str, Any] = {
    "AlarmName": "a",
    "MetricName": "Errors",
    "Namespace": "AWS/Lambda",
    "Statistic": "Sum",
    "Period": "60",
    "EvaluationPeriods": "3",
    "Threshold": "0",
    "ComparisonOperator": "GreaterThanThreshold",
    "Dimensions": [{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}],
}
ERRORS = {
    "Id": "e",
    "ReturnData": "false",
    "MetricStat": {"Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors"}, "Period": "1", "Stat": "Sum"},
}
MATH: dict[str, Any] = {
    "AlarmName": "m",
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 20,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
    "Metrics": [ERRORS, {"Id": "rate", "Expression": "100 * e", "Label": "percent"}],
}


def test_the_query_protocols_words_become_typed_values():
    alarm = stored({**PLAIN, "ActionsEnabled": "false", "AlarmActions": "", "OKActions": ["arn:x"]})
    assert (alarm["Period"], alarm["Threshold"], alarm["ActionsEnabled"]) == (60, 0.0, False)
    assert (alarm["AlarmActions"], alarm["OKActions"], alarm["InsufficientDataActions"]) == ([], ["arn:x"], [])
    assert "TreatMissingData" not in alarm
    assert rule_of(alarm) == Rule("GreaterThanThreshold", 0.0, 3, 3, "missing")
    watched = Watched("AWS/Lambda", "Errors", (("a", "1"), ("b", "2")), "Sum", 60)
    assert queries_of(alarm) == ({"": watched}, "")


def test_a_math_alarm_keeps_its_metrics():
    alarm = stored(MATH)
    assert "Dimensions" in alarm
    assert "Period" not in alarm
    assert [entry["ReturnData"] for entry in alarm["Metrics"]] == [False, True]
    queries, returned = queries_of(alarm)
    assert (queries["rate"], returned, period_of(alarm)) == (Expression("100 * e"), "rate", 1)
    assert rule_of(alarm) == Rule("GreaterThanThreshold", 20.0, 3, 2, "notBreaching")


def math(*metrics: dict[str, Any]) -> dict[str, Any]:
    return {**MATH, "Metrics": list(metrics)}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({**PLAIN, "AlarmName": ""}, "AlarmName is required"),
        ({**PLAIN, "Threshold": ""}, "Threshold is required"),
        ({**PLAIN, "Period": "7"}, "The value 7 for parameter Period"),
        ({**PLAIN, "Period": "x"}, "is not a whole number"),
        ({**PLAIN, "Period": 86_400, "EvaluationPeriods": 8}, "more than seven days"),
        ({**PLAIN, "DatapointsToAlarm": 4}, "at most EvaluationPeriods"),
        ({**PLAIN, "ExtendedStatistic": "p99"}, "Exactly one of Statistic"),
        ({**PLAIN, "Statistic": "Bogus"}, "The value Bogus"),
        ({**{key: PLAIN[key] for key in PLAIN if key != "Statistic"}, "ExtendedStatistic": "q9"}, "The value q9"),
        ({**PLAIN, "TreatMissingData": "bogus"}, "must be one of missing, ignore"),
        ({**PLAIN, "ComparisonOperator": "GreaterThanUpperThreshold"}, "must be one of GreaterThanThreshold"),
        ({**PLAIN, "ThresholdMetricId": "ad"}, "anomaly detection"),
        ({**MATH, "Period": 60}, "Period must not be given beside Metrics"),
        (math(ERRORS), "Exactly one element of Metrics must return data"),
        (math(ERRORS, ERRORS), "an Id of its own"),
        (math({"Id": "r", "Expression": "1 + 1"}), "must be there and have one period"),
        (math(ERRORS, {"Id": "r", "Expression": "q"}), "refers to q"),
        (math(ERRORS, {"Id": "r", "Expression": "r + e"}), "depends on itself"),
        (math(ERRORS, {"Id": "r", "Expression": "SUM(METRICS())"}), "Metric math: `SUM(METRICS())` is not available"),
        (math(ERRORS, {"Id": "r"}), "must be an Expression, or a MetricStat"),
    ],
)
def test_what_aws_or_the_edge_cannot_evaluate_is_refused(request_, said):
    with pytest.raises(AlarmError) as fault:
        stored(request_)
    assert said in str(fault.value)
