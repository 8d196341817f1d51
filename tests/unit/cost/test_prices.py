"""The table of prices: every one has a source and a date, and a project's own file goes over it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.cost.prices import MAX_BYTES, OWN_FILE, REGION, built_in, prices_of
from pipeline.errors import UsageError

OWN = {
    "format": 1,
    "currency": "USD",
    "sources": {"contract": {"from": "our private prices", "date": "2026-11-01"}},
    "prices": {"requests": {"unit": "a million", "contract": {"eu-west-1": "0.18", "xx-moon-1": 3}}},
}


def test_every_price_says_where_it_is_from_and_of_when() -> None:
    known = built_in().known
    assert len(known) > 150
    for price in known.values():
        assert price.unit.startswith("a ")
        assert price.source.origin
        assert dt.date.fromisoformat(price.source.date) <= dt.date(2026, 11, 22)
    guessed = {name for (name, _), price in known.items() if not price.source.confirmed}
    of_services = {"http-api", "logs", "alarm", "composite-alarm", "kms-key", "secret"}
    assert guessed == of_services | {"object-reads", "object-writes", "transitions"}


def test_the_price_of_the_first_region_is_known_of_everything() -> None:
    names = {name for name, _ in built_in().known}
    assert {name for name in names if built_in().of(name, REGION) is None} == set()
    compute = built_in().of("duration.x86_64", REGION)
    assert compute is not None
    assert (compute.amount, str(compute), compute.source.date) == (0.0000166667, "0.0000166667", "2026-09-19")


@pytest.mark.parametrize("region", built_in().regions())
def test_a_region_has_all_that_an_ordinary_function_needs(region: str) -> None:
    x86, arm = built_in().of("duration.x86_64", region), built_in().of("duration.arm64", region)
    assert x86 is not None
    assert arm is not None
    assert 0.79 < arm.amount / x86.amount < 0.81
    assert built_in().of("requests", region) is not None
    assert built_in().of("storage", region) is not None


def test_a_projects_own_prices_go_over_the_table(tmp_path: Path) -> None:
    assert prices_of(tmp_path) is built_in()
    (tmp_path / OWN_FILE).write_text(json.dumps(OWN))
    mine = prices_of(tmp_path)
    price = mine.of("requests", "eu-west-1")
    assert price is not None
    assert (str(price), price.source.name, price.source.confirmed) == ("0.18", "contract", True)
    assert mine.of("requests", "xx-moon-1") is not None
    assert mine.of("requests", "us-east-1") == built_in().of("requests", "us-east-1")
    assert mine.of("duration.arm64", "eu-west-1") == built_in().of("duration.arm64", "eu-west-1")


def changed(**keys: Any) -> str:
    return json.dumps({**OWN, **keys})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it does not begin with"),
        (changed(format=2), "it does not begin with"),
        (changed(currency="EUR"), "it does not begin with"),
        (changed(sources=[]), "`sources` is no mapping"),
        (changed(sources={"contract": {"from": "us"}}), "the source `contract` does not say `from` and `date`"),
        (changed(prices={"requests": {"contract": {}}}), "the price `requests` has no `unit`"),
        (changed(prices={"requests": {"unit": "a", "me": {}}}), "is of `me`, which is no source"),
        (changed(prices={"requests": {"unit": "a", "contract": []}}), "`contract` is no mapping"),
        (changed(prices={"requests": {"unit": "a", "contract": {"r": "x"}}}), "requests in r is no amount"),
        (changed(prices={"requests": {"unit": "a", "contract": {"r": -1}}}), "requests in r is no amount"),
        (changed(prices={"requests": {"unit": "a", "contract": {"r": "nan"}}}), "requests in r is no amount"),
        (" " * (MAX_BYTES + 1), "it is larger than 1 MB"),
    ],
)
def test_what_is_no_table_is_refused(text: str, what: str, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="no table of prices") as caught:
        prices_of(None, file)
    assert what in caught.value.what
    assert caught.value.where == str(file)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        prices_of(None, tmp_path / "none.json")
