from __future__ import annotations

import pytest

from pipeline.local.metric_store import FINE_S, MetricStore, known_statistic, percentile

KEY = ("0", "us-east-1", "Invocations", (("FunctionName", "hello"),))


def filled(*moments: float) -> MetricStore:
    store = MetricStore()
    for moment in moments:
        store.record([KEY], moment, 1.0)
    return store


def test_window_is_half_open():
    store = filled(100.0, 100.9, 101.0, 102.5)
    assert store.query(KEY, 100, 102, 1, "Sum") == [(100, 2.0), (101, 1.0)]
    assert store.query(KEY, 101, 103, 1, "Sum") == [(101, 1.0), (102, 1.0)]
    assert store.query(KEY, 100, 100, 1, "Sum") == []


def test_adjacent_windows_count_every_invocation_once():
    store = filled(*(100 + step / 7 for step in range(70)))
    edges = range(100, 111)
    total = sum(sum(v for _, v in store.query(KEY, a, a + 1, 1, "Sum")) for a in edges)
    assert total == 70


def test_short_window_of_a_long_series_is_the_same_as_a_scan():
    store = filled(*range(1000, 1500))
    assert store.query(KEY, 1200.5, 1203, 1, "Sum") == [(1201, 1.0), (1202, 1.0)]


def test_periods_start_at_multiples_of_the_period():
    store = filled(59, 60, 119, 120)
    assert store.query(KEY, 0, 200, 60, "SampleCount") == [(0, 1.0), (60, 2.0), (120, 1.0)]


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("Sum", 10.0), ("SampleCount", 4.0), ("Average", 2.5), ("Minimum", 1.0), ("Maximum", 4.0), ("p50", 2.5)],
)
def test_statistics(statistic, value):
    store = MetricStore()
    for each in (1.0, 2.0, 3.0, 4.0):
        store.record([KEY], 10.0, each)
    assert store.query(KEY, 0, 20, 60, statistic) == [(0, value)]


def test_percentile_weighs_values_by_how_often_they_were_seen():
    assert percentile({1.0: 99, 100.0: 1}, 50) == 1.0
    assert percentile({1.0: 99, 100.0: 1}, 100) == 100.0


@pytest.mark.parametrize("name", ["TC(500:)", "PR(:500)", "TM(5%:95%)", "IQM", "tm90", "bogus", "p101", "average", ""])
def test_unknown_statistics_are_known_to_be_unknown(name):
    assert not known_statistic(name)


@pytest.mark.parametrize("name", ["Sum", "Average", "SampleCount", "p99", "p99.9", "p0", "p100"])
def test_known_statistics(name):
    assert known_statistic(name)


def test_old_seconds_become_minutes_and_nothing_is_lost():
    store = filled(*range(2 * FINE_S))
    minute = store.query(KEY, 60, 120, 1, "Sum")
    assert minute == [(60, 60.0)]
    assert sum(value for _, value in store.query(KEY, 0, 2 * FINE_S, 60, "Sum")) == 2 * FINE_S


def test_saved_and_loaded(tmp_path):
    store = filled(100.0, 100.5, 160.0)
    store.save(tmp_path / "metrics.json")
    again = MetricStore()
    again.load(tmp_path / "metrics.json")
    assert again.query(KEY, 0, 200, 1, "Sum") == store.query(KEY, 0, 200, 1, "Sum")
    assert again.keys("0", "us-east-1") == (KEY,)
