from __future__ import annotations

import pytest

from pipeline.local.edge.metric_statistics import percentile
from pipeline.local.edge.metric_store import FINE_S, Bucket, MetricStore

KEY = ("0", "us-east-1", "AWS/Lambda", "Invocations", (("FunctionName", "hello"),))
ONCE = ((1.0, 1.0),)


def filled(*moments: float) -> MetricStore:
    store = MetricStore()
    for moment in moments:
        store.record([KEY], moment, ONCE, "Count")
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
    [
        ("Sum", 10.0),
        ("SampleCount", 4.0),
        ("Average", 2.5),
        ("Minimum", 1.0),
        ("Maximum", 4.0),
        ("p50", 2.5),
        ("TC(2:)", 2.0),
    ],
)
def test_statistics(statistic, value):
    store = MetricStore()
    for each in (1.0, 2.0, 3.0, 4.0):
        store.record([KEY], 10.0, ((each, 1.0),))
    assert store.query(KEY, 0, 20, 60, statistic) == [(0, value)]


def test_percentile_weighs_values_by_how_often_they_were_seen():
    assert percentile({1.0: 99, 100.0: 1}, 50) == 1.0
    assert percentile({1.0: 99, 100.0: 1}, 100) == 100.0


def test_a_name_that_is_no_statistic_is_an_error():
    with pytest.raises(ValueError, match="bogus"):
        filled(100.0).query(KEY, 100, 101, 1, "bogus")


def test_what_was_published_elsewhere_counts_with_it():
    store = filled(100.0)
    one = {100: [Bucket.of({5.0: 2.0})], 101: [Bucket.of({7.0: 1.0})]}
    assert store.query(KEY, 100, 102, 1, "Sum", besides=one) == [(100, 11.0), (101, 7.0)]
    assert store.query(KEY, 100, 102, 1, "TC(4:)", besides=one) == [(100, 2.0), (101, 1.0)]


def test_of_a_published_set_only_the_basic_statistics_are_known():
    published = {100: [Bucket({}, 4.0, 20.0, 2.0, 9.0, whole=False)]}
    known = {
        name: filled().query(KEY, 100, 101, 1, name, besides=published) for name in ("Sum", "Maximum", "p50", "IQM")
    }
    assert known == {"Sum": [(100, 20.0)], "Maximum": [(100, 9.0)], "p50": [], "IQM": []}


def test_values_of_any_second_of_two_weeks_are_kept_without_going_through_all_of_them_each_time():
    store = MetricStore()
    for step in range(40_000):  # one function may stamp its metrics as it likes
        store.record([KEY], 1_800_000_000 - step * 29, ONCE)
    found = store.query(KEY, 0, 2_000_000_000, 60, "Sum")
    assert sum(value for _, value in found) == 40_000


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
    assert again.unit(KEY) == "Count"
