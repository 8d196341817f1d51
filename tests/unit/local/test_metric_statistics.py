"""The statistics that CloudWatch documents, on its own examples and on what they leave open."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.local.edge.metric_statistics import known_statistic, of_values, percentile, trim

HUNDRED = dict.fromkeys(map(float, range(1, 101)), 1.0)  # 1, 2, ... 100


def value(name: str, values: dict[float, float]) -> float | None:
    wanted = trim(name)
    assert wanted is not None, name
    return of_values(values, wanted)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # by value: exclusive below, inclusive above
        ("TC(10:20)", 10.0),
        ("TC(0.005:0.030)", 0.0),
        ("TC(99:)", 1.0),
        ("TC(100:)", 0.0),
        ("TC(:20)", 20.0),
        ("TC(20:20)", 0.0),
        ("PR(:30)", 30.0),
        ("PR(10:20)", 10.0),
        ("PR(90:)", 10.0),
        ("TS(97:)", 98.0 + 99.0 + 100.0),
        ("TS(1E1:1.2e1)", 11.0 + 12.0),
        ("TM(98:100)", 99.5),
        ("WM(40:60)", (40 * 40.0 + sum(range(41, 61)) + 40 * 60.0) / 100),
        ("WM(:50)", (sum(range(1, 51)) + 50 * 50.0) / 100),
        # by rank
        ("tc90", 90.0),
        ("TC(2%:98%)", 96.0),
        ("TC(80%:)", 20.0),
        ("TC(:10%)", 10.0),
        ("tm90", 45.5),
        ("TM(2%:98%)", 50.5),
        ("TM(25%:75%)", 50.5),
        ("IQM", 50.5),
        ("ts90", 4095.0),
        ("TS(80%:)", float(sum(range(81, 101)))),
        ("p50", 50.5),
        ("p100", 100.0),
        ("p0", 1.0),
        ("PR(0:100)", 100.0),
    ],
)
def test_documented_forms(name: str, expected: float) -> None:
    assert value(name, HUNDRED) == pytest.approx(expected)


def test_winsorized_means_move_what_is_outside_to_the_edge() -> None:
    values = {**dict.fromkeys(map(float, range(1, 100)), 1.0), 10_000.0: 1.0}
    edge = percentile(values, 98)
    assert value("wm98", values) == pytest.approx((sum(range(1, 99)) + 2 * edge) / 100)
    low, high = percentile(values, 10), percentile(values, 90)
    assert value("WM(10%:90%)", values) == pytest.approx((10 * low + sum(range(11, 91)) + 10 * high) / 100)


def test_equal_values_count_as_often_as_they_were_seen() -> None:
    values = {100.0: 90.0, 3000.0: 10.0}
    assert value("TC(2999:)", values) == 10
    assert value("TC(3000:)", values) == 0
    assert value("PR(:100)", values) == 90
    assert value("TM(:2999)", values) == 100


def test_a_cut_through_a_value_counts_it_in_part() -> None:
    assert value("IQM", {1.0: 1.0, 2.0: 1.0, 3.0: 1.0, 4.0: 1.0, 5.0: 1.0}) == pytest.approx(3.0)
    assert value("tc90", {7.0: 5.0}) == pytest.approx(4.5)


def test_a_mean_of_nothing_is_no_data_point_and_a_count_of_nothing_is_zero() -> None:
    assert value("TM(5:6)", {1.0: 3.0}) is None
    assert value("TC(5:6)", {1.0: 3.0}) == 0
    assert value("TS(5:6)", {1.0: 3.0}) == 0
    assert value("PR(5:6)", {1.0: 3.0}) == 0


def test_there_is_none_of_negative_values() -> None:
    for name in ("p50", "TC(0:)", "IQM", "wm90"):
        assert value(name, {-1.0: 1.0, 5.0: 1.0}) is None


@pytest.mark.parametrize(
    "name",
    [
        "bogus",
        "",
        "average",
        "p101",
        "p",
        "P99",
        "TC",
        "TC()",
        "TC(:)",
        "TC(%:)",
        "TC(5%:90)",
        "TC(5:90%)",
        "TC(20:10)",
        "TC(90%:10%)",
        "TC(-1:5)",
        "TC(5)",
        "TC(:101%)",
        "tc(5:6)",
        "PR(:90%)",
        "pr90",
        "iqm",
        "TM(1:2:3)",
        "TC(5 :6)",
        "TC(\u0665:)",
        "p99\n",
        "WM(nan:)",
        "TC(inf:)",
        "IQM(25%:75%)",
    ],
)
def test_unknown_statistics_are_known_to_be_unknown(name: str) -> None:
    assert not known_statistic(name)


@pytest.mark.parametrize(
    "name",
    ["Sum", "Average", "SampleCount", "p99", "p99.9", "p0", "p100", "tm99.5", "TC(2999:)", "PR(:300)", "TM(5%:95%)"],
)
def test_known_statistics(name: str) -> None:
    assert known_statistic(name)


@settings(derandomize=True, max_examples=200, database=None)
@given(
    values=st.dictionaries(st.floats(0, 1e6), st.integers(1, 50).map(float), min_size=1, max_size=30),
    low=st.integers(0, 100),
    high=st.integers(0, 100),
)
def test_count_sum_and_mean_of_a_range_agree(values: dict[float, float], low: int, high: int) -> None:
    if low > high:
        low, high = high, low
    for form in (f"({low}:{high})", f"({low}%:{high}%)"):
        count, total, mean = (value(kind + form, values) for kind in ("TC", "TS", "TM"))
        assert count is not None
        assert total is not None
        assert 0 <= count <= sum(values.values()) * (1 + 1e-9)
        assert (mean is None) == (count == 0)
        if mean is not None:
            assert mean * count == pytest.approx(total)
            assert min(values) * (1 - 1e-9) <= mean <= max(values) * (1 + 1e-9)
    above = value(f"TC({high}:)", values)
    up_to = value(f"TC(:{high})", values)
    assert (above or 0.0) + (up_to or 0.0) == pytest.approx(sum(values.values()))
    assert value("PR(:1000000)", values) == pytest.approx(100.0)
    assert math.isfinite(value("wm90", values) or 0.0)
