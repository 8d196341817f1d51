"""How a new version is walked onto live traffic: steps, checks, and who says yes."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.manifest import forms, rules, strategies, units
from pipeline.manifest.models_base import GIVEN, LISTED, Model, Name
from pipeline.manifest.models_checks import Checks, Evidence
from pipeline.manifest.models_hooks import SMOKE, Hooks, Notification, Probe, Smoke
from pipeline.manifest.models_net import SafetyNet
from pipeline.manifest.models_times import Freeze, Quiet
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

    checks: Annotated[Checks | None, GIVEN] = None
    """What is compared in this step; without it, the release's."""

    approve: bool = False
    """Whether a person must say yes (`crabwalk promote`) before this step begins."""


def _increasing(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    for index, (before, after) in enumerate(pairwise(steps), 1):
        if after.traffic <= before.traffic:
            shares = rules.percent(after.traffic), rules.percent(before.traffic)
            what = f"{shares[0]} must be more than the {shares[1]} of the step before it"
            raise fault(what, at=(index, "traffic"))
    return steps


class Release(Model):
    """How a new version is walked; no steps means all at once, chosen openly."""

    steps: Annotated[
        tuple[Step, ...],
        LISTED,
        rules.Rule(_increasing),
        rules.Shorthand(
            strategies.steps,
            {"type": "string", "pattern": strategies.PATTERN, "examples": list(strategies.EXAMPLES)},
        ),
    ] = (
        Step.model_construct(traffic=0.1, bake_s=600),
        Step.model_construct(traffic=0.5, bake_s=600),
    )
    """The way up to 100 %; `[]` moves all traffic at once. Or a name: `canary-10-5m`, `linear-10-1m`, `blue-green`."""

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

    fast: bool = False
    """Whether a step may end before its bake time, once the evidence shows that it is good enough."""

    quiet: Annotated[tuple[Quiet, ...], LISTED, rules.listed(0, 20, "quiet hours")] = ()
    """Hours of the week in which nothing goes forward."""

    freezes: Annotated[tuple[Freeze, ...], LISTED, rules.listed(0, 50, "freezes")] = ()
    """Times in which nothing goes forward."""

    rollback_window_s: Annotated[
        float,
        *rules.quantity(
            units.seconds, "1 h", of=units.TIMES, within=rules.between(0, 7 * 86_400, "0 s to 7 days", "s")
        ),
    ] = Field(default=3_600, validation_alias="rollback_window")
    """For how long after promotion the safety net may still go back by itself."""

    safety_net: Annotated[SafetyNet | None, GIVEN] = None
    """Undoes a release when its alarm rings, also when nothing of crabwalk's is running."""

    together: Annotated[Name | None, GIVEN] = None
    """A group whose releases, when they walk at the same time, are promoted or rolled back as one."""

    smoke: Annotated[
        tuple[Annotated[Smoke, SMOKE], ...],
        LISTED,
        rules.listed(0, 100, "events"),
    ] = ()
    """Events the new version must answer before it gets any traffic: files in the service's folder."""

    hooks: Hooks = Hooks.model_construct()
    """Commands and webhooks before any traffic is moved, and after the end."""

    probe: Annotated[Probe | None, GIVEN] = None
    """Safe events sent through the alias during the walk, for a service with little traffic of its own."""

    notify: Annotated[tuple[Notification, ...], LISTED, rules.listed(0, 10, "places")] = ()
    """Where start, steps, holds and end are told."""

    checks: Checks = Checks.model_construct()
    """What is compared while a step bakes."""

    evidence: Annotated[Evidence | None, GIVEN] = None
    """Judges what the service tells of itself by the second; without it, by CloudWatch's minutes."""

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
    def _evidence_is_compared(self) -> Release:
        if self.evidence is not None and not self.checks.failures:
            what = "`failures`, which it would count by the second, is not compared"
            raise fault(what, "remove it, or `failures: false`", at=("evidence",), because=(("checks", "failures"),))
        return self

    @model_validator(mode="after")
    def _deadline_leaves_room(self) -> Release:
        baking = sum(step.bake_s for step in self.steps)
        if baking > self.deadline_s:
            shown = [units.written(Decimal(str(length)), units.TIMES) for length in (baking, self.deadline_s)]
            what = f"the steps bake {shown[0]} but the deadline is {shown[1]}"
            # a step that was not readable bakes too: only steps that are not the author's at all say nothing
            raise fault(what, "raise `deadline`", at=("deadline",), because=(("steps", "*"),), own=shown[1])
        return self
