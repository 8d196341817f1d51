"""The sweeper by its own schedule: once for each night, in pages, on from where it stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from callers.sweeper import due
from catalogue_kit import Catalogue, until

MONTH = timedelta(days=30)


class Nights:
    """The two tables, and runs for nights that are each test's own."""

    def __init__(self, shop: Catalogue) -> None:
        self.shop, self.dynamodb = shop, shop.client("dynamodb")
        self.drafts, self.runs = (shop.physical("sweeper", name) for name in ("drafts", "runs"))

    def draft(self, name: str, touched: datetime, status: str = "draft") -> None:
        item = {"id": {"S": name}, "status": {"S": status}, "touched": {"N": str(int(touched.timestamp()))}}
        self.dynamodb.put_item(TableName=self.drafts, Item=item)

    def left(self) -> set[str]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.drafts, ConsistentRead=True)
        return {item["id"]["S"] for page in pages for item in page["Items"]}

    def run(self, night: datetime) -> dict[str, Any]:
        """What the table of runs has of a night."""
        key = {"time": {"S": f"{night:%Y-%m-%dT%H:%M:%SZ}"}}
        item = self.dynamodb.get_item(TableName=self.runs, Key=key, ConsistentRead=True).get("Item", {})
        return {name: next(iter(value.values())) for name, value in item.items()}

    def done(self, night: datetime) -> dict[str, Any]:
        """The run of a night, once it is over."""
        found: dict[str, Any] = until(f"the run of {night} is done", lambda: self._over(night), 60)
        return found

    def _over(self, night: datetime) -> dict[str, Any]:
        found = self.run(night)
        return found if found.get("state") == "done" else {}

    def told(self, night: datetime) -> list[dict[str, Any]]:
        """The function's lines of a night."""
        name = f"{night:%Y-%m-%dT%H:%M:%SZ}"
        return [line for line in self.shop.log("sweeper") if line.get("run") == name]


@pytest.fixture
def nights(catalogue: Catalogue) -> Iterator[Nights]:
    made = Nights(catalogue)
    yield made
    for name in made.left():
        made.dynamodb.delete_item(TableName=made.drafts, Key={"id": {"S": name}})


def test_what_nobody_touched_for_a_month_before_that_night_goes(nights: Nights) -> None:
    night = datetime(2026, 3, 1, 3, tzinfo=UTC)
    second = timedelta(seconds=1)
    nights.draft("old", night - MONTH - second)
    nights.draft("young", night - MONTH)
    nights.draft("published", night - 2 * MONTH, "published")
    due(nights.shop, night)
    run = nights.done(night)
    assert nights.left() == {"young", "published"}
    assert run["swept"] == "1"
    assert int(run["forgotten"]) > time.time() + timedelta(days=80).total_seconds()


def test_the_same_night_delivered_twice_is_swept_once(nights: Nights) -> None:
    night = datetime(2026, 3, 2, 3, tzinfo=UTC)
    due(nights.shop, night)
    nights.done(night)
    nights.draft("late", night - 2 * MONTH)
    due(nights.shop, night)
    told = until("the second delivery was answered", lambda: nights.told(night)[1:], 60)
    assert [line["outcome"] for line in told] == ["done-before"]
    assert nights.left() == {"late"}


def test_a_run_that_stops_goes_on_where_it_stopped(nights: Nights) -> None:
    night = datetime(2026, 3, 3, 3, tzinfo=UTC)
    for number in range(5):
        nights.draft(f"old-{number}", night - 2 * MONTH)
    due(nights.shop, night, page=2, pages=1)  # Lambda tries what fails twice more: three pages of two
    run = nights.done(night)
    assert nights.left() == set()
    assert run["swept"] == "5"
    errors = [line for line in nights.shop.log("sweeper") if line.get("error_type") == "Unfinished"]
    assert [line["error"].split()[0] for line in errors] == ["2", "4"]


def test_a_run_that_somebody_works_on_is_left_to_them(nights: Nights) -> None:
    night = datetime(2026, 3, 4, 3, tzinfo=UTC)
    nights.draft("old", night - 2 * MONTH)
    soon = int((time.time() + 3600) * 1000)
    item = {"time": {"S": f"{night:%Y-%m-%dT%H:%M:%SZ}"}, "state": {"S": "running"}, "lease": {"N": str(soon)}}
    nights.dynamodb.put_item(TableName=nights.runs, Item=item)
    due(nights.shop, night)
    told = until("the delivery was answered", lambda: nights.told(night), 60)
    assert [line["outcome"] for line in told] == ["elsewhere"]
    assert nights.left() == {"old"}
    item["lease"] = {"N": "1"}  # whoever it was has ended without a word
    nights.dynamodb.put_item(TableName=nights.runs, Item=item)
    due(nights.shop, night)
    assert nights.done(night)["swept"] == "1"


def test_a_dry_run_changes_nothing(nights: Nights) -> None:
    night = datetime(2026, 3, 5, 3, tzinfo=UTC)
    nights.draft("old", night - 2 * MONTH)
    before = nights.shop.invoked("sweeper").total()
    due(nights.shop, night, dry_run=True)
    until("it was invoked", lambda: nights.shop.invoked("sweeper").total() > before, 60)
    assert (nights.left(), nights.run(night)) == ({"old"}, {})
