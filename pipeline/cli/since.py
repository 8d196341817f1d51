"""A stretch of time as an option's value: `30s`, `10m`, `2h`, `7d`."""

from __future__ import annotations

import re

import click

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_SINCE = re.compile(r"(\d{1,6})\s*(s|m|min|h|d)")


def stretch(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """The option's value in seconds; None where it was not given."""
    if value is None:
        return None
    found = _SINCE.fullmatch(value.strip())
    if found is None:
        raise click.BadParameter(f"`{value}` is no stretch of time: write for example 10m, 2h or 1d", ctx, param)
    return float(int(found[1]) * _UNITS[found[2]])
