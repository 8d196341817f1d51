"""Metrics of functions, bucketed by the second at write time, so that asking stays cheap after hours of traffic.

Knows nothing of MiniStack. A series is (account, region, namespace, metric, dimensions); a bucket counts equal values,
so any statistic can be computed later. Buckets older than an hour are merged into minutes, as CloudWatch does after
three.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from pipeline.local.edge.metric_statistics import of_values, trim

FINE_S = 3600  # how long single seconds are kept
COARSE_S = 60

Dimensions = tuple[tuple[str, str], ...]
SeriesKey = tuple[str, str, str, str, Dimensions]


@dataclass
class Bucket:
    """All values of one second (or one old minute) of one series; sums grow with it, percentiles are computed late."""

    values: dict[float, float] = field(default_factory=dict)  # value -> how often
    count: float = 0.0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    whole: bool = True  # all values are known; those of a published statistic set are not

    def add(self, value: float, count: float = 1.0) -> None:
        self.values[value] = self.values.get(value, 0.0) + count
        self.count += count
        self.total += value * count
        self.low, self.high = min(self.low, value), max(self.high, value)

    @classmethod
    def of(cls, values: Mapping[float, float]) -> Bucket:
        bucket = cls()
        for value, count in values.items():
            bucket.add(value, count)
        return bucket


def statistic(buckets: Sequence[Bucket], name: str) -> float | None:
    """One statistic over all values of these buckets (at least one); None where CloudWatch has no data point.

    Raises ValueError for a name that CloudWatch does not know.
    """
    if name in _BASIC:
        return _BASIC[name](buckets)
    wanted = trim(name)
    if wanted is None:
        raise ValueError(name)
    if not all(bucket.whole for bucket in buckets):
        return None
    values: dict[float, float] = {}
    for bucket in buckets:
        for value, count in bucket.values.items():
            values[value] = values.get(value, 0.0) + count
    return of_values(values, wanted)


_BASIC: Mapping[str, Callable[[Sequence[Bucket]], float]] = {
    "SampleCount": lambda buckets: sum(bucket.count for bucket in buckets),
    "Sum": lambda buckets: sum(bucket.total for bucket in buckets),
    "Average": lambda buckets: _BASIC["Sum"](buckets) / _BASIC["SampleCount"](buckets),
    "Minimum": lambda buckets: min(bucket.low for bucket in buckets),
    "Maximum": lambda buckets: max(bucket.high for bucket in buckets),
}


@dataclass
class _Series:
    unit: str
    buckets: dict[int, Bucket] = field(default_factory=dict)
    newest: int = 0
    crowded: int = FINE_S + FINE_S // 4  # how many buckets it may have before old seconds are merged

    def at(self, second: int) -> Bucket:
        bucket = self.buckets.get(second)
        if bucket is None:
            bucket = self.buckets[second] = Bucket()
            self.newest = max(self.newest, second)
            if len(self.buckets) > self.crowded:
                _coarsen(self.buckets, self.newest - FINE_S, keep=second)
                self.crowded = len(self.buckets) + FINE_S // 4
        return bucket


class MetricStore:
    """Thread-safe: invocations write from many threads, GetMetricData reads on the event loop."""

    def __init__(self) -> None:
        self._series: dict[SeriesKey, _Series] = {}
        self._lock = threading.Lock()

    def record(
        self, keys: Iterable[SeriesKey], at: float, values: Iterable[tuple[float, float]], unit: str = "None"
    ) -> None:
        """Add these values, each with how often it was seen, to all of these series at `at` (epoch seconds)."""
        second, values = int(at), tuple(values)
        with self._lock:
            for key in keys:
                series = self._series.get(key)
                if series is None:
                    series = self._series[key] = _Series(unit)
                bucket = series.at(second)
                for value, count in values:
                    bucket.add(value, count)

    def keys(self, account: str, region: str) -> tuple[SeriesKey, ...]:
        """All series of an account in a region."""
        with self._lock:
            return tuple(key for key in self._series if key[:2] == (account, region))

    def unit(self, key: SeriesKey) -> str:
        """The unit that a series was first recorded in."""
        with self._lock:
            series = self._series.get(key)
            return "None" if series is None else series.unit

    def query(
        self,
        key: SeriesKey,
        start: float,
        end: float,
        period: int,
        name: str,
        *,
        besides: Mapping[int, Sequence[Bucket]] = MappingProxyType({}),
    ) -> list[tuple[int, float]]:
        """(period's start, value) for every period of [start, end) with data, oldest first.

        `besides` are the series' values from elsewhere, by the period's start. Raises ValueError for a statistic that
        CloudWatch does not know.
        """
        periods = {at: list(buckets) for at, buckets in besides.items()}
        with self._lock:  # a bucket still growing would change under the sums
            series = self._series.get(key)
            buckets = series.buckets if series is not None else {}
            for second in _within(buckets, start, end):
                periods.setdefault(second // period * period, []).append(buckets[second])
            values = [(at, statistic(periods[at], name)) for at in sorted(periods)]
        return [(at, value) for at, value in values if value is not None]

    def save(self, path: Path) -> None:
        with self._lock:
            rows = [
                [*key, series.unit, [[at, list(bucket.values.items())] for at, bucket in series.buckets.items()]]
                for key, series in self._series.items()
            ]
        path.write_text(json.dumps(rows))

    def load(self, path: Path) -> None:
        loaded: dict[SeriesKey, _Series] = {}
        for account, region, namespace, metric, dimensions, unit, buckets in json.loads(path.read_text()):
            key = (account, region, namespace, metric, tuple((name, value) for name, value in dimensions))
            filled = {int(at): Bucket.of(dict(values)) for at, values in buckets}
            loaded[key] = _Series(unit, filled, max(filled, default=0))
        with self._lock:
            self._series = loaded


def _within(buckets: Mapping[int, Bucket], start: float, end: float) -> list[int]:
    if end - start < len(buckets):  # a short window of a long series: look the seconds up instead of scanning
        return [second for second in range(_ceil(start), _ceil(end)) if second in buckets]
    return [second for second in buckets if start <= second < end]


def _ceil(moment: float) -> int:
    return -int(-moment // 1)


def _coarsen(buckets: dict[int, Bucket], before: int, keep: int) -> None:
    """Merge the seconds before `before` into their minutes, but for `keep`, which is about to be written."""
    for second in [second for second in buckets if second < before and second % COARSE_S and second != keep]:
        minute = buckets.setdefault(second // COARSE_S * COARSE_S, Bucket())
        for value, count in buckets.pop(second).values.items():
            minute.add(value, count)
