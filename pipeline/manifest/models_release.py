"""How a new version is walked onto live traffic: steps, checks, and who says yes."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.manifest import forms, rules, units
from pipeline.manifest.models_base import GIVEN, LISTED, Model
from pipeline.manifest.rules import fault

_Requests = Annotated[int, rules.count(1, 1_000_000_000, "requests")]


class Step(Model):
    """One step of a walk: the candidate's share of traffic (a fraction) and how long it stays there."""

    traffic: Annotated[float, rules.unit(units.fraction, "10 %", of=units.SHARES), forms.share]
    """The share of requests the new version gets, more than 0 % and less than 100 %, rising from step to step."""

    bake_s: Annotated[
        float,
        *rules.quantity(units.seconds, "10 min", of=units.TIMES, within=rules.between(1, 86_400, "1 s to 24 h", "s")),
    ] = Field(validation_alias="bake")
    """How long the step lasts at least, 1 s to 24 h."""

    min_requests: Annotated[_Requests | None, GIVEN] = None
    """Requests the new version must have answered before this step is judged; without it, the release's."""

    approve: bool = False
    """Whether a person must say yes (`crabwalk promote`) before this step begins."""


class Latency(Model):
    """A limit on how long requests take, compared with the old version at the same time."""

    over_ms: Annotated[
        float,
        *rules.quantity(
            units.milliseconds, "500 ms", of=units.FINE, within=rules.between(1, 900_000, "1 ms to 900 s", "ms")
        ),
    ] = Field(validation_alias="over")
    """A request that takes longer counts as slow; a rising share of slow requests fails the release."""


class Checks(Model):
    """What is looked at while a new version bakes."""

    errors: bool = True
    """Whether the share of failed invocations is compared with the old version's."""

    latency: Annotated[Latency | None, GIVEN] = None
    """Compares the share of requests that take longer than `over`."""

    alarms: Annotated[
        tuple[Annotated[str, rules.matches(r"[^\x00-\x1f]{1,255}", "an alarm's name", "1 to 255 characters")], ...],
        LISTED,
        rules.listed(0, 100, "alarms"),
    ] = ()
    """CloudWatch alarms, by name; one that begins to ring during the walk fails the release."""


def _increasing(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    for index, (before, after) in enumerate(pairwise(steps), 1):
        if after.traffic <= before.traffic:
            shares = rules.percent(after.traffic), rules.percent(before.traffic)
            what = f"{shares[0]} must be more than the {shares[1]} of the step before it"
            raise fault(what, at=(index, "traffic"))
    return steps


class Release(Model):
    """How a new version is walked; no steps means all at once, chosen openly."""

    steps: Annotated[tuple[Step, ...], LISTED, rules.Rule(_increasing)] = (
        Step.model_construct(traffic=0.1, bake_s=600),
        Step.model_construct(traffic=0.5, bake_s=600),
    )
    """The way up to 100 %; `[]` moves all traffic at once."""

    min_requests: _Requests = 100
    """Requests the new version must have answered before a step is judged."""

    deadline_s: Annotated[
        float,
        *rules.quantity(
            units.seconds, "10 min", of=units.TIMES, within=rules.between(1, 30 * 86_400, "1 s to 30 days", "s")
        ),
    ] = Field(default=7200, validation_alias="deadline")
    """When the whole walk must be over; what is inconclusive then ends as `on_inconclusive` says."""

    on_inconclusive: Literal["rollback", "hold", "promote"] = "rollback"
    """What happens when the deadline comes and the evidence says neither good nor bad."""

    smoke: Annotated[
        tuple[Annotated[str, rules.relative("service", "events/hello.json")], ...],
        LISTED,
        rules.listed(0, 100, "events"),
    ] = ()
    """Event files in the service's folder; the new version must answer each before it gets any traffic."""

    checks: Checks = Checks.model_construct()
    """What is compared while a step bakes."""

    approvers: Annotated[
        tuple[
            Annotated[
                str,
                rules.matches(
                    r"arn:aws(?:-[a-z]+){0,3}:(?:sts|iam)::[0-9*]{1,12}:[\w+=,.@/*-]{1,512}|[\w+=,.@/*-]{1,64}",
                    "an identity",
                    "write an ARN of STS or IAM, or a name, with `*` for any characters",
                    examples=("arn:aws:sts::123456789012:assumed-role/release/*", "release-*"),
                ),
            ],
            ...,
        ],
        LISTED,
        rules.listed(0, 50, "approvers"),
    ] = ()
    """Who may approve a step, by the ARN or name AWS STS reports, with `*` for any characters."""

    approval_timeout_s: Annotated[
        float,
        *rules.quantity(
            units.seconds, "24 h", of=units.TIMES, within=rules.between(60, 30 * 86_400, "1 min to 30 days", "s")
        ),
    ] = Field(default=86_400, validation_alias="approval_timeout")
    """How long a step waits for its approval before the release is rolled back."""

    @model_validator(mode="after")
    def _deadline_leaves_room(self) -> Release:
        baking = sum(step.bake_s for step in self.steps)
        if baking > self.deadline_s:
            shown = [units.written(Decimal(str(length)), units.TIMES) for length in (baking, self.deadline_s)]
            what = f"the steps bake {shown[0]} but the deadline is {shown[1]}"
            # a step that was not readable bakes too: only steps that are not the author's at all say nothing
            raise fault(what, "raise `deadline`", at=("deadline",), because=(("steps", "*"),), own=shown[1])
        return self
