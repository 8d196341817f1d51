"""What a manifest declares of a walk, as the engine keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.release.around.smoke import Check
from pipeline.release.model import StepSpec
from pipeline.release.terms import Checks, Freeze, Limit, Notify, Pace, Quiet, Terms

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.models_checks import Checks as DeclaredChecks
    from pipeline.manifest.models_hooks import Notification
    from pipeline.manifest.models_release import Release


def steps_of(release: Release) -> tuple[StepSpec, ...]:
    """The declared steps."""
    return tuple(
        StepSpec(
            one.traffic,
            one.bake_s,
            one.min_requests,
            one.approve,
            checks_of(one.checks) if one.checks is not None else None,
        )
        for one in release.steps
    )


def smoke_of(release: Release, directory: Path) -> tuple[Check, ...]:
    """The declared smoke checks of the service in `directory`."""
    return tuple(Check(directory / one.event, one.status, one.error, one.expect) for one in release.smoke)


def terms_of(release: Release, env: Environment) -> Terms:
    """The declared rules of the walk, as they are in an environment."""
    from pipeline.manifest.models_times import DAYS, minutes, moment

    return Terms(
        checks=checks_of(release.checks),
        fast=release.fast,
        quiet=tuple(
            Quiet(tuple(DAYS.index(day) for day in one.days), minutes(one.start), minutes(one.end), one.timezone)
            for one in release.quiet
        ),
        freezes=tuple(Freeze(moment(one.start), moment(one.end), one.reason) for one in release.freezes),
        approvers=tuple(release.approvers),
        approval_timeout_s=release.approval_timeout_s,
        rollback_window_s=release.rollback_window_s,
        together=release.together,
        notify=tuple(notify_of(one) for one in release.notify),
        evidence=Pace(release.evidence.resolution_s, env.emf_lag_s) if release.evidence is not None else None,
    )


def notify_of(declared: Notification) -> Notify:
    """A declared place; of a webhook only the name of the variable that has its address."""
    if declared.sns is not None:
        return Notify("sns", declared.sns)
    kind, address = ("slack", declared.slack) if declared.slack is not None else ("webhook", declared.webhook or "")
    return Notify(kind, address.partition(":")[2])  # type: ignore[arg-type]  # one of the two


def checks_of(declared: DeclaredChecks) -> Checks:
    """The declared checks."""
    return Checks(
        errors=declared.errors,
        failures=declared.failures,
        timeouts=declared.timeouts,
        slow_ms=declared.latency.over_ms if declared.latency else None,
        alarms=tuple(declared.alarms),
        limits=tuple(
            Limit(one.namespace, one.metric, tuple(sorted(one.dimensions.items())), one.statistic, one.above, one.below)
            for one in declared.limits
        ),
    )
