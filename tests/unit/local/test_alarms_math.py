from __future__ import annotations

import pytest

from pipeline.local.edge.alarm_math import MathError, compute, names

PERIODS = [0, 60, 120]
ERRORS = {60: 5.0, 120: 1.0}
INVOCATIONS = {0: 10.0, 60: 20.0, 120: 0.0}


def series(expression: str) -> object:
    return compute(expression, {"e": ERRORS, "i": INVOCATIONS}, PERIODS)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("100 * e / i", {60: 25.0}),  # no errors known at 0, nothing to divide by at 120
        ("100 * FILL(e, 0) / i", {0: 0.0, 60: 25.0}),
        ("FILL(e, -1)", {0: -1.0, 60: 5.0, 120: 1.0}),
        ("IF(i >= 20, e, 0)", {0: 0.0, 60: 5.0, 120: 0.0}),
        ("IF(i > 10, e)", {60: 5.0}),
        ("i > 10", {0: 0.0, 60: 1.0, 120: 0.0}),
        ("-e + 1", {60: -4.0, 120: 0.0}),
        ("(1 + 2) * 3", 9.0),
        ("1 / 0", {}),
        ("IF(i >= 5, 100 * FILL(e, 0) / i, 0)", {0: 0.0, 60: 25.0, 120: 0.0}),
    ],
)
def test_arithmetic_has_data_where_both_sides_have(expression, expected):
    assert series(expression) == expected


def test_names_are_the_ids_and_not_the_functions():
    assert names("IF(i >= 20, 100 * FILL(e, 0) / i, 0)") == {"e", "i"}


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("SEARCH('{AWS/Lambda,FunctionName}', 'Sum', 60)", "`SEARCH("),
        ("METRICS()", "`METRICS()`"),
        ("FILL(e, REPEAT)", "`FILL(e, REPEAT)`"),
        ("ANOMALY_DETECTION_BAND(e)", "`ANOMALY_DETECTION_BAND(e)`"),
        ("e ** 2", "`e ** 2`"),
        ("e AND i", "`e AND i` cannot be read"),
        ("1 < e < 3", "`1 < e < 3`"),
        ("", "`` cannot be read"),
        ("__import__('os')", "`__import__"),
        ("(" * 300 + "e" + ")" * 300, "cannot be read"),
    ],
)
def test_the_rest_of_metric_math_is_refused_by_name(expression, said):
    with pytest.raises(MathError) as fault:
        names(expression)
    assert said in str(fault.value)
