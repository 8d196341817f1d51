from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.ledger.digest import digest_of
from pipeline.release.ledger.dora import DAY_S, EXPLAINED, Figures, figures
from pipeline.release.ledger.records import Entry

HOUR = 3600.0
NOW = 100 * DAY_S
MONTH = NOW - 30 * DAY_S


def entry(day: float, version: str, outcome: str = "promoted", **more: Any) -> Entry:
    """A release that took an hour and got its first traffic after half of it; it ended on this day."""
    ended = day * DAY_S
    values: dict[str, Any] = {
        "kind": "release",
        "release_id": f"r{version}",
        "service": "hello",
        "environment": "production",
        "outcome": outcome,
        "stable": "1",
        "candidate": version,
        "commit": f"c{version}",
        "subject": "",
        "artifact": "a",
        "actor": "anna",
        "claimed_actor": None,
        "started": ended - HOUR,
        "ended": ended,
        "reason": "",
        "sentence": "",
        "steps": ({"traffic": 0.1, "started": ended - HOUR / 2}, {"traffic": 1.0, "started": ended}),
    }
    return Entry(**{**values, **more})


def back(day: float, version: str, **more: Any) -> Entry:
    return entry(day, version, "rolled-back", kind="rollback", release_id=f"b{version}", steps=(), **more)


def of(*entries: Entry, **more: Any) -> Figures:
    return figures(map(digest_of, entries), MONTH, NOW, **more)


def test_no_figure_is_made_from_nothing() -> None:
    assert of() == Figures(0, None, None, 0, 0, 0, None, None, 0)
    assert of(entry(10, "2")) == of()  # before the time asked for


def test_how_often_and_how_fast() -> None:
    made = of(
        entry(80, "2", committed=79 * DAY_S), entry(90, "3", committed=87 * DAY_S), entry(95, "4"), entry(99, "5")
    )
    assert (made.deployments, made.per_day) == (4, 4 / 30)
    assert (made.lead_time_s, made.lead_time_n) == (2 * DAY_S, 2)
    told = of(entry(95, "4"), committed={"c4": 94 * DAY_S})
    assert (told.lead_time_s, told.lead_time_n) == (DAY_S, 1)
    assert of(entry(95, "4", committed=96 * DAY_S)).lead_time_s == 0  # clocks disagree


def test_what_is_taken_back_in_mid_walk_is_a_failure() -> None:
    made = of(entry(80, "2"), entry(81, "3", "rolled-back"), entry(82, "4", "aborted"), entry(83, "5"))
    assert (made.failures, made.changes, made.failure_rate) == (2, 4, 0.5)
    assert (made.restore_s, made.restore_n) == (HOUR / 2, 2)
    assert made.deployments == 2


def test_what_got_no_traffic_or_was_superseded_is_no_change() -> None:
    made = of(entry(80, "2", "rolled-back", steps=(), reason="smoke"), entry(81, "3", "superseded"))
    assert (made.changes, made.failure_rate) == (0, None)


def test_a_rollback_after_promotion_is_a_failure_of_that_release() -> None:
    made = of(entry(80, "2"), entry(85, "3"), back(85.5, "3"), entry(90, "4"))
    assert (made.deployments, made.failures, made.changes) == (3, 1, 3)
    assert made.restore_s == DAY_S / 2 + HOUR / 2
    # It was promoted before the time asked for, and taken back within it.
    late = of(entry(69, "3"), back(71, "3"))
    assert (late.deployments, late.failures, late.changes, late.restore_n) == (0, 1, 1, 1)


def test_a_rollback_in_mid_walk_counts_once() -> None:
    made = of(entry(80, "2", "rolled-back", reason="rolled back by hand"), back(80, "2"), back(81, "2"))
    assert (made.failures, made.changes) == (1, 1)


def test_a_rollback_that_fits_no_release_is_not_counted() -> None:
    other = replace(back(85, "3"), service="health")
    made = of(entry(80, "3"), other, back(79, "3"), back(86, "9"))
    assert (made.failures, made.changes) == (0, 1)
    again = of(entry(80, "3"), entry(84, "4"), back(85, "3"))  # version 3 came back, and was taken back then
    assert again.failures == 0


def test_other_kinds_of_entries_count_for_nothing() -> None:
    assert of(entry(80, "2", "resumed", kind="resume", steps=())) == of()
    assert of(entry(80, "2", "adopted", kind="adopt", steps=())) == of()


def test_every_figure_is_explained() -> None:
    assert list(EXPLAINED) == [
        "deployment frequency",
        "lead time for changes",
        "change failure rate",
        "time to restore",
    ]


_entries = st.builds(
    entry,
    st.floats(60, 110),
    st.sampled_from(["2", "3", "4"]),
    st.sampled_from(["promoted", "rolled-back", "aborted", "superseded"]),
    service=st.sampled_from(["hello", "health"]),
    committed=st.none() | st.floats(0, 110 * DAY_S),
)
_backs = st.builds(back, st.floats(60, 110), st.sampled_from(["2", "3", "4"]))


@given(st.lists(_entries | _backs, max_size=12), st.randoms())
def test_the_order_of_entries_does_not_matter_and_shares_are_shares(entries: list[Entry], random: Any) -> None:
    made = of(*entries)
    shuffled = list(entries)
    random.shuffle(shuffled)
    if len({one.started for one in entries}) == len(entries):
        assert of(*shuffled) == made
    assert made.failures <= made.changes
    assert made.failure_rate is None or 0 <= made.failure_rate <= 1
    assert (made.restore_s is None) == (made.restore_n == 0)
    assert made.restore_s is None or made.restore_s >= 0


def test_the_page_explains_the_figures_as_the_code_does() -> None:
    page = (Path(__file__).parents[4] / "docs" / "steering.md").read_text()
    for what, how in EXPLAINED.items():
        assert f"| {what} | {how} |" in page
