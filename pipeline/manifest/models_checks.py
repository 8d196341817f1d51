"""What is looked at while a new version bakes: signals judged against the old version, alarms, static limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, model_validator

from pipeline.manifest import rules, units
from pipeline.manifest.models_base import FROZEN, GIVEN, LISTED, Frozen, Model
from pipeline.manifest.rules import fault

AlarmName = Annotated[str, rules.matches(r"[^\x00-\x1f]{1,255}", "an alarm's name", "1 to 255 characters")]
_MetricName = Annotated[
    str, rules.matches(r"[^:\x00-\x1f][^\x00-\x1f]{0,254}", "a name of CloudWatch's", "1 to 255 characters")
]
RESOLUTIONS = (1, 5, 10)  # seconds; of those CloudWatch has (1, 5, 10, 30 and whole minutes) the useful ones
_STATISTIC = rules.matches(
    r"Sum|Average|Minimum|Maximum|SampleCount|p(?:\d{1,2}(?:\.\d{1,4})?|100)",
    "a statistic",
    "write Sum, Average, Minimum, Maximum, SampleCount or a percentile like p99",
    examples=("Sum", "p99"),
)


def _resolution(seconds: int) -> int:
    if seconds not in RESOLUTIONS:
        raise fault(f"{seconds} s is no resolution", "write 1 s, 5 s or 10 s; without it, minutes", own=f"{seconds} s")
    return seconds


class Latency(Model):
    """A limit on how long requests take, compared with the old version at the same time."""

    over_ms: Annotated[
        float,
        *rules.quantity(
            units.milliseconds, "500 ms", of=units.FINE, within=rules.between(1, 900_000, "1 ms to 900 s", "ms")
        ),
    ] = Field(validation_alias="over")
    """A request that takes longer counts as slow; a rising share of slow requests fails the release."""


class Limit(Model):
    """A static limit of any CloudWatch metric, also one that knows nothing of versions."""

    namespace: _MetricName
    """The metric's namespace."""

    metric: _MetricName
    """The metric's name."""

    dimensions: Annotated[Mapping[str, str], FROZEN, PlainSerializer(dict)] = Frozen[str]({})
    """The metric's dimensions, all of them."""

    statistic: Annotated[str, _STATISTIC] = "Sum"
    """What is made of a period's values."""

    above: Annotated[float | None, GIVEN] = None
    """A period with more fails the release."""

    below: Annotated[float | None, GIVEN] = None
    """A period with less fails the release."""

    @model_validator(mode="after")
    def _limits(self) -> Limit:
        if self.above is None and self.below is None:
            raise fault("says no limit", "write `above` or `below`")
        return self


class Evidence(Model):
    """How finely the service's own metrics are read during a walk: those it prints in the embedded metric format."""

    source: Literal["emf"]
    """Where they are from: the lines the function prints (docs/signals.md)."""

    resolution_s: Annotated[
        int,
        rules.unit(units.whole_seconds, "1 s", of=units.TIMES),
        rules.Rule(_resolution),
    ] = Field(default=1, validation_alias="resolution")
    """How long one count is: 1 s, 5 s or 10 s."""


class Checks(Model):
    """What is looked at while a new version bakes."""

    errors: bool = True
    """Whether the share of failed invocations is compared with the old version's."""

    failures: bool = True
    """Whether requests answered with 5xx and failed records are compared, where the service tells them."""

    timeouts: bool = False
    """Whether timeouts are compared on their own; `errors` has them too."""

    latency: Annotated[Latency | None, GIVEN] = None
    """Compares the share of requests that take longer than `over`."""

    alarms: Annotated[tuple[AlarmName, ...], LISTED, rules.listed(0, 100, "alarms")] = ()
    """CloudWatch alarms, by name; one that begins to ring during the walk fails the release."""

    limits: Annotated[tuple[Limit, ...], LISTED, rules.listed(0, 20, "limits")] = ()
    """Static limits of CloudWatch metrics; a period beyond one fails the release."""
