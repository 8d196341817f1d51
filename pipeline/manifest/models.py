"""The typed form of a service's manifest: frozen pydantic models. No files are read here, no rule is written here.

Built from YAML (units required, see `rules.FROM_YAML`) or directly by field name with plain numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from pipeline.manifest import rules, units
from pipeline.manifest.document import nearest
from pipeline.manifest.rules import fault


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
    rules.variables_size(value)
    return Variables(value)


def _increasing(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    for number, (before, after) in enumerate(pairwise(steps), 2):
        if after.traffic <= before.traffic:
            shares = rules.percent(after.traffic), rules.percent(before.traffic)
            raise fault(f"step {number} ({shares[0]}) must have more traffic than the one before it ({shares[1]})")
    return steps


def _trigger(value: Any) -> Any:
    """`http: {routes: [...]}` becomes the model's form; a model passes."""
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


def _one_of_a_kind(triggers: tuple[HttpTrigger, ...]) -> tuple[HttpTrigger, ...]:
    if len(triggers) > 1:
        raise fault("a service has one http trigger", "list all routes in it")
    return triggers


def _distinct(routes: tuple[str, ...]) -> tuple[str, ...]:
    if not routes:
        raise fault("an http trigger needs a route", "write for example `GET /`")
    for route in routes:
        if routes.count(route) > 1:
            raise fault(f"the route `{route}` stands here twice")
    return routes


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_by_alias=True,
        validate_by_name=True,
        hide_input_in_errors=True,
    )


_Listed = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
_Name = Annotated[
    str, rules.matches(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?", "a name", "up to 40 of a-z, 0-9 and -, a letter first")
]
_CargoName = Annotated[
    str, rules.matches(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", "a name of cargo's", "letters, digits, - and _")
]


class Step(_Model):
    """One step of a walk: the candidate's share of traffic (a fraction) and how long it stays there."""

    traffic: Annotated[float, rules.unit(units.fraction, "10 %"), AfterValidator(rules.share)]
    bake_s: Annotated[float, rules.unit(units.seconds, "10 min"), rules.between(1, 86_400, "1 s to 24 h", "s")] = Field(
        validation_alias="bake"
    )


class Release(_Model):
    """How a new version is walked; no steps means all at once, chosen openly."""

    steps: Annotated[tuple[Step, ...], _Listed, AfterValidator(_increasing)] = (
        Step(traffic=0.1, bake_s=600),
        Step(traffic=0.5, bake_s=600),
    )
    min_requests: Annotated[int, rules.between(1, 1_000_000_000, "at least 1", "requests")] = 100
    deadline_s: Annotated[
        float, rules.unit(units.seconds, "2 h"), rules.between(1, 30 * 86_400, "1 s to 30 days", "s")
    ] = Field(default=7200, validation_alias="deadline")
    on_inconclusive: Literal["rollback", "hold", "promote"] = "rollback"
    smoke: Annotated[tuple[Annotated[str, AfterValidator(rules.relative)], ...], _Listed] = ()

    @model_validator(mode="after")
    def _deadline_leaves_room(self) -> Release:
        baking = sum(step.bake_s for step in self.steps)
        if baking > self.deadline_s:
            shown = units.plain_number(baking), units.plain_number(self.deadline_s)
            raise fault(f"the steps bake {shown[0]} s but the deadline is {shown[1]} s", "raise `deadline`")
        return self


class HttpTrigger(_Model):
    """Routes of the service's HTTP API: `GET /`, `ANY /{proxy+}` or `$default`."""

    kind: Literal["http"] = "http"
    routes: Annotated[tuple[Annotated[str, AfterValidator(rules.route)], ...], _Listed, AfterValidator(_distinct)]


class Manifest(_Model):
    """What a service's YAML says, an environment's overlay applied."""

    name: _Name
    description: Annotated[
        str, rules.matches(r"[^\x00-\x1f]{0,256}", "a description", "one line of up to 256 characters")
    ] = ""
    package: _CargoName = Field(default_factory=lambda data: data.get("name", ""))
    binary: _CargoName = Field(default_factory=lambda data: data.get("package", ""))
    features: Annotated[tuple[str, ...], _Listed] = ()
    architecture: Literal["arm64", "x86_64"] = "arm64"
    target: Literal["musl"] = "musl"
    runtime: Literal["provided.al2023"] = "provided.al2023"
    memory_mb: Annotated[
        int, rules.unit(units.megabytes, "128 MB"), rules.between(128, 10_240, "128 MB to 10,240 MB", "MB")
    ] = Field(default=128, validation_alias="memory")
    timeout_s: Annotated[
        int, rules.unit(units.whole_seconds, "3 s"), rules.between(1, 900, "1 s to 900 s (15 min)", "s")
    ] = Field(default=3, validation_alias="timeout")
    stack: _Name = Field(default_factory=lambda data: data.get("name", ""))
    environment: Annotated[
        Mapping[Annotated[str, AfterValidator(rules.variable_name)], str],
        AfterValidator(_variables),
        PlainSerializer(dict),
    ] = Variables({})
    log_retention_days: Annotated[int, rules.unit(units.days, "7 days"), AfterValidator(rules.retention)] = Field(
        default=14, validation_alias="log_retention"
    )
    tracing: bool = False
    triggers: Annotated[
        tuple[Annotated[HttpTrigger, BeforeValidator(_trigger)], ...], _Listed, AfterValidator(_one_of_a_kind)
    ] = ()
    release: Release = Release()


class Service(Manifest):
    """A manifest and where it lies; what every later stage takes."""

    directory: Path
    file: Path
