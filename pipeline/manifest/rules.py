"""How a manifest's rules are written: a check in a person's words and, beside it, what the JSON Schema says of it.

Pure; no models here. A rule that is built once is used for every value: nothing is compiled while validating.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from pipeline.manifest import units

FROM_YAML = {"yaml": True}
Schema = Mapping[str, Any]


def fault(
    what: str,
    instead: str = "",
    at: tuple[int | str, ...] = (),
    *,
    key: bool = False,
    because: tuple[tuple[int | str, ...], ...] = (),
    own: str = "",
) -> PydanticCustomError:
    """A rule broken, in the words a person reads; `at` is where below the value that is judged, `key`: its key.

    `because`: what else below that value was looked at. `own`: what stands for the author's own text in `what`.
    """
    ctx = {"what": what, "instead": instead, "at": at, "key": key, "because": because, "own": own}
    return PydanticCustomError("crabwalk", "{what}", ctx)


@dataclass(frozen=True, eq=False)
class Rule:
    """A check of the finished value; `schema` is added to its JSON Schema."""

    check: Callable[[Any], Any]
    schema: Schema = field(default_factory=dict)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


@dataclass(frozen=True, eq=False)
class Between(Rule):
    """A number's limits."""

    low: float = 0
    high: float = 0
    shown: str = ""


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, eq=False)
class Read:
    """How YAML writes a value, where that differs from what the model holds; a ready value passes unread.

    `schema` takes the place of the value's JSON Schema; `write` turns a default back into YAML.
    """

    parse: Callable[[Any], Any]
    ready: type | tuple[type, ...]
    schema: Schema
    write: Callable[[Any], Any] = _as_it_is

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: Any, info: ValidationInfo) -> Any:
            if info.context is not FROM_YAML and isinstance(value, self.ready):
                return value
            return self.parse(value)

        return core_schema.with_info_before_validator_function(read, handler(source))


@dataclass(frozen=True, eq=False)
class Shorthand:
    """A text that stands for a longer value, which `expand` writes out as YAML would."""

    expand: Callable[[str], Any]
    schema: Schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def written_out(value: Any) -> Any:
            return self.expand(value) if isinstance(value, str) else value

        return core_schema.no_info_before_validator_function(written_out, handler(source))


class Given:
    """A key that is written has a value: `vpc:` with nothing behind it is a slip, not None."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def given(value: Any, info: ValidationInfo) -> Any:
            if value is None and info.context is FROM_YAML:
                raise fault("has no value", "write one, or remove the key")
            return value

        return core_schema.with_info_before_validator_function(given, handler(source))


def unit(
    parse: Callable[[str, str], float], example: str, *, of: Mapping[str, Decimal], within: Between | None = None
) -> Read:
    """Text with a unit; a plain number only where code builds the model, never from YAML."""
    scale = units.amount(example, of) / Decimal(str(parse(example, example)))  # of what the model counts in

    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise fault("must be a number with a unit", f"write for example `{example}`")
        text = value if isinstance(value, str) else units.plain_number(value)
        try:
            return parse(text, example)
        except units.UnitError as error:
            instead = error.instead
            if within is not None and not _fits(instead, parse, within):
                names = [name for name in of if name != "day"]
                instead = f"write a number with {' or '.join(names)}, {within.shown}"
            raise fault(error.what, instead, own=text) from None

    schema = {"type": "string", "pattern": units.pattern(of), "examples": [example]}
    return Read(read, (int, float), schema, lambda value: units.written(Decimal(str(value)) * scale, of))


def quantity(
    parse: Callable[[str, str], float], example: str, *, of: Mapping[str, Decimal], within: Between
) -> tuple[Read, Between]:
    """A value with a unit and its limits, so that no unit is suggested with which it would be beyond them."""
    return unit(parse, example, of=of, within=within), within


def _fits(instead: str, parse: Callable[[str, str], float], within: Between) -> bool:
    """Whether what a hint says to write is possible."""
    written = instead.removeprefix("write `").removesuffix("`")
    try:
        return within.low <= parse(written, written) <= within.high
    except units.UnitError:
        return True  # the hint names no value of the author's


def between(low: float, high: float, shown: str, unit: str = "") -> Between:
    """A number's limits; `shown` is how a person writes them."""

    def check(value: Any) -> Any:
        if not low <= value <= high:
            said = f"{units.plain_number(value)} {unit}".rstrip()
            raise fault(f"{said} is out of range", shown, own=said)
        return value

    return Between(check, low=low, high=high, shown=shown)


def count(low: int, high: int, what: str = "") -> Rule:
    """A whole number's limits, which the schema can say too."""
    rule = between(low, high, f"{low:,} to {high:,}" if high < 1_000_000_000 else f"at least {low:,}", what)
    return Rule(rule.check, {"minimum": low, "maximum": high})


def matches(pattern: str, what: str, rule: str, *, quoted: bool = True, examples: tuple[str, ...] = ()) -> Rule:
    """Text of a form. `quoted=False`: the value may be a secret somebody put in the wrong place."""

    @cache
    def form() -> re.Pattern[str]:  # most manifests need few of the forms there are
        return re.compile(rf"(?:{pattern})\Z", re.ASCII)

    def check(value: str) -> str:
        if not form().match(value):
            raise fault(f"`{value}` is not {what}" if quoted else f"this is not {what}", rule)
        return value

    return Rule(check, {"pattern": f"^(?:{pattern})$", **({"examples": list(examples)} if examples else {})})


def listed(minimum: int, maximum: int, what: str) -> Rule:
    """A list's length, and that nothing stands in it twice."""

    def check(values: tuple[Any, ...]) -> tuple[Any, ...]:
        if not minimum <= len(values) <= maximum:
            allowed = f"at least {minimum}" if len(values) < minimum else f"at most {maximum}"
            raise fault(f"{len(values)} {what}", f"{allowed} here")
        return distinct(values)

    least = {"minItems": minimum} if minimum else {}
    return Rule(check, {**least, "maxItems": maximum, "uniqueItems": True})


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuses what stands in a list twice, at its second place."""
    seen: dict[Any, int] = {}
    for index, value in enumerate(values):
        if value in seen:
            shown = f"`{value}`" if isinstance(value, str) else "this"
            raise fault(f"{shown} stands here twice", "remove one", at=(index,), because=((seen[value],),))
        seen[value] = index
    return values


def relative(place: str, example: str) -> Rule:
    """A path that cannot leave `place`."""

    def check(value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or not value.strip() or "\\" in value or "\0" in value:
            raise fault(f"`{value}` must lie inside the {place}'s folder", f"for example `{example}`")
        return value

    return Rule(check, {"pattern": r"^(?!/)(?!(?:.*/)?\.\.(?:/|$))[^\\]*[^\\\s][^\\]*$", "examples": [example]})


def json_text(value: Any) -> str:
    """A value of any form as JSON text; keys stay in their order."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise fault("cannot be written as JSON", "no `.inf` or `.nan`") from None


def percent(value: float) -> str:
    """A fraction as manifests write it."""
    return f"{units.plain_number(round(value * 100, 6))} %"
