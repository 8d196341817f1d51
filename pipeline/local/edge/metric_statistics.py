"""Every statistic CloudWatch documents, truly computed from all values of a period. Pure; refuses the unknown by None.

Source: "CloudWatch statistics definitions" (Amazon CloudWatch user guide) and the pattern of `Stat` in its API. Ranges
are exclusive at the lower bound and inclusive at the upper one. A range in percent cuts the sorted values by rank; a
value that lies across the cut counts in part, as in the interquartile mean's usual definition.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Literal

BASIC = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")

_PERCENT = r"(?:\d{1,2}(?:\.\d{0,10})?|100(?:\.0{0,10})?)"
_ABSOLUTE = r"\d+(?:\.\d{0,10})?(?:[Ee][+-]?\d+)?"
_SHORT = re.compile(rf"(p|tm|wm|tc|ts)({_PERCENT})", re.ASCII)
_RANGE = re.compile(rf"(TM|WM|TC|TS|PR)\(({_ABSOLUTE})?:({_ABSOLUTE})?\)", re.ASCII)
_RANKS = re.compile(rf"(TM|WM|TC|TS)\((?:({_PERCENT})%)?:(?:({_PERCENT})%)?\)", re.ASCII)

Kind = Literal["P", "TM", "WM", "TC", "TS", "PR"]


@dataclass(frozen=True)
class Trim:
    """A statistic that needs the values: what is computed, over which of them.

    `low` and `high` are values, or percent of the ranks; without one of them that side is open.
    """

    kind: Kind
    low: float
    high: float
    percent: bool


@lru_cache(maxsize=256)
def trim(name: str) -> Trim | None:
    """The statistic of this name, of the kinds that need the values; None where CloudWatch knows none."""
    if name == "IQM":
        return Trim("TM", 25.0, 75.0, percent=True)
    if short := _SHORT.fullmatch(name):
        return Trim(short[1].upper(), 0.0, float(short[2]), percent=True)  # type: ignore[arg-type]
    found, percent = _RANKS.fullmatch(name), True
    if found is None:
        found, percent = _RANGE.fullmatch(name), False
    if found is None or (found[2] is None and found[3] is None):
        return None
    least, most = (0.0, 100.0) if percent else (-math.inf, math.inf)
    low = least if found[2] is None else float(found[2])
    high = most if found[3] is None else float(found[3])
    return Trim(found[1], low, high, percent) if low <= high else None  # type: ignore[arg-type]


def known_statistic(name: str) -> bool:
    """Whether CloudWatch has a statistic of this name."""
    return name in BASIC or trim(name) is not None


def of_values(values: Mapping[float, float], wanted: Trim) -> float | None:
    """The statistic over these values, each with how often it was seen (more than 0 times).

    None where CloudWatch has no data point: a negative value among them, or a mean of no values.
    """
    if min(values) < 0:
        return None
    if wanted.kind == "P":
        return percentile(values, wanted.high)
    if wanted.kind == "WM":
        return _winsorized(values, wanted)
    kept = _by_rank(values, wanted) if wanted.percent else _by_value(values, wanted)
    count = sum(kept.values())
    total = sum(value * often for value, often in kept.items())
    mean = total / count if count else None
    return {"TC": count, "TS": total, "TM": mean, "PR": 100.0 * count / sum(values.values())}[wanted.kind]


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


def _by_value(values: Mapping[float, float], wanted: Trim) -> dict[float, float]:
    return {value: often for value, often in values.items() if wanted.low < value <= wanted.high}


def _by_rank(values: Mapping[float, float], wanted: Trim) -> dict[float, float]:
    """Each value with how much of it lies between the two ranks."""
    total = sum(values.values())
    low, high = total * wanted.low / 100, total * wanted.high / 100
    kept, before = {}, 0.0
    for value in sorted(values):
        after = before + values[value]
        inside = min(after, high) - max(before, low)
        if inside > 0:
            kept[value] = inside
        before = after
    return kept


def _winsorized(values: Mapping[float, float], wanted: Trim) -> float:
    """The mean with the values outside moved to the edge of the range."""
    low, high = wanted.low, wanted.high
    if wanted.percent:
        low, high = percentile(values, low), percentile(values, high)
    total = sum(min(max(value, low), high) * often for value, often in values.items())
    return total / sum(values.values())
