"""The rules a manifest's values obey, with AWS's own limits, in a person's words. Pure; no models here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from pydantic import AfterValidator, BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from pipeline.manifest import units

FROM_YAML = {"yaml": True}
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
MAX_VARIABLES_BYTES = 4096
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]+\Z")
_ROUTE = re.compile(r"(?:\$default|(?:ANY|GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) /\S*)\Z")
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*,;=:@%-]+|\{[A-Za-z0-9._:-]+\+?\})\Z")


def fault(what: str, instead: str = "") -> PydanticCustomError:
    """A rule broken, in the words a person reads."""
    return PydanticCustomError("crabwalk", "{what}", {"what": what, "instead": instead})


def unit(parse: Callable[[str, str], float], example: str) -> BeforeValidator:
    """Text with a unit; a plain number only where code builds the model, never from YAML."""

    def validate(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise fault("must be a number with a unit", f"write for example `{example}`")
        if not isinstance(value, str) and info.context is not FROM_YAML:
            return value
        try:
            return parse(value if isinstance(value, str) else units.plain_number(value), example)
        except units.UnitError as error:
            raise fault(error.what, error.instead) from None

    return BeforeValidator(validate)


def between(low: float, high: float, shown: str, unit: str) -> AfterValidator:
    def validate(value: Any) -> Any:
        if not low <= value <= high:
            raise fault(f"{units.plain_number(value)} {unit} is out of range", shown)
        return value

    return AfterValidator(validate)


def matches(pattern: str, what: str, rule: str) -> AfterValidator:
    form = re.compile(pattern + r"\Z", re.ASCII)

    def validate(value: str) -> str:
        if not form.match(value):
            raise fault(f"`{value}` is not {what}", rule)
        return value

    return AfterValidator(validate)


def retention(value: int) -> int:
    if value not in LOG_RETENTION_DAYS:
        near = min(LOG_RETENTION_DAYS, key=lambda days: abs(days - value))
        what = f"CloudWatch Logs cannot keep logs for {value} day{'' if value == 1 else 's'}"
        raise fault(what, f"write `{near} day{'' if near == 1 else 's'}`")
    return value


def share(value: float) -> float:
    if not 0 < value < 1:
        raise fault(f"{percent(value)} is out of range", "more than 0 % and less than 100 %")
    return value


def variable_name(value: str) -> str:
    if value in _RESERVED or value.startswith("AWS_LAMBDA_"):
        raise fault(f"`{value}` is reserved by Lambda", "remove it")
    if not _VARIABLE.match(value):
        raise fault(f"`{value}` is not a variable's name", "letters, digits and _, two or more, a letter first")
    return value


def variables_size(value: Mapping[str, str]) -> None:
    """Lambda measures all variables together, as JSON."""
    size = len(json.dumps(dict(value), separators=(",", ":"), ensure_ascii=False).encode())
    if size > MAX_VARIABLES_BYTES:
        raise fault(f"all variables together take {size} bytes", f"Lambda takes {MAX_VARIABLES_BYTES}")


def route(value: str) -> str:
    if not _ROUTE.match(value):
        raise fault(f"`{value}` is not a route", "write `$default` or a method and a path, for example `GET /`")
    path = value.partition(" ")[2].strip("/")
    segments = path.split("/") if path else []
    for segment in segments:
        if not _SEGMENT.match(segment):
            raise fault(f"`{value}` is not a route: `{segment}` cannot stand in a path")
    if any(segment.endswith("+}") for segment in segments[:-1]):
        raise fault(f"`{value}` is not a route: a greedy part like `{{proxy+}}` can only be the last")
    return value


def relative(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not value.strip() or "\\" in value:
        raise fault(f"`{value}` must lie inside the service's folder", "for example `events/hello.json`")
    return value


def percent(value: float) -> str:
    """A fraction as manifests write it."""
    return f"{units.plain_number(round(value * 100, 6))} %"
