"""What state an alarm is in, from the data points of its evaluation range. Pure; knows nothing of MiniStack.

Source: Amazon CloudWatch User Guide, "Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data".
The rows of that guide's two tables are this module's tests. AWS does not say how long the evaluation range is; its
examples read two periods more than `EvaluationPeriods`, and so does this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import ge, gt, le, lt
from typing import Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
STATES: tuple[State, ...] = ("OK", "ALARM", "INSUFFICIENT_DATA")
MISSING = ("missing", "ignore", "breaching", "notBreaching")
EXTRA_PERIODS = 2

OPERATORS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (ge, "greater than or equal to"),
    "LessThanThreshold": (lt, "less than"),
    "LessThanOrEqualToThreshold": (le, "less than or equal to"),
}


@dataclass(frozen=True)
class Rule:
    """An alarm's condition: `datapoints` (M) breaching ones among the last `periods` (N)."""

    operator: str
    threshold: float
    periods: int
    datapoints: int
    missing: str = "missing"

    @property
    def range(self) -> int:
        """How many periods are read."""
        return self.periods + EXTRA_PERIODS

    def breaches(self, value: float) -> bool:
        """Whether one data point is on the wrong side of the threshold."""
        return OPERATORS[self.operator][0](value, self.threshold)


@dataclass(frozen=True)
class Point:
    """One data point: the start of its period (epoch seconds) and its value."""

    at: int
    value: float


@dataclass(frozen=True)
class Outcome:
    """The state, None where it stays as it is, and why in CloudWatch's manner; `used` are the newest points first."""

    state: State | None
    reason: str
    used: tuple[Point, ...] = ()


def evaluate(rule: Rule, newest_first: Sequence[Point | None]) -> Outcome:
    """The state by the data points of the evaluation range, of which None are missing.

    With as many real points as `periods` only those count, wherever in the range they lie. With fewer, the missing
    ones count as `rule.missing` says; for `missing` and `ignore` a lone fresh breach is waited with, and one that is
    `datapoints` periods old and was followed by nothing better is an alarm.
    """
    real = [(age, point) for age, point in enumerate(newest_first, 1) if point is not None][: rule.periods]
    used = tuple(point for _, point in real)
    short = rule.periods - len(real)
    bad = [age for age, point in real if rule.breaches(point.value)]
    counted = len(bad) + (short if rule.missing == "breaching" else 0)
    if not real and rule.missing in {"missing", "ignore"}:
        state: State | None = "INSUFFICIENT_DATA" if rule.missing == "missing" else None
    elif short == 0 or rule.missing in {"breaching", "notBreaching"}:
        state = "ALARM" if counted >= rule.datapoints else "OK"
    elif len(bad) >= rule.datapoints:
        state = "ALARM"
    elif len(bad) < len(real):
        state = "OK"
    else:
        state = "ALARM" if rule.missing == "missing" and max(bad) >= rule.datapoints else None
    return Outcome(state, _reason(rule, used, short, state), used)


def _reason(rule: Rule, used: Sequence[Point], short: int, state: State | None) -> str:
    if state is None:
        return "Unchanged: too few data points"
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {short} datapoint{'s were' if short > 1 else ' was'} unknown."
    if not used:
        treated = "Breaching" if rule.missing == "breaching" else "NonBreaching"
        said = f"{short} missing datapoint{'s were' if short > 1 else ' was'} treated as [{treated}]"
        return f"Threshold Crossed: no datapoints were received for {short} period(s) and {said}."
    words = OPERATORS[rule.operator][1]
    telling = [point for point in used if rule.breaches(point.value) == (state == "ALARM")] or list(used)
    shown = ", ".join(f"{point.value} ({datetime.fromtimestamp(point.at, UTC):%d/%m/%y %H:%M:%S})" for point in telling)
    many = len(telling) != 1
    verb = ("were" if many else "was") + ("" if state == "ALARM" else " not")
    count = f"{len(telling)} out of the last {rule.periods} datapoints" if rule.periods > 1 else "1 datapoint"
    change = "OK -> ALARM" if state == "ALARM" else "ALARM -> OK"
    least = rule.datapoints if state == "ALARM" else rule.periods - rule.datapoints + 1
    return (
        f"Threshold Crossed: {count} [{shown}] {verb} {words} the threshold ({rule.threshold})"
        f" (minimum {least} datapoint{'s' if least > 1 else ''} for {change} transition)."
    )
