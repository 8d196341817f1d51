"""The typed form of a service's manifest: frozen pydantic models, with AWS's own limits. No files are read here.

Built from YAML (units required, see `FROM_YAML`) or directly by field name with plain numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from pipeline.manifest import units
from pipeline.manifest.document import nearest

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
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]+\Z")
_ROUTE = re.compile(r"(?:\$default|(?:ANY|GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) /\S*)\Z")
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*,;=:@%-]+|\{[A-Za-z0-9._:-]+\+?\})\Z")


def fault(what: str, instead: str = "") -> PydanticCustomError:
    """A rule broken, in the words a person reads."""
    return PydanticCustomError("crabwalk", "{what}", {"what": what, "instead": instead})


def _unit(parse: Callable[[str], float], example: str) -> BeforeValidator:
    def validate(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise fault("must be a number with a unit", f"write for example `{example}`")
        if not isinstance(value, str) and info.context is not FROM_YAML:
            return value
        try:
            return parse(value if isinstance(value, str) else units.plain_number(value))
        except units.UnitError as error:
            raise fault(error.what, error.instead) from None

    return BeforeValidator(validate)


def _between(low: float, high: float, shown: str, unit: str) -> AfterValidator:
    def validate(value: Any) -> Any:
        if not low <= value <= high:
            raise fault(f"{units.plain_number(value)} {unit} is out of range", shown)
        return value

    return AfterValidator(validate)


def _matches(pattern: str, what: str, rule: str) -> AfterValidator:
    form = re.compile(pattern + r"\Z", re.ASCII)

    def validate(value: str) -> str:
        if not form.match(value):
            raise fault(f"`{value}` is not {what}", rule)
        return value

    return AfterValidator(validate)


def _retention(value: int) -> int:
    if value not in LOG_RETENTION_DAYS:
        near = min(LOG_RETENTION_DAYS, key=lambda days: abs(days - value))
        what = f"CloudWatch Logs cannot keep logs for {value} day{'' if value == 1 else 's'}"
        raise fault(what, f"write `{near} day{'' if near == 1 else 's'}`")
    return value


def _share(value: float) -> float:
    if not 0 < value < 1:
        raise fault(
            f"{units.plain_number(round(value * 100, 6))} % is out of range", "more than 0 % and less than 100 %"
        )
    return value


class Variables(Mapping[str, str]):
    """A frozen, hashable mapping of environment variables."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"Variables({self._values!r})"


def _variables(value: Mapping[str, str]) -> Variables:
    for name in value:
        if name in _RESERVED or name.startswith("AWS_LAMBDA_"):
            raise fault(f"`{name}` is reserved by Lambda", "remove it")
        if not _VARIABLE.match(name):
            raise fault(f"`{name}` is not a variable's name", "letters, digits and _, two or more, a letter first")
    size = len(json.dumps(dict(value), separators=(",", ":"), ensure_ascii=False).encode())
    if size > 4096:
        raise fault(f"all variables together take {size} bytes", "Lambda takes 4,096")
    return Variables(value)


def _route(value: str) -> str:
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


def _relative(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not value.strip() or "\\" in value:
        raise fault(f"`{value}` must lie inside the service's folder", "for example `events/hello.json`")
    return value


def _increasing(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    for number, (before, after) in enumerate(zip(steps, steps[1:], strict=False), 2):
        if after.traffic <= before.traffic:
            shares = [f"{units.plain_number(round(step.traffic * 100, 6))} %" for step in (before, after)]
            raise fault(f"step {number} ({shares[1]}) must have more traffic than the one before it ({shares[0]})")
    return steps


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_by_alias=True,
        validate_by_name=True,
        hide_input_in_errors=True,
    )


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_Listed = BeforeValidator(_tupled)
_CargoName = _matches(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", "a cargo name", "letters, digits, - and _")
_Duration = Annotated[float, _unit(units.seconds, "10 min")]


class Step(_Model):
    """One step of a walk: the candidate's share of traffic (a fraction) and how long it stays there."""

    traffic: Annotated[float, _unit(units.fraction, "10 %"), AfterValidator(_share)]
    bake_s: Annotated[_Duration, _between(1, 86_400, "1 s to 24 h", "s")] = Field(alias="bake")


_DEFAULT_STEPS = (Step(traffic=0.1, bake_s=600.0), Step(traffic=0.5, bake_s=600.0))


class Release(_Model):
    """How a new version is walked; no steps means all at once, chosen openly."""

    steps: Annotated[tuple[Step, ...], _Listed, AfterValidator(_increasing)] = _DEFAULT_STEPS
    min_requests: Annotated[int, _between(1, 1_000_000_000, "at least 1", "requests")] = 100
    deadline_s: Annotated[_Duration, _between(1, 30 * 86_400, "1 s to 30 days", "s")] = Field(7200.0, alias="deadline")
    on_inconclusive: Literal["rollback", "hold", "promote"] = "rollback"
    smoke: Annotated[tuple[Annotated[str, AfterValidator(_relative)], ...], _Listed] = ()

    @model_validator(mode="after")
    def _deadline_leaves_room(self) -> Release:
        baking = sum(step.bake_s for step in self.steps)
        if baking > self.deadline_s:
            shown = units.plain_number(baking), units.plain_number(self.deadline_s)
            raise fault(f"the steps bake {shown[0]} s but the deadline is {shown[1]} s", "raise `deadline`")
        return self


class HttpTrigger(_Model):
    """Routes of the service's HTTP API."""

    kind: Literal["http"] = "http"
    routes: Annotated[tuple[Annotated[str, AfterValidator(_route)], ...], _Listed]


def _kinds(value: Any) -> Any:
    """`http: {routes: [...]}` becomes the model's form; models pass."""
    if isinstance(value, HttpTrigger):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise fault("must be one trigger", 'write for example `http: {routes: ["GET /"]}`')
    ((kind, body),) = value.items()
    if kind != "http":
        raise fault(f"unknown trigger `{kind}`", nearest(kind, ["http"]))
    if not isinstance(body, dict):
        raise fault("must be a mapping with routes", 'write for example `http: {routes: ["GET /"]}`')
    return {"kind": kind, **body}


def _triggers(triggers: tuple[HttpTrigger, ...]) -> tuple[HttpTrigger, ...]:
    if len(triggers) > 1:
        raise fault("a service has one http trigger", "list all routes in it")
    for trigger in triggers:
        if not trigger.routes:
            raise fault("an http trigger needs a route", "write for example `GET /`")
        for route in trigger.routes:
            if trigger.routes.count(route) > 1:
                raise fault(f"the route `{route}` stands here twice")
    return triggers


class Manifest(_Model):
    """What a service's YAML says, an environment's overlay applied."""

    name: Annotated[
        str,
        _matches(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?", "a service's name", "up to 40 of a-z, 0-9, -, a letter first"),
    ]
    description: Annotated[str, _matches(r"[^\x00-\x1f]{0,256}", "a description", "one line, up to 256")] = ""
    package: Annotated[str, _CargoName] = Field(default_factory=lambda data: data.get("name", ""))
    binary: Annotated[str, _CargoName] = Field(default_factory=lambda data: data.get("package", ""))
    features: Annotated[tuple[str, ...], _Listed] = ()
    architecture: Literal["arm64", "x86_64"] = "arm64"
    target: Literal["musl"] = "musl"
    runtime: Literal["provided.al2023"] = "provided.al2023"
    memory_mb: Annotated[int, _unit(units.megabytes, "128 MB"), _between(128, 10_240, "128 MB to 10,240 MB", "MB")] = (
        Field(128, alias="memory")
    )
    timeout_s: Annotated[int, _unit(units.whole_seconds, "3 s"), _between(1, 900, "1 s to 900 s (15 min)", "s")] = (
        Field(3, alias="timeout")
    )
    stack: Annotated[
        str, _matches(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?", "a stack's name", "up to 40 of a-z, 0-9, -, a letter first")
    ] = Field(default_factory=lambda data: data.get("name", ""))
    environment: Annotated[
        Mapping[str, str], AfterValidator(_variables), PlainSerializer(lambda variables: dict(variables))
    ] = Variables({})
    log_retention_days: Annotated[int, _unit(units.days, "7 days"), AfterValidator(_retention)] = Field(
        14, alias="log_retention"
    )
    tracing: bool = False
    triggers: Annotated[
        tuple[Annotated[HttpTrigger, BeforeValidator(_kinds)], ...], _Listed, AfterValidator(_triggers)
    ] = ()
    release: Release = Release()


class Service(Manifest):
    """A manifest and where it lies; what every later stage takes."""

    directory: Path
    file: Path
