"""A history read backwards from listings that go forwards: every key once, the newest first, in few listings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.release.ledger import history
from pipeline.release.ledger.history import DAY_S, PAGE, newest_first
from pipeline.release.model import second

NOW = 1_700_000_000.0


class Listing:
    """The keys of a bucket, listed as S3 does, and in how many answers."""

    def __init__(self, keys: list[str]) -> None:
        self.all, self.answers = sorted(keys), 0

    def now(self) -> float:
        return NOW

    def keys(self, prefix: str, after: str = "") -> Iterator[str]:
        at = bisect_right(self.all, max(after, prefix))
        while True:
            self.answers += 1
            page = [key for key in self.all[at : at + PAGE] if key.startswith(prefix)]
            yield from page
            at += PAGE
            if len(page) < PAGE:
                return


def key(at: float, number: int = 0, prefix: str = "a/") -> str:
    return f"{prefix}{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%S}-{number:06x}.json"


def seconds(keys: list[str]) -> list[str]:
    return [second(one.rpartition("/")[2]) for one in keys]


@settings(max_examples=60)
@given(
    st.lists(st.floats(-60, 900 * DAY_S), max_size=40),
    st.lists(st.floats(0, 900 * DAY_S), max_size=40),
    st.none() | st.floats(0, 1000 * DAY_S),
    st.integers(2, 9),
)
def test_every_key_comes_once_and_the_newest_first(
    ages: list[float], others: list[float], back: float | None, page: int
) -> None:
    both = {"a/": ages, "b/": others}
    listing = Listing([key(NOW - age, n, prefix) for prefix, ages in both.items() for n, age in enumerate(ages)])
    since = None if back is None else NOW - back
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "PAGE", page)
        batches = list(newest_first(listing, list(both), since))  # type: ignore[arg-type]
    found = [one for batch in batches for one in batch]
    edge = "" if since is None else f"{datetime.fromtimestamp(since, UTC):%Y%m%dT%H%M%S}"
    assert sorted(found) == [one for one in listing.all if one.partition("/")[2] > edge]
    assert seconds(found) == sorted(seconds(found), reverse=True)
    ends = [(seconds(list(batch))[-1], seconds(list(after))[0]) for batch, after in pairwise(batches)]
    assert all(before > after for before, after in ends)


@pytest.mark.parametrize("years", [0.1, 3, 30])
def test_the_newest_of_a_hundred_thousand_take_few_listings(years: float) -> None:
    many = 100_000
    listing = Listing([key(NOW - n * years * 365 * DAY_S / many, n) for n in range(many)])
    found = list(islice((one for batch in newest_first(listing, ["a/"]) for one in batch), 20))  # type: ignore[arg-type]
    assert found == [key(NOW - n * years * 365 * DAY_S / many, n) for n in range(20)]
    assert listing.answers <= 4


def test_what_was_all_in_one_second_is_found() -> None:
    keys: list[Any] = [key(NOW - 5, n) for n in range(2 * PAGE + 7)]
    listing = Listing(keys)
    assert sorted(one for batch in newest_first(listing, ["a/"]) for one in batch) == keys  # type: ignore[arg-type]


def test_a_short_history_takes_one_listing() -> None:
    listing = Listing([key(NOW - n * 400 * DAY_S, n) for n in range(5)])
    assert len([one for batch in newest_first(listing, ["a/"]) for one in batch]) == 5  # type: ignore[arg-type]
    assert listing.answers == 1


@pytest.mark.parametrize(("newest", "each"), [(0.0, 1), (40 * DAY_S, 2)])
def test_the_newest_of_many_histories_take_a_listing_of_each_or_two(newest: float, each: int) -> None:
    names = [f"s{number}/" for number in range(50)]
    listing = Listing([key(NOW - newest - n * 60, n, names[n % 3]) for n in range(60)])  # most have none
    found = list(islice((one for batch in newest_first(listing, names) for one in batch), 20))  # type: ignore[arg-type]
    assert [int(one[-10:-5], 16) for one in found] == list(range(20))
    assert listing.answers == each * len(names)
