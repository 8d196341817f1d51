"""A service's bill as people and machines read it. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.cost.measured import Sample, Traffic
from pipeline.cost.model import NOT_COUNTED, Bill, Work, other
from pipeline.cost.prices import Source
from pipeline.report.text import duration, percent


@dataclass(frozen=True)
class Costed:
    """A service's bill in a region, what it is made of, and the same on the other architecture.

    `seen` None: nothing was measured. `a_millisecond`: what a million requests cost more for each that is billed.
    """

    service: str
    region: str
    work: Work
    bill: Bill | None
    other: Bill | None
    a_request: float | None  # of a million
    a_millisecond: float | None
    seen: Traffic | None = None
    sample: Sample | None = None


def dollars(amount: float) -> str:
    """An amount with two decimals, or as many as a small one needs: `12.30`, `0.0042`."""
    if amount == 0 or abs(amount) >= 0.1:
        return f"{amount:,.2f}"
    text = f"{amount:.{max(2, 1 - _exponent(amount))}f}"
    return text.rstrip("0") if len(text) > 4 else text


def _exponent(amount: float) -> int:
    return int(f"{abs(amount):e}".split("e")[1])


def cost_lines(one: Costed) -> Iterator[str]:
    """The head, each line of the bill with its formula, the sum, and what is not in it."""
    work = one.work
    if one.bill is None:
        yield f"{one.service}: {_silent(one)}"
        yield from _formula(one)
        return
    month = f"{dollars(one.bill.monthly)} $ a month in {one.region}"
    yield f"{one.service}: {month}, {work.memory_mb:,} MB on {work.architecture}"
    yield f"  {_assumed(one)}"
    amounts = [dollars(line.monthly) for line in one.bill.lines]
    width = max(map(len, amounts))
    names = max(len(line.what) for line in one.bill.lines)
    for amount, line in zip(amounts, one.bill.lines, strict=True):
        unsure = "" if line.price is None or line.price.source.confirmed else "  (price not confirmed)"
        yield f"  {amount:>{width}} $  {line.what:<{names}}  {line.how}{unsure}"
    if one.other is not None:
        yield f"  on {other(work.architecture)}: {dollars(one.other.monthly)} $, if it is as fast there"
    yield f"  not in it: {'; '.join((*one.bill.unknown, NOT_COUNTED))}"
    yield f"  prices: {'; '.join(_dated(one.bill))}"


def _silent(one: Costed) -> str:
    window = f" in the last {duration(one.seen.window_s)}" if one.seen is not None else ""
    return f"no traffic{window}, so there is nothing to multiply"


def _formula(one: Costed) -> Iterator[str]:
    size = f"{one.work.memory_mb:,} MB on {one.work.architecture} in {one.region}"
    if one.a_request is None or one.a_millisecond is None:
        yield f"  the table has no price for {size}"
        return
    yield f"  a million requests at {size}:"
    yield f"    {dollars(one.a_request)} $ + {dollars(one.a_millisecond)} $ for each ms billed of every one of them"
    yield "    + (cold share x ms of init) x the same; --duration 20ms computes it"


def _assumed(one: Costed) -> str:
    work = one.work
    billed = f", {work.billed_ms:.4g} ms billed" if work.billed_ms is not None else ""
    what = f"{work.requests:,.0f} requests a month of {work.mean_ms:,.4g} ms{billed}"
    if work.cold_share is not None:
        length = f" with {work.init_ms:,.4g} ms of init" if work.init_ms is not None else ""
        what += f", {percent(work.cold_share)} cold{length}"
    return f"{what}; {_measured(one)}"


def _measured(one: Costed) -> str:
    if one.seen is None:
        return "as given"
    said = f"measured: {one.seen.requests:,.0f} requests in {duration(one.seen.window_s)}"
    return said if one.sample is None else f"{said}, {one.sample.number:,} REPORT lines"


def _sources(bill: Bill) -> dict[str, Source]:
    return {line.price.source.name: line.price.source for line in bill.lines if line.price is not None}


def _dated(bill: Bill) -> Iterator[str]:
    for source in _sources(bill).values():
        yield f"{source.name} of {source.date}{'' if source.confirmed else ', not confirmed'}"


def as_json(one: Costed) -> dict[str, Any]:
    """The stable shape of `--output json`."""
    found = one.bill
    return {
        "service": one.service,
        "region": one.region,
        "work": one.work,
        "measured": one.seen,
        "sample": one.sample,
        "monthly": found.monthly if found else None,
        "lines": [_line(line) for line in found.lines] if found else [],
        "not_in_it": [*(found.unknown if found else ()), NOT_COUNTED],
        "other_architecture": other(one.work.architecture),
        "other_monthly": one.other.monthly if one.other else None,
        "million_requests": one.a_request,
        "million_milliseconds": one.a_millisecond,
        "sources": list(_sources(found).values()) if found else [],
    }


def _line(line: Any) -> dict[str, Any]:
    price = line.price
    return {
        "what": line.what,
        "monthly": line.monthly,
        "how": line.how,
        "price": price.amount if price else None,
        "unit": price.unit if price else None,
        "source": price.source.name if price else None,
        "confirmed": price.source.confirmed if price else None,
    }
