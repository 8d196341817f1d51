"""EventBridge's schedule expressions and time zones, judged before AWS does. Pure, but for the zone database."""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from functools import lru_cache

from pipeline.manifest.node import nearest
from pipeline.manifest.rules import Rule, fault

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_USUAL = "write for example `0 3 * * ? *` (minutes hours day-of-month month day-of-week year)"


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    special: re.Pattern[str] | None = None  # what only this field knows
    steps: bool = True

    def number(self, text: str) -> int | None:
        if text.upper() in self.words:
            return self.words.index(text.upper()) + 1
        if not (text.isascii() and text.isdigit() and len(text) <= 4):
            return None
        return int(text) if self.low <= int(text) <= self.high else None

    def holds(self, part: str) -> bool:
        """Whether `part`, one of a comma's list, can stand in this field."""
        if self.special is not None and self.special.fullmatch(part):
            return True
        span, slash, step = part.partition("/")
        if slash and not (self.steps and step.isascii() and step.isdigit() and 0 < int(step[:4]) <= self.high):
            return False
        if span == "*":
            return True
        first, dash, last = span.partition("-")
        return self.number(first) is not None and (not dash or self.number(last) is not None)


_FIELDS = (
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("day-of-month", 1, 31, special=re.compile(r"\?|L|LW|(?:[1-9]|[12][0-9]|3[01])W")),
    _Field("month", 1, 12, _MONTHS),
    _Field("day-of-week", 1, 7, _DAYS, re.compile(r"\?|L|(?:[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(?:L|#[1-5])"), False),
    _Field("year", 1970, 2199),
)


def _cron(value: str) -> str:
    text = value.strip()
    inner = re.fullmatch(r"cron\((.*)\)", text)
    if inner:
        raise fault(f"`{value}` has `cron(…)` around it", f"write `{inner[1]}`")
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise fault(f"`{value}` has {len(parts)} field{'' if len(parts) == 1 else 's'}, not 6", _six(parts))
    for field, part in zip(_FIELDS, parts, strict=True):
        for one in part.split(","):
            if not field.holds(one.upper()) or (one in {"?", "L"} and part != one):
                words = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
                allowed = f"{field.low} to {field.high}{words}, lists, ranges or `*`"
                raise fault(f"`{one}` cannot stand in the field {field.name}", allowed)
    if (parts[2] == "?") == (parts[4] == "?"):
        what = "one of day-of-month and day-of-week must be `?`, and not both"
        fixed = [*parts]
        fixed[4 if parts[4] in {"*", "?"} else 2] = "?"
        fixed[2] = "*" if fixed[2] == fixed[4] == "?" else fixed[2]
        raise fault(what, f"write `{' '.join(fixed)}`" if "*" in (parts[2], parts[4]) or parts[2] == "?" else _USUAL)
    return " ".join(parts)


def _six(parts: list[str]) -> str:
    """Cron's own five fields in EventBridge's six, where days do not stand in numbers, which mean other days there."""
    if len(parts) == 5 and not any(character.isdigit() for character in parts[4]):
        if parts[4] == "*":
            return f"write `{' '.join(parts[:4])} ? *`"
        if parts[2] == "*":
            return f"write `{' '.join(parts[:2])} ? {parts[3]} {parts[4]} *`"
    return _USUAL


@lru_cache(maxsize=256)
def _known(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _timezone(value: str) -> str:
    if _known(value) or not _known("UTC"):  # a machine without the database cannot judge
        return value
    raise fault(f"`{value}` is not a time zone", nearest_zone(value))


def nearest_zone(value: str) -> str:
    """What to write instead: few of 600 names."""
    zones = zoneinfo.available_timezones()
    places = {zone.rpartition("/")[2].lower(): zone for zone in sorted(zones)}
    city = places.get(value.strip().replace(" ", "_").rpartition("/")[2].lower())
    hint = f"did you mean `{city}`?" if city else nearest(value, zones)
    return hint if hint.startswith("did you mean") else "for example `Europe/Berlin`"


cron = Rule(
    _cron,
    {
        "pattern": r"^\s*[0-9A-Za-z*,?/#-]+(?:\s+[0-9A-Za-z*,?/#-]+){5}\s*$",
        "examples": ["0 3 * * ? *", "30 8 ? * MON-FRI *"],
    },
)
timezone = Rule(
    _timezone, {"pattern": r"^[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*$", "examples": ["Europe/Berlin"]}
)
