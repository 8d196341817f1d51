"""Makes metrics of the embedded metric format that functions print, as CloudWatch does; never raises.

Source: "Specification: Embedded metric format" (Amazon CloudWatch user guide). A directive or member that breaks the
specification makes no metric and harms nothing else; the log line stays as it is. Values are kept by the second
whatever `StorageResolution` says, like Lambda's own here: the embedded environment's metric period is a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from pipeline.local.edge.metric_store import Dimensions, MetricStore

MARK = '"_aws"'
MAX_LINE = 1024 * 1024  # characters; a log event's limit
MAX_DIMENSIONS = 30  # a set
MAX_METRICS = 100  # a directive
MAX_VALUES = 100  # a metric
MAX_NAME = 1024
MAX_VALUE = 2.0**360
OLDEST_S = 14 * 86_400
NEWEST_S = 2 * 3600
MAX_WORK = 20_000  # values written for one line: our own limit, so that no line can hold up the others

Values = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Datum:
    """One metric of one line: its value, or several with how often each was seen. `at` is epoch seconds."""

    namespace: str
    metric: str
    unit: str
    dimensions: tuple[Dimensions, ...]  # of each series it belongs to
    at: float
    values: Values


def read(line: str, now: float) -> tuple[Datum, ...]:
    """The metrics in a log line; none in a line that is something else or breaks the specification."""
    if MARK not in line or len(line) > MAX_LINE:
        return ()
    try:
        # Lambda may put a time and a request's id before the document.
        return tuple(_data(json.loads(line[line.index("{") :], parse_constant=_refuse), now))
    except (ValueError, RecursionError, OverflowError):
        return ()


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _data(document: Any, now: float) -> Iterator[Datum]:
    header = document.get("_aws") if isinstance(document, dict) else None
    if not isinstance(header, dict):
        return
    stamp, directives = header.get("Timestamp"), header.get("CloudWatchMetrics")
    if not _is_number(stamp) or not isinstance(directives, list):
        return
    at = stamp / 1000
    if not now - OLDEST_S <= at <= now + NEWEST_S:
        return
    work = 0
    for directive in directives:
        if isinstance(directive, dict):
            for datum in _directive(document, directive, at):
                work += len(datum.dimensions) * len(datum.values)
                if work > MAX_WORK:
                    raise ValueError(MAX_WORK)
                yield datum


def _directive(document: dict[str, Any], directive: dict[str, Any], at: float) -> Iterator[Datum]:
    namespace, sets, metrics = (directive.get(key) for key in ("Namespace", "Dimensions", "Metrics"))
    if not _is_name(namespace) or not isinstance(sets, list) or not isinstance(metrics, list):
        return
    if len(metrics) > MAX_METRICS:
        return
    dimensions = tuple(
        dict.fromkeys(one for one in (_dimensions(document, names) for names in sets) if one is not None)
    )
    for metric in metrics:
        name = metric.get("Name") if isinstance(metric, dict) else None
        if not _is_name(name):
            continue
        values = _values(document.get(name))
        if values and dimensions:
            unit = metric.get("Unit")
            yield Datum(namespace, name, unit if _is_name(unit) else "None", dimensions, at, values)


def _dimensions(document: Mapping[str, Any], names: Any) -> Dimensions | None:
    """A dimension set with its values, sorted as a metric's identity ignores their order; None where it is broken."""
    if not isinstance(names, list) or len(names) > MAX_DIMENSIONS:
        return None
    found = []
    for name in names:
        value = document.get(name) if _is_name(name) else None
        if not _is_name(value):
            return None
        found.append((name, value))
    return tuple(sorted(set(found)))


def _values(target: Any) -> Values:
    """A metric's values with how often each was seen; none where one of them is not a number CloudWatch takes."""
    listed: Sequence[Any] = target if isinstance(target, list) else (target,)
    if len(listed) > MAX_VALUES or not all(_is_number(value) and abs(value) <= MAX_VALUE for value in listed):
        return ()
    counts: dict[float, float] = {}
    for value in listed:
        counts[float(value)] = counts.get(float(value), 0.0) + 1.0
    return tuple(counts.items())


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_name(value: Any) -> TypeGuard[str]:
    """CloudWatch takes ASCII without control characters, not blank, and no colon in front."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        return False
    return value.isascii() and value.isprintable() and not value.isspace() and not value.startswith(":")


class Extractor:
    """Writes the metrics of log lines into the store."""

    def __init__(self, store: MetricStore) -> None:
        self._store = store

    def take(self, account: str, region: str, lines: Sequence[str]) -> None:
        """Book the metrics of these lines of a function in that account and region."""
        for line in lines:
            if MARK in line:
                for datum in read(line, time.time()):
                    keys = [(account, region, datum.namespace, datum.metric, one) for one in datum.dimensions]
                    self._store.record(keys, datum.at, datum.values, datum.unit)
