"""AWS's prices by name and region, each with where it is from and of when. Reads files, never asks AWS.

The table is `prices.json` beside this file. Prices change: a project's own `crabwalk.prices.json`, in the same form
beside its project file, replaces what it names and leaves the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError

OWN_FILE = "crabwalk.prices.json"
REGION = "us-east-1"  # the one of which everything in the table is known
FORMAT = 1
MAX_BYTES = 1024 * 1024
_TABLE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True)
class Source:
    """Where prices are from; `date`: of when they are, ISO. Not `confirmed`: nobody could look them up again."""

    name: str
    origin: str
    date: str
    confirmed: bool = True


@dataclass(frozen=True)
class Price:
    """An amount in US dollars for one `unit`, in words."""

    amount: float
    unit: str
    source: Source

    def __str__(self) -> str:
        """The amount without an exponent: `0.20`, `0.0000133334`."""
        text = f"{self.amount:.10f}".rstrip("0")
        return f"{self.amount:.2f}" if len(text.partition(".")[2]) < 2 else text


@dataclass(frozen=True)
class Prices:
    """All prices there are, by name (`duration.arm64`, `requests`, ...) and region."""

    known: Mapping[tuple[str, str], Price]

    def of(self, name: str, region: str) -> Price | None:
        """A price; None where the table does not have it for the region."""
        return self.known.get((name, region))

    def regions(self) -> tuple[str, ...]:
        """The regions whose compute has a price."""
        return tuple(sorted({region for name, region in self.known if name.startswith("duration.")}))

    def over(self, own: Prices) -> Prices:
        """These, with what `own` says instead."""
        return Prices({**self.known, **own.known})


@cache
def built_in() -> Prices:
    """The table that comes with crabwalk."""
    return _parsed(_TABLE.read_bytes(), _TABLE.name)


def prices_of(root: Path | None, file: Path | None = None) -> Prices:
    """The table for a project: the built-in one, and over it `file`, or the project's own if there is one.

    Raises UsageError for a file that cannot be read or is no table.
    """
    own = file or (root / OWN_FILE if root is not None and (root / OWN_FILE).is_file() else None)
    if own is None:
        return built_in()
    try:
        with own.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the prices cannot be read: {error.strerror}", where=str(own)) from error
    if len(raw) > MAX_BYTES:
        raise _no_table("it is larger than 1 MB", str(own))
    return built_in().over(_parsed(raw, str(own)))


def _parsed(raw: bytes, where: str) -> Prices:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _no_table(f"it is not JSON: {error}", where) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("currency") != "USD":
        raise _no_table(f"it does not begin with `format: {FORMAT}` and `currency: USD`", where)
    sources = {name: _source(name, one, where) for name, one in _mapping(data, "sources", where)}
    return Prices(dict(_prices(data, sources, where)))


def _source(name: str, one: Any, where: str) -> Source:
    if not isinstance(one, dict) or not all(isinstance(one.get(key), str) for key in ("from", "date")):
        raise _no_table(f"the source `{name}` does not say `from` and `date`", where)
    return Source(name, one["from"], one["date"], one.get("confirmed") is not False)


def _prices(data: Any, sources: Mapping[str, Source], where: str) -> Iterator[tuple[tuple[str, str], Price]]:
    for name, entry in _mapping(data, "prices", where):
        unit = entry.get("unit") if isinstance(entry, dict) else None
        if not isinstance(unit, str):
            raise _no_table(f"the price `{name}` has no `unit`", where)
        for source in entry:
            if source == "unit":
                continue
            if source not in sources:
                raise _no_table(f"the price `{name}` is of `{source}`, which is no source", where)
            for region, text in _mapping(entry, source, where):
                yield (name, region), Price(_amount(text, f"{name} in {region}", where), unit, sources[source])


def _amount(text: Any, what: str, where: str) -> float:
    try:
        amount = float(text)
    except (TypeError, ValueError):
        amount = -1.0
    if not 0 <= amount < 1e6:
        raise _no_table(f"the price of {what} is no amount", where)
    return amount


def _mapping(data: Any, key: str, where: str) -> Iterator[tuple[str, Any]]:
    found = data.get(key)
    if not isinstance(found, dict):
        raise _no_table(f"`{key}` is no mapping", where)
    yield from found.items()


def _no_table(what: str, where: str) -> UsageError:
    return UsageError(f"this is no table of prices: {what}", where=where, hint="docs/cost.md shows the form")
