"""Sizes, durations and shares as manifests write them: a number and its unit. Pure; never guesses a missing unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

_FORM = re.compile(r"\s*(?P<number>\d{1,12}(?:\.\d{1,6})?)\s*(?P<unit>[A-Za-z%µ]*)\s*\Z", re.ASCII)

SIZES = {"MB": Decimal(1), "GB": Decimal(1024)}
BYTES = {"kB": Decimal(1000), "MB": Decimal(1000) ** 2}  # of files: a megabyte is a million bytes
FINE = {"ms": Decimal(1), "s": Decimal(1000)}
TIMES = {
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
    "day": Decimal(86400),
    "days": Decimal(86400),
}
SHARES = {"%": Decimal(1) / Decimal(100)}

# What people write, and what they mean by it.
_MEANT = {
    "m": "min",
    "kb": "kB",
    "kib": "kB",
    "msec": "ms",
    "millis": "ms",
    "milliseconds": "ms",
    "mb": "MB",
    "mib": "MB",
    "gb": "GB",
    "gib": "GB",
    "g": "GB",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "mins": "min",
    "minute": "min",
    "minutes": "min",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "d": "days",
    "percent": "%",
    "pct": "%",
}


class UnitError(ValueError):
    """A value without, or with a wrong, unit; `instead` is what to write."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(what)
        self.what = what
        self.instead = instead


def plain_number(value: Decimal | float) -> str:
    """A number as a person writes it: no exponent, no trailing zeros."""
    text = f"{Decimal(str(value)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def pattern(units: Mapping[str, Decimal]) -> str:
    """The form of a value with one of these units, for a JSON Schema."""
    return rf"^\s*\d{{1,12}}(?:\.\d{{1,6}})?\s*(?:{'|'.join(units)})\s*$"


def amount(text: str, units: Mapping[str, Decimal]) -> Decimal:
    """A valid value in what the units are multiples of."""
    return _parse(text, units, text)


def written(value: Decimal, units: Mapping[str, Decimal]) -> str:
    """A value as a person writes it: in the largest unit it is a whole number of."""
    fitting = [name for name, size in units.items() if name != "day" and value % size == 0] or list(units)[:1]
    name = max(fitting, key=lambda name: units[name]) if value else next(iter(units))
    number = value / units[name]
    return f"{plain_number(number)} {'day' if name == 'days' and number == 1 else name}"


def _parse(text: str, units: Mapping[str, Decimal], usual: str) -> Decimal:
    match = _FORM.match(text)
    if match is None:
        raise UnitError(f"`{text}` is not a number with a unit", f"write for example `{usual}`")
    number, unit = plain_number(Decimal(match["number"])), match["unit"]
    if unit in units:
        return Decimal(number) * units[unit]
    example = usual.partition(" ")[2]
    meant = _MEANT.get(unit.lower(), example)
    if meant not in units:
        meant = example
    if not unit:
        raise UnitError(f"`{text}` has no unit", f"write `{number} {meant}`")
    known = ", ".join(name for name in units if name != "day")
    if unit.lower() in _MEANT and _MEANT[unit.lower()] in units:
        raise UnitError(f"`{text}` has an unknown unit `{unit}`", f"write `{number} {meant}`")
    raise UnitError(f"`{text}` has an unknown unit `{unit}`", f"known: {known}; for example `{usual}`")


def megabytes(text: str, usual: str = "128 MB") -> int:
    """`128 MB` or `1.5 GB` (1 GB = 1024 MB) as whole megabytes."""
    size = _parse(text, SIZES, usual)
    if size != size.to_integral_value():
        raise UnitError(f"`{text}` is not a whole number of MB", f"write `{plain_number(round(size))} MB`")
    return int(size)


def seconds(text: str, usual: str = "10 s") -> float:
    """`3 s`, `10 min`, `2 h` or `7 days` as seconds."""
    return float(_parse(text, TIMES, usual))


def whole_seconds(text: str, usual: str = "3 s") -> int:
    """A duration Lambda can be given: whole seconds."""
    length = _parse(text, TIMES, usual)
    if length != length.to_integral_value():
        raise UnitError(f"`{text}` is not a whole number of seconds", f"write `{plain_number(round(length) or 1)} s`")
    return int(length)


def minutes(text: str, usual: str = "5 min") -> int:
    """A duration EventBridge can repeat after: whole minutes, as seconds."""
    length = _parse(text, TIMES, usual)
    if length % 60 != 0:
        raise UnitError(f"`{text}` is not a whole number of minutes", f"write for example `{usual}`")
    return int(length)


def milliseconds(text: str, usual: str = "500 ms") -> float:
    """`500 ms` or `1.5 s` as milliseconds."""
    return float(_parse(text, FINE, usual))


def bytes_(text: str, usual: str = "10 MB") -> int:
    """The size of a file: `10 MB` as 10,000,000."""
    size = _parse(text, BYTES, usual)
    if size != size.to_integral_value():
        raise UnitError(f"`{text}` is not a whole number of bytes", f"write for example `{usual}`")
    return int(size)


def days(text: str, usual: str = "7 days") -> int:
    """`7 days` as a number of days."""
    length = _parse(text, TIMES, usual) / TIMES["days"]
    if length != length.to_integral_value():
        raise UnitError(f"`{text}` is not a whole number of days", "write for example `7 days`")
    return int(length)


def fraction(text: str, usual: str = "10 %") -> float:
    """`10 %` as 0.1."""
    return float(_parse(text, SHARES, usual))
