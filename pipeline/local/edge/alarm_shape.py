"""PutMetricAlarm's request as DescribeAlarms is to give it back: whole, typed, and refused where AWS would. Pure.

What an alarm could be on AWS and the embedded one cannot evaluate (anomaly detection, PromQL, most of metric math) is
refused here, when it is made: an alarm that never rings would be worse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.local.edge import alarm_math
from pipeline.local.edge.alarm_rules import MISSING, OPERATORS, Rule
from pipeline.local.edge.metric_statistics import BASIC, known_statistic
from pipeline.local.edge.metric_store import Dimensions

SUB_MINUTE = (1, 5, 10, 20, 30)  # AWS takes 10, 20 and 30; the embedded environment's own period is 1 s
LONGEST_S = 7 * 86_400
TEXTS = (
    "AlarmName",
    "AlarmDescription",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Unit",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
)
NUMBERS = ("Period", "EvaluationPeriods", "DatapointsToAlarm")
LISTS = ("OKActions", "AlarmActions", "InsufficientDataActions", "Dimensions", "Metrics")


class AlarmError(Exception):
    """CloudWatch's ValidationError, with its message."""


@dataclass(frozen=True)
class Watched:
    """One series an alarm reads."""

    namespace: str
    metric: str
    dimensions: Dimensions
    statistic: str
    period: int


@dataclass(frozen=True)
class Expression:
    """One expression over series and other expressions, by their ids."""

    text: str


def stored(request: Mapping[str, Any]) -> dict[str, Any]:
    """The alarm's configuration, without what was not given. Raises AlarmError."""
    if request.get("ThresholdMetricId") or request.get("EvaluationCriteria"):
        raise AlarmError("Alarms on anomaly detection or PromQL are not available on the embedded AWS.")
    alarm: dict[str, Any] = {name: str(request[name]) for name in TEXTS if request.get(name) not in (None, "")}
    alarm |= {name: _whole(request, name) for name in NUMBERS if request.get(name) not in (None, "")}
    alarm |= {name: list(request.get(name) or []) for name in LISTS}
    alarm["ActionsEnabled"] = _truth(request.get("ActionsEnabled"), default=True)
    if request.get("Threshold") not in (None, ""):
        alarm["Threshold"] = float(request["Threshold"])
    if alarm["Metrics"]:
        alarm["Metrics"] = [_query(entry) for entry in alarm["Metrics"]]
    else:
        del alarm["Metrics"]
    _check(alarm)
    return alarm


def rule_of(alarm: Mapping[str, Any]) -> Rule:
    """The condition of a stored alarm."""
    periods = int(alarm["EvaluationPeriods"])
    return Rule(
        operator=alarm["ComparisonOperator"],
        threshold=float(alarm["Threshold"]),
        periods=periods,
        datapoints=int(alarm.get("DatapointsToAlarm") or periods),
        missing=alarm.get("TreatMissingData") or "missing",
    )


def queries_of(alarm: Mapping[str, Any]) -> tuple[Mapping[str, Watched | Expression], str]:
    """What a stored alarm reads, by id, and the id of what is held against the threshold."""
    if "Metrics" not in alarm:
        statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
        dimensions = _dimensions(alarm.get("Dimensions"))
        return {"": Watched(alarm["Namespace"], alarm["MetricName"], dimensions, statistic, alarm["Period"])}, ""
    found: dict[str, Watched | Expression] = {}
    for entry in alarm["Metrics"]:
        if "Expression" in entry:
            found[entry["Id"]] = Expression(entry["Expression"])
        else:
            stat = entry["MetricStat"]
            metric = stat["Metric"]
            found[entry["Id"]] = Watched(
                metric.get("Namespace", ""),
                metric["MetricName"],
                _dimensions(metric.get("Dimensions")),
                stat["Stat"],
                stat["Period"],
            )
    return found, next(entry["Id"] for entry in alarm["Metrics"] if entry["ReturnData"])


def period_of(alarm: Mapping[str, Any]) -> int:
    """The alarm's period in seconds; a math alarm's is that of its metrics."""
    queries, _ = queries_of(alarm)
    return next(query.period for query in queries.values() if isinstance(query, Watched))


def _query(entry: Mapping[str, Any]) -> dict[str, Any]:
    query: dict[str, Any] = {
        "Id": str(entry.get("Id", "")),
        "ReturnData": _truth(entry.get("ReturnData"), default=True),
    }
    if entry.get("Label"):
        query["Label"] = str(entry["Label"])
    if entry.get("Expression"):
        query["Expression"] = str(entry["Expression"])
        if entry.get("Period"):
            query["Period"] = _whole(entry, "Period")
        return query
    stat = dict(entry.get("MetricStat") or {})
    metric = dict(stat.get("Metric") or {})
    if not metric.get("MetricName") or not stat.get("Stat") or not stat.get("Period"):
        raise AlarmError("Each element of Metrics must be an Expression, or a MetricStat with metric, period and stat.")
    if not known_statistic(str(stat["Stat"])):
        raise AlarmError(f"The value {stat['Stat']} for parameter Stat is not supported.")
    metric["Dimensions"] = list(metric.get("Dimensions") or [])
    query["MetricStat"] = {**stat, "Metric": metric, "Period": _whole(stat, "Period")}
    return query


def _check(alarm: Mapping[str, Any]) -> None:
    if not alarm.get("AlarmName"):
        raise AlarmError("The parameter AlarmName is required.")
    for name, allowed in (("ComparisonOperator", tuple(OPERATORS)), ("TreatMissingData", MISSING)):
        if name in alarm and alarm[name] not in allowed:
            raise AlarmError(f"The value {alarm[name]} for parameter {name} must be one of {', '.join(allowed)}.")
    for name in ("ComparisonOperator", "EvaluationPeriods", "Threshold"):
        if name not in alarm:
            raise AlarmError(f"The parameter {name} is required.")
    if not 1 <= alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"]:
        raise AlarmError("DatapointsToAlarm must be at least 1 and at most EvaluationPeriods.")
    if "Metrics" in alarm:
        _check_math(alarm)
    else:
        _check_metric(alarm)
    period = period_of(alarm)
    if period not in SUB_MINUTE and (period <= 0 or period % 60):
        raise AlarmError(f"The value {period} for parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
    if period * alarm["EvaluationPeriods"] > LONGEST_S:
        raise AlarmError("Metrics cannot be checked across more than seven days (EvaluationPeriods * Period).")


def _check_metric(alarm: Mapping[str, Any]) -> None:
    for name in ("MetricName", "Namespace", "Period"):
        if name not in alarm:
            raise AlarmError(f"The parameter {name} is required.")
    if ("Statistic" in alarm) == ("ExtendedStatistic" in alarm):
        raise AlarmError("Exactly one of Statistic and ExtendedStatistic must be given.")
    if "Statistic" in alarm and alarm["Statistic"] not in BASIC:
        raise AlarmError(f"The value {alarm['Statistic']} for parameter Statistic is not supported.")
    if not known_statistic(alarm.get("ExtendedStatistic", "Sum")):
        raise AlarmError(f"The value {alarm['ExtendedStatistic']} for parameter ExtendedStatistic is not supported.")


def _check_math(alarm: Mapping[str, Any]) -> None:
    if taken := [name for name in ("MetricName", "Namespace", "Period", "Statistic") if name in alarm]:
        raise AlarmError(f"{taken[0]} must not be given beside Metrics.")
    queries = {entry["Id"]: entry for entry in alarm["Metrics"]}
    if len(queries) < len(alarm["Metrics"]) or not all(queries):
        raise AlarmError("Each element of Metrics must have an Id of its own.")
    if sum(entry["ReturnData"] for entry in alarm["Metrics"]) != 1:
        raise AlarmError("Exactly one element of Metrics must return data.")
    stats = [entry["MetricStat"]["Period"] for entry in alarm["Metrics"] if "MetricStat" in entry]
    if len(set(stats)) != 1:
        raise AlarmError("The metrics of an alarm must be there and have one period.")
    for entry in alarm["Metrics"]:
        if "Expression" in entry:
            _check_expression(entry, queries)


def _check_expression(entry: Mapping[str, Any], queries: Mapping[str, Any], above: Sequence[str] = ()) -> None:
    if entry["Id"] in above:
        raise AlarmError(f"The expression {entry['Id']} depends on itself.")
    try:
        used = alarm_math.names(entry["Expression"])
    except alarm_math.MathError as fault:
        raise AlarmError(f"Metric math: {fault}") from fault
    for name in sorted(used):
        if name not in queries:
            raise AlarmError(f"The expression {entry['Id']} refers to {name}, which Metrics does not have.")
        if "Expression" in queries[name]:
            _check_expression(queries[name], queries, (*above, entry["Id"]))


def _dimensions(listed: Any) -> Dimensions:
    return tuple(sorted((str(entry["Name"]), str(entry.get("Value", ""))) for entry in listed or []))


def _whole(request: Mapping[str, Any], name: str) -> int:
    try:
        return int(request[name])
    except (TypeError, ValueError) as fault:
        raise AlarmError(f"The value {request[name]} for parameter {name} is not a whole number.") from fault


def _truth(value: Any, *, default: bool) -> bool:
    return default if value in (None, "") else str(value).lower() == "true"
