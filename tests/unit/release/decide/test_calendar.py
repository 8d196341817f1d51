"""When nothing goes forward: quiet hours over midnight, weekdays, time zones, changes of the clock, freezes."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_kit import FRESH, GOOD, START, alias, own_alias, periods, saw, walking

from pipeline.release.decide.calendar import closed
from pipeline.release.decide.decide import decide
from pipeline.release.terms import Freeze, Quiet, Terms

BERLIN = "Europe/Berlin"
NIGHT = Quiet((4,), 16 * 60, 8 * 60, BERLIN)  # from Friday 16:00 to Saturday 08:00
ALWAYS = Terms(freezes=(Freeze(START - 1, START + 1e6, "holidays"),))


def at(text: str, zone: str = BERLIN) -> float:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("when", "until"),
    [
        ("2026-11-20 15:59", None),
        ("2026-11-20 16:00", "quiet hours until Sat 08:00 CET"),
        ("2026-11-21 07:59", "quiet hours until Sat 08:00 CET"),
        ("2026-11-21 08:00", None),
        ("2026-11-19 20:00", None),
        ("2026-07-03 23:00", "quiet hours until Sat 08:00 CEST"),
    ],
)
def test_quiet_hours_over_midnight(when: str, until: str | None) -> None:
    assert closed(Terms(quiet=(NIGHT,)), at(when)) == until


def test_a_whole_day_and_until_midnight() -> None:
    sunday = Quiet((6,), 0, 1440)
    assert closed(Terms(quiet=(sunday,)), at("2026-11-22 23:59", "UTC")) == "quiet hours until Mon 00:00 UTC"
    assert closed(Terms(quiet=(sunday,)), at("2026-11-23 00:00", "UTC")) is None
    assert closed(Terms(quiet=(Quiet((6,), 540, 540),)), at("2026-11-23 08:59", "UTC")) is not None


def test_hours_are_those_of_the_wall_clock_when_the_clocks_change() -> None:
    saturday = Quiet((5,), 22 * 60, 6 * 60, BERLIN)  # the night of 2026-10-25 has an hour more
    assert closed(Terms(quiet=(saturday,)), at("2026-10-25 05:59")) is not None
    assert closed(Terms(quiet=(saturday,)), at("2026-10-25 06:00")) is None


def test_a_freeze_says_its_reason() -> None:
    found = closed(ALWAYS, START)
    assert found is not None
    assert found.startswith("frozen until ")
    assert found.endswith("(holidays)")
    assert closed(ALWAYS, START + 2e6) is None


@settings(derandomize=True, max_examples=100, database=None)
@given(
    days=st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True),
    start=st.integers(0, 1440),
    end=st.integers(0, 1440),
    zone=st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe"]),
    now=st.floats(1.7e9, 1.9e9),
)
def test_the_said_end_is_ahead_and_within_a_day(days: list[int], start: int, end: int, zone: str, now: float) -> None:
    found = closed(Terms(quiet=(Quiet(tuple(days), min(start, 1439), end, zone),)), now)
    assert found is None or found.startswith("quiet hours until ")
    if set(days) == set(range(7)) and (end - min(start, 1439)) % 1440 == 0:
        assert found is not None or zone != "UTC"


def test_a_closed_time_keeps_a_walk_where_it_is_but_not_from_going_back() -> None:
    rollout = walking(terms=ALWAYS)
    waits = decide(rollout, saw(own_alias(rollout), periods(10, *GOOD)), START + 30)
    assert (waits.kind, waits.next) == ("wait", "50 % after it")
    assert "holidays" in waits.sentence
    back = decide(rollout, saw(own_alias(rollout), periods(10, (10, 5), (90, 0))), START + 30)
    assert back.kind == "roll-back"
    first = walking(-1, phase="published", nonce="", terms=ALWAYS)
    assert decide(first, saw(alias("1")), START + 30).kind == "quiet"
    assert FRESH.terms == Terms()
