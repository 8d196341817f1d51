"""Answers GetMetricData, GetMetricStatistics and ListMetrics: what functions made, and what was put by PutMetricData.

What CloudWatch would compute and the embedded one cannot is refused, never answered with something else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import cloudwatch

from pipeline.local.edge.metric_statistics import BASIC, known_statistic
from pipeline.local.edge.metric_store import Bucket, Dimensions, MetricStore, SeriesKey
from pipeline.local.patching import Patch, replace

SUB_MINUTE = (1, 5, 10, 20, 30)
EVICTION_S = 3600.0
MAX_QUERIES = 500


class RefusedError(Exception):
    """CloudWatch's InvalidParameterValue, with its message."""


@dataclass(frozen=True)
class Query:
    """One series asked for, over [start, end)."""

    namespace: str
    metric: str
    dimensions: Dimensions
    start: float
    end: float
    period: int

    @property
    def key(self) -> SeriesKey:
        """The series, in the account and region of the request being answered."""
        return cloudwatch.get_account_id(), cloudwatch.get_region(), self.namespace, self.metric, self.dimensions


def nested(params: Mapping[str, Any]) -> dict[str, Any]:
    """The query protocol's flat `A.member.1.B` keys as the nested value the JSON protocol carries."""
    tree: dict[str, Any] = {}
    for key, raw in params.items():
        *parents, leaf = key.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = raw[0] if isinstance(raw, list) else raw
    return {key: _lists(value) for key, value in tree.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    members = value.get("member")
    if isinstance(members, dict):
        return [_lists(members[index]) for index in sorted(members, key=int)]
    return {key: _lists(inner) for key, inner in value.items()}


class Answers:
    """Both sources behind one `points`."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store

    def points(self, query: Query, statistic: str) -> list[tuple[int, float]]:
        if not known_statistic(statistic):
            raise RefusedError(f"The value {statistic} for parameter Stat is not supported by the embedded AWS.")
        if query.period not in SUB_MINUTE and (query.period <= 0 or query.period % 60):
            raise RefusedError(
                f"The value {query.period} for parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60."
            )
        published = _published(query)
        return self._store.query(query.key, query.start, query.end, query.period, statistic, besides=published)

    def data(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        queries = request.get("MetricDataQueries") or []
        if len(queries) > MAX_QUERIES:
            raise RefusedError(f"The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}.")
        start, end = _window(request)
        newest_first = request.get("ScanBy", "TimestampDescending") != "TimestampAscending"
        results = []
        for entry in queries:
            if entry.get("Expression"):
                raise RefusedError("Expression: metric math is not available on the embedded AWS.")
            stat = entry.get("MetricStat") or {}
            metric = stat.get("Metric") or {}
            query = _query(metric, start, end, stat.get("Period"))
            points = self.points(query, str(stat.get("Stat", "")))
            if str(entry.get("ReturnData", True)).lower() == "false":
                continue
            if newest_first:
                points.reverse()
            results.append(
                {
                    "Id": entry.get("Id", ""),
                    "Label": entry.get("Label") or query.metric,
                    "Timestamps": [at for at, _ in points],
                    "Values": [value for _, value in points],
                    "StatusCode": "Complete",
                }
            )
        return results

    def statistics(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        query = _query(request, *_window(request), request.get("Period"))
        basic, extended = request.get("Statistics") or [], request.get("ExtendedStatistics") or []
        if not basic and not extended:
            raise RefusedError("Must specify either Statistics or ExtendedStatistics.")
        if wrong := [name for name in basic if name not in BASIC]:
            raise RefusedError(f"The value {wrong[0]} for parameter Statistics is not supported.")
        unit = self._store.unit(query.key)
        rows: dict[int, dict[str, Any]] = {}
        for name in (*basic, *extended):
            for at, value in self.points(query, name):
                row = rows.setdefault(at, {"Timestamp": at, "Unit": unit})
                if name in basic:
                    row[name] = value
                else:
                    row.setdefault("ExtendedStatistics", {})[name] = value
        return [rows[at] for at in sorted(rows)]


def _published(query: Query) -> dict[int, list[Bucket]]:
    """PutMetricData's points by period, which MiniStack keeps; a metric is its exact set of dimensions."""
    wanted = cloudwatch._dims_key(dict(query.dimensions))  # noqa: SLF001
    points = cloudwatch._metrics.get((query.namespace, query.metric, wanted)) or []  # noqa: SLF001
    periods: dict[int, list[Bucket]] = {}
    for point in points:
        if query.start <= point["Timestamp"] < query.end:
            count, total, low, high = cloudwatch._point_stats(point)  # noqa: SLF001
            if count > 0:
                # of a set the values are known only where all are the same one
                whole = "_stat" not in point or (low == high and total == low * count)
                bucket = Bucket({low: count} if whole else {}, count, total, low, high, whole)
                periods.setdefault(int(point["Timestamp"] // query.period) * query.period, []).append(bucket)
    return periods


def _dimensions(listed: Any) -> Dimensions:
    return tuple(sorted((str(entry["Name"]), str(entry.get("Value", ""))) for entry in listed or []))


def _query(named: dict[str, Any], start: float, end: float, period: Any) -> Query:
    """The series that a request, or one metric in it, names."""
    return Query(
        namespace=named.get("Namespace", ""),
        metric=named.get("MetricName", ""),
        dimensions=_dimensions(named.get("Dimensions")),
        start=start,
        end=end,
        period=int(period or 60),
    )


def _window(request: dict[str, Any]) -> tuple[float, float]:
    start = cloudwatch._parse_ts(request.get("StartTime"))  # noqa: SLF001
    end = cloudwatch._parse_ts(request.get("EndTime"))  # noqa: SLF001
    if start is None or end is None:
        raise RefusedError("The parameters StartTime and EndTime are required.")
    if start >= end:
        raise RefusedError("The parameter EndTime must be greater than StartTime.")
    return float(start), float(end)


def apply(store: MetricStore) -> list[Patch]:
    answers = Answers(store)
    protocol = "params cbor_data is_cbor is_json"
    return [
        replace(cloudwatch, "_get_metric_data", protocol, "unknown statistics became Average", _data(answers)),
        replace(cloudwatch, "_get_metric_statistics", protocol, "the same", _statistics(answers)),
        replace(cloudwatch, "_list_metrics", protocol, "did not know the store's series", _listing(store)),
        replace(cloudwatch, "_evict_old_metrics", "", "copied all points on every request", _evicting),
    ]


Make = Callable[[Callable[..., Any]], Callable[..., Any]]


def _data(answers: Answers) -> Make:
    def get(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        try:
            results = answers.data(dict(cbor_data) if is_cbor or is_json else nested(params))
        except RefusedError as refused:
            return _refuse(refused, is_cbor=is_cbor, is_json=is_json)
        if is_cbor:
            encoded = [cloudwatch._cbor_metric_data_result(result) for result in results]  # noqa: SLF001
            return cloudwatch._cbor_ok({"MetricDataResults": encoded})  # noqa: SLF001
        if is_json:
            return cloudwatch._json_ok({"MetricDataResults": results})  # noqa: SLF001
        body = _element("GetMetricDataResult", {"MetricDataResults": results})
        return cloudwatch._xml(200, "GetMetricDataResponse", body)  # noqa: SLF001

    return lambda _original: get


def _statistics(answers: Answers) -> Make:
    def get(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        request = dict(cbor_data) if is_cbor or is_json else nested(params)
        try:
            rows = answers.statistics(request)
        except RefusedError as refused:
            return _refuse(refused, is_cbor=is_cbor, is_json=is_json)
        result = {"Label": request.get("MetricName", ""), "Datapoints": rows}
        if is_cbor:
            rows = [cloudwatch._cbor_datapoint(row) for row in rows]  # noqa: SLF001
            return cloudwatch._cbor_ok({**result, "Datapoints": rows})  # noqa: SLF001
        if is_json:
            return cloudwatch._json_ok(result)  # noqa: SLF001
        body = _element("GetMetricStatisticsResult", result)
        return cloudwatch._xml(200, "GetMetricStatisticsResponse", body)  # noqa: SLF001

    return lambda _original: get


def _listing(store: MetricStore) -> Make:
    def metrics(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        request = dict(cbor_data) if is_cbor or is_json else nested(params)
        result = {"Metrics": listed(store, request)}
        if is_cbor:
            return cloudwatch._cbor_ok(result)  # noqa: SLF001
        if is_json:
            return cloudwatch._json_ok(result)  # noqa: SLF001
        return cloudwatch._xml(200, "ListMetricsResponse", _element("ListMetricsResult", result))  # noqa: SLF001

    return lambda _original: metrics


def listed(store: MetricStore, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every metric of both sources that the request's namespace, name and dimensions ask for, each once."""
    own = (key[2:] for key in store.keys(cloudwatch.get_account_id(), cloudwatch.get_region()))
    published = (
        (namespace, metric, tuple(sorted((points[0].get("Dimensions") or {}).items())))
        for (namespace, metric, _), points in cloudwatch._metrics.items()  # noqa: SLF001
        if points
    )
    wanted = [(str(one.get("Name", "")), one.get("Value")) for one in request.get("Dimensions") or []]
    return [
        {"Namespace": namespace, "MetricName": metric, "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions]}
        for namespace, metric, dimensions in dict.fromkeys((*own, *published))
        if request.get("Namespace") in (None, "", namespace)
        and request.get("MetricName") in (None, "", metric)
        and all(any(n == name and value in (None, "", v) for n, v in dimensions) for name, value in wanted)
    ]


def _evicting(original: Callable[..., Any]) -> Callable[..., Any]:
    last = time.monotonic()

    def evict() -> None:
        nonlocal last
        if time.monotonic() - last > EVICTION_S:  # it copies every point: not on every request
            last = time.monotonic()
            original()

    return evict


def _refuse(refused: RefusedError, *, is_cbor: bool, is_json: bool) -> Any:
    return cloudwatch._error("InvalidParameterValue", str(refused), 400, use_json=is_json, use_cbor=is_cbor)  # noqa: SLF001


def _element(name: str, value: Any, parent: str = "") -> str:
    if isinstance(value, dict):
        inner = "".join(_element(key, each, name) for key, each in value.items())
    elif isinstance(value, list):
        inner = "".join(_element("member", each, name) for each in value)
    elif name == "Timestamp" or (name == "member" and parent == "Timestamps"):
        inner = cloudwatch._ts_iso(value)  # noqa: SLF001
    else:
        inner = cloudwatch._xml_escape(str(value))  # noqa: SLF001
    return f"<{name}>{inner}</{name}>"
