"""The tables of the CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data", row by row."""

from __future__ import annotations

import pytest

from pipeline.local.edge.alarm_rules import MISSING, Outcome, Point, Rule, State, evaluate


def outcome(data: str, of: int, missing: str = "missing", periods: int = 3) -> Outcome:
    """`X` breaching, `0` not, `-` missing; the newest stands last, as in the guide."""
    rule = Rule("GreaterThanThreshold", 5.0, periods, of, missing)
    marks = list(enumerate(data.split()))
    return evaluate(
        rule, [None if mark == "-" else Point(60 * at, 9.0 * (mark == "X")) for at, mark in reversed(marks)]
    )


def states(data: str, of: int) -> list[State | None]:
    return [outcome(data, of, missing).state for missing in MISSING]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("0 - X - X", ["OK", "OK", "OK", "OK"]),
        ("- - - - 0", ["OK", "OK", "OK", "OK"]),
        ("- - - - -", ["INSUFFICIENT_DATA", None, "ALARM", "OK"]),
        ("0 X X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("- - X - -", ["ALARM", None, "ALARM", "OK"]),
        ("- - - - X", [None, None, "ALARM", "OK"]),
        ("- - - X -", [None, None, "ALARM", "OK"]),
    ],
)
def test_three_of_three(data, expected):
    assert states(data, 3) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("0 - X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("0 0 X 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("0 - X - -", ["OK", "OK", "ALARM", "OK"]),
        ("- - - - 0", ["OK", "OK", "ALARM", "OK"]),
        ("- - - X -", ["ALARM", None, "ALARM", "OK"]),
        ("- - - X X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("X X 0 0 X", ["OK", "OK", "OK", "OK"]),
    ],
)
def test_two_of_three(data, expected):
    assert states(data, 2) == expected


@pytest.mark.parametrize(
    ("operator", "breaching"),
    [
        ("GreaterThanThreshold", [False, False, True]),
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_every_operator_on_both_sides_of_the_threshold(operator, breaching):
    rule = Rule(operator, 5.0, 1, 1)
    assert [rule.breaches(value) for value in (4.0, 5.0, 6.0)] == breaching


def test_the_reason_names_the_points_the_threshold_and_the_change():
    assert outcome("0 X 0 X X", 2).reason == (
        "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (01/01/70 00:04:00), 9.0 (01/01/70 00:03:00)] "
        "were greater than the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."
    )
    assert outcome("0", 1, periods=1).reason == (
        "Threshold Crossed: 1 datapoint [0.0 (01/01/70 00:00:00)] was not greater than the threshold (5.0)"
        " (minimum 1 datapoint for ALARM -> OK transition)."
    )
    assert outcome("- - - - -", 2).reason == "Insufficient Data: 3 datapoints were unknown."
    assert outcome("- - - - -", 2, "breaching").reason == (
        "Threshold Crossed: no datapoints were received for 3 period(s) and 3 missing datapoints were treated as "
        "[Breaching]."
    )
