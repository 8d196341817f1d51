"""What a deploy would pass over of the releases its commit asks for, and why. Pure.

It says what `deploying` does: nothing is released that is live already or was rolled back before, that a person froze
or whose stack has to change with such a one, that refers to what does not get to what the commit says, or that goes
together with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from pipeline.deploying.offering import configuration
from pipeline.deploying.planning import DeployPlan
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import ready
from pipeline.deploying.worth import known
from pipeline.infra.kinds import kind_of
from pipeline.infra.model import Change
from pipeline.manifest.references import group_of, needed
from pipeline.release.walk.freeze import told

if TYPE_CHECKING:
    from pipeline.manifest.models import Service

Marked = Callable[[str], bool]  # whether a service's alias carries a person's mark
_STANDS = "live"  # it carries what the commit says without a release


def passed_over(
    plan: DeployPlan, artifacts: Mapping[str, str], changes: Collection[Change], marked: Marked, *, retry: bool
) -> dict[str, str]:
    """By service that a deploy would not release, why.

    `artifacts`: SHA-256 of those that are known. `changes`: what Terraform would do.
    """
    found = dict(_frozen(plan, marked))
    behind = {*found}
    for wave in plan.waves:
        alone = {one.name: _alone(plan, one, behind, artifacts, changes, retry=retry) for one in wave}
        told = {name: why for name, why in alone.items() if why is not None and name not in found}
        found |= {name: why for name, (_, why) in told.items()}
        behind |= {name for name, (kind, _) in told.items() if kind != _STANDS}
        left = {one.name: _absent(plan.setting, one, behind) for one in wave if one.name not in found}
        together = {name: absent for name, absent in left.items() if absent is not None}
        found |= {name: f"it goes together with `{one}`, which is not released" for name, one in together.items()}
        behind |= {*together}
    return found


def nothing_new(
    setting: Setting, service: Service, artifact: str | None, changes: Collection[Change], *, retry: bool
) -> tuple[str, str] | None:
    """Whether it is `live` or was `rejected`, in words; None where a deploy would release it, or nobody knows yet.

    What is live already is published anew where Terraform changes the function in what belongs to a version.
    """
    if artifact is None or ready(setting, service).missing:
        return None
    record = setting.records[service.name]
    found = known(record, artifact, configuration(setting, service), retry=retry)
    if found is None:
        return None
    if found.kind == "rejected":
        verb = "retry" if record.frozen is None else "resume"  # what is frozen is not tried again before
        return found.kind, f"{found.sentence}; crabwalk {verb} {service.name} --env {setting.env.name}"
    published = any(one.service == service.name and _publishes(one) for one in changes)
    return None if published else (found.kind, found.sentence)


def _alone(
    plan: DeployPlan,
    service: Service,
    behind: Collection[str],
    artifacts: Mapping[str, str],
    changes: Collection[Change],
    *,
    retry: bool,
) -> tuple[str, str] | None:
    """Why it is not released, whoever it goes together with; `behind`: who does not get to what the commit says."""
    waits = sorted(needed(service) & {*behind})
    if waits:
        return "behind", f"it refers to `{waits[0]}`, which does not get to what this commit says"
    names = {one.name for one in plan.services}
    lost = next((one for one in ready(plan.setting, service).missing if one.service not in names), None)
    if lost is None:
        return nothing_new(plan.setting, service, artifacts.get(service.name), changes, retry=retry)
    again = f"crabwalk deploy {lost.service} {service.name} --env {plan.setting.env.name}"
    return "missing", f"it refers to {lost}: `{lost.service}` was not released yet; {again}"


def _frozen(plan: DeployPlan, marked: Marked) -> Iterator[tuple[str, str]]:
    """Those a person rolled back, and those of a stack that would have to change together with them."""
    setting = plan.setting
    marks = {name: mark for name, mark in sorted(plan.frozen.items()) if marked(name)}
    changing = {stack.stack for stack in plan.stacks if stack.terraform}
    held = {one.stack: one.name for one in setting.services if one.name in marks and one.stack in changing}
    for one in plan.services:
        if one.name in marks:
            yield one.name, f"{told(marks[one.name])}; crabwalk resume {one.name} --env {setting.env.name}"
        elif one.stack in held:
            yield one.name, f"its stack `{one.stack}` has to change, and `{held[one.stack]}` there is frozen"


def _absent(setting: Setting, service: Service, behind: Collection[str]) -> str | None:
    """Who of its group is not released, although the commit changes it."""
    group = group_of(service)
    if group is None:
        return None
    return next((one.name for one in setting.services if group_of(one) == group and one.name in behind), None)


def _publishes(change: Change) -> bool:
    """Whether a version made after this change is another one."""
    if change.type != "aws_lambda_function":
        return False
    walks = kind_of(change.type, change.address).walks
    return change.action != "update" or bool(walks & {*change.attributes})
