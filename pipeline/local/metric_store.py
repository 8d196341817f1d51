"""Lambda's own metrics, bucketed by the second at write time, so that asking stays cheap after hours of traffic.

Knows nothing of MiniStack. A series is (account, region, metric, dimensions); a bucket counts equal values, so any
statistic can be computed later. Buckets older than an hour are merged into minutes, as CloudWatch does after three.
"""

from __future__ import annotations

import json
import re
import threading
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

FINE_S = 3600  # how long single seconds are kept
COARSE_S = 60
PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
BASIC = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")

Dimensions = tuple[tuple[str, str], ...]
SeriesKey = tuple[str, str, str, Dimensions]


def known_statistic(name: str) -> bool:
    return name in BASIC or PERCENTILE.fullmatch(name) is not None


@dataclass
class Bucket:
    """All values of one second (or one old minute) of one series; sums grow with it, percentiles are computed late."""

    values: dict[float, float] = field(default_factory=dict)  # value -> how often
    count: float = 0.0
    total: float = 0.0

    def add(self, value: float, count: float = 1.0) -> None:
        self.values[value] = self.values.get(value, 0.0) + count
        self.count += count
        self.total += value * count

    @classmethod
    def of(cls, values: Mapping[float, float]) -> Bucket:
        bucket = cls()
        for value, count in values.items():
            bucket.add(value, count)
        return bucket


def statistic(buckets: Sequence[Bucket], name: str) -> float:
    """One statistic over all values of these buckets (at least one)."""
    if name == "SampleCount":
        return sum(bucket.count for bucket in buckets)
    if name == "Sum":
        return sum(bucket.total for bucket in buckets)
    if name == "Average":
        return statistic(buckets, "Sum") / statistic(buckets, "SampleCount")
    if name == "Minimum":
        return min(min(bucket.values) for bucket in buckets)
    if name == "Maximum":
        return max(max(bucket.values) for bucket in buckets)
    values: dict[float, float] = {}
    for bucket in buckets:
        for value, count in bucket.values.items():
            values[value] = values.get(value, 0.0) + count
    return percentile(values, float(name[1:]))


def percentile(values: Mapping[float, float], rank_percent: float) -> float:
    """Linear interpolation between the two nearest ranks, each value standing as often as it was seen."""
    ordered = sorted(values)
    seen = list(accumulate(values[value] for value in ordered))
    rank = rank_percent / 100 * (seen[-1] - 1) if seen[-1] > 1 else 0.0

    def at(index: float) -> float:
        return ordered[min(bisect_right(seen, index), len(ordered) - 1)]

    low = at(int(rank))
    fraction = rank - int(rank)
    return low + fraction * (at(int(rank) + 1) - low) if fraction else low


class MetricStore:
    """Thread-safe: invocations write from many threads, GetMetricData reads on the event loop."""

    def __init__(self) -> None:
        self._series: dict[SeriesKey, dict[int, Bucket]] = {}
        self._lock = threading.Lock()

    def record(self, keys: Iterable[SeriesKey], at: float, value: float) -> None:
        second, value = int(at), round(value, 2)
        with self._lock:
            for key in keys:
                buckets = self._series.setdefault(key, {})
                bucket = buckets.get(second)
                if bucket is None:
                    bucket = buckets[second] = Bucket()
                    if len(buckets) > FINE_S + FINE_S // 4:
                        _coarsen(buckets, second - FINE_S)
                bucket.add(value)

    def keys(self, account: str, region: str) -> tuple[SeriesKey, ...]:
        with self._lock:
            return tuple(key for key in self._series if key[:2] == (account, region))

    def query(self, key: SeriesKey, start: float, end: float, period: int, name: str) -> list[tuple[int, float]]:
        """(period's start, value) for every period of [start, end) with data, oldest first."""
        periods: dict[int, list[Bucket]] = {}
        with self._lock:  # a bucket still growing would change under the sums
            buckets = self._series.get(key, {})
            for second in _within(buckets, start, end):
                periods.setdefault(second // period * period, []).append(buckets[second])
            return [(at, statistic(periods[at], name)) for at in sorted(periods)]

    def save(self, path: Path) -> None:
        with self._lock:
            rows = [
                [account, region, metric, dimensions, [[at, list(b.values.items())] for at, b in buckets.items()]]
                for (account, region, metric, dimensions), buckets in self._series.items()
            ]
        path.write_text(json.dumps(rows))

    def load(self, path: Path) -> None:
        series: dict[SeriesKey, dict[int, Bucket]] = {}
        for account, region, metric, dimensions, buckets in json.loads(path.read_text()):
            key = (account, region, metric, tuple((name, value) for name, value in dimensions))
            series[key] = {int(at): Bucket.of(dict(values)) for at, values in buckets}
        with self._lock:
            self._series = series


def _within(buckets: Mapping[int, Bucket], start: float, end: float) -> list[int]:
    if end - start < len(buckets):  # a short window of a long series: look the seconds up instead of scanning
        return [second for second in range(_ceil(start), _ceil(end)) if second in buckets]
    return [second for second in buckets if start <= second < end]


def _ceil(moment: float) -> int:
    return -int(-moment // 1)


def _coarsen(buckets: dict[int, Bucket], before: int) -> None:
    for second in [second for second in buckets if second < before and second % COARSE_S]:
        minute = buckets.setdefault(second // COARSE_S * COARSE_S, Bucket())
        for value, count in buckets.pop(second).values.items():
            minute.add(value, count)
