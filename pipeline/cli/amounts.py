"""Sizes, durations and shares as options' values, in the forms of the manifest: `512 MB`, `20 ms`, `1.5 %`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import click

from pipeline.manifest import units
from pipeline.quotas import MEMORY_MB

T = TypeVar("T")

_COUNT = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kM]?)\Z")
_TIMES = {"": 1, "k": 1_000, "M": 1_000_000}


def _reading(read: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> T | None:
        if value is None:
            return None
        try:
            return read(value)
        except units.UnitError as error:
            raise click.BadParameter(f"{error.what}: {error.instead}", ctx, param) from None

    return callback


def _memory(text: str) -> int:
    found = units.megabytes(text, "512 MB")
    least, most = MEMORY_MB
    if not least <= found <= most:
        raise units.UnitError(f"`{text}` is no memory size of Lambda's", f"{least} MB to {most} MB")
    return found


def _milliseconds(text: str) -> float:
    return units.milliseconds(text, "20 ms")


def _share(text: str) -> float:
    found = units.fraction(text, "1.5 %")
    if found > 1:
        raise units.UnitError(f"`{text}` is more than all", "at most `100 %`")
    return found


def _count(text: str) -> float:
    found = _COUNT.fullmatch(text.strip().replace(",", ""))
    if found is None:
        raise units.UnitError(f"`{text}` is no number", "write for example `250000`, `50k` or `2M`")
    return float(found[1]) * _TIMES[found[2]]


memory = _reading(_memory)
memories = _reading(lambda text: tuple(dict.fromkeys(_memory(one.strip()) for one in text.split(","))))
milliseconds = _reading(_milliseconds)
share = _reading(_share)
count = _reading(_count)
size = _reading(lambda text: float(units.bytes_(text, "8 MB")))
