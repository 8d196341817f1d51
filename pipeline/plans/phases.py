"""What Terraform would do to a stack: now, and once services that are new have their first release. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.deploying.converge import losses, said_to
from pipeline.deploying.planning import DeployPlan
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import StackPlan, needs_of, plan_stack, ready
from pipeline.errors import CrabwalkError
from pipeline.infra.calls import Call
from pipeline.infra.drift import parted
from pipeline.infra.model import Change, InfraPlan, Root
from pipeline.infra.side_by_side import Teller, Work, side_by_side
from pipeline.plans.model import StackShown
from pipeline.release.ledger.records import Released

if TYPE_CHECKING:
    from pipeline.manifest.models import Service

Planner = Callable[[Root], InfraPlan]  # one run of Terraform

_FIRST = "1"


def shown(
    plan: DeployPlan, stack: StackPlan, planner: Planner, allowed: Collection[str] = (), keys: Mapping[str, str] = {}
) -> StackShown:
    """What Terraform would do to one stack, in one process where both phases can be told from one plan."""
    then = second_phase(plan, stack, keys)
    drift: tuple[Change, ...] = ()
    now: tuple[Change, ...] = ()
    later: tuple[Change, ...] = ()
    if then is not None and (not stack.terraform or _only_more(stack.root, then)):
        whole = planner(then)
        new = _calls(then).keys() - _calls(stack.root).keys() if stack.terraform else _calls(then).keys()
        now = tuple(one for one in whole.changes if _call_of(one.address) not in new)
        later = tuple(one for one in whole.changes if _call_of(one.address) in new)
        drift = put_back(whole)
    elif stack.terraform:
        first = planner(stack.root)
        now, drift = first.changes, put_back(first)
        if then is not None:
            later = beyond(planner(then).changes, now)
    return StackShown(
        name=stack.stack,
        terraform=stack.terraform or then is not None,
        changes=now,
        then=later,
        drift=drift,
        refused=losses((*now, *later), allowed, plan.setting),
        waits=waits(plan, stack),
    )


def second_phase(plan: DeployPlan, stack: StackPlan, keys: Mapping[str, str] = {}) -> Root | None:
    """The root once the stack's new services are released, with their triggers; None where it is the same."""
    setting = plan.setting
    new = {one.name: one for one in plan.services if one.stack == stack.stack and _is_new(setting, one.name)}
    if not new:
        return None
    promoted = {name: replace(setting.records[name], promoted=_to_be(setting, one)) for name, one in new.items()}
    after = replace(
        setting,
        records={**setting.records, **promoted},
        live=lambda name: _FIRST if name in new else setting.live(name),
    )
    root = plan_stack(after, stack.stack, {**dict.fromkeys(new, ""), **keys}).root
    return root if root.fingerprint != stack.root.fingerprint else None


def put_back(plan: InfraPlan) -> tuple[Change, ...]:
    """The drift that an apply of this plan undoes; what nobody declares stays as it is, and is not told."""
    return parted(plan, applied=False).drift


def beyond(changes: Sequence[Change], before: Sequence[Change]) -> tuple[Change, ...]:
    """The changes that are not the first plan's already."""
    known = {(one.address, one.action) for one in before}
    return tuple(one for one in changes if (one.address, one.action) not in known)


def waits(plan: DeployPlan, stack: StackPlan) -> tuple[str, ...]:
    """Whose values the stack's services still lack, of those that are about to be released."""
    names = {one.name for one in plan.services}
    lacking = [ready(plan.setting, one).missing for one in plan.services if one.stack == stack.stack]
    return tuple(sorted({one.service for missing in lacking for one in missing if one.service in names}))


def _is_new(setting: Setting, name: str) -> bool:
    return setting.records[name].promoted is None


def _to_be(setting: Setting, service: Service) -> Released:
    """Its first release, as if it had happened."""
    needs = needs_of(setting, ready(setting, service).service)
    return Released("to-be", _FIRST, setting.commit, "", "", 0.0, needs)


def _calls(root: Root) -> dict[str, Call]:
    return {call.name: call for calls in root.calls.values() for call in calls}


def _only_more(first: Root, then: Root) -> bool:
    """Whether the second phase only has calls that the first has not: both can be told from one plan."""
    known, more = _calls(first), _calls(then)
    return all(more.get(name) == call for name, call in known.items())


def _call_of(address: str) -> str:
    parts = address.split(".")
    return parts[1].partition("[")[0] if parts[0] == "module" and len(parts) > 1 else ""


def side_by_side_of(
    stacks: Sequence[StackPlan], work: Callable[[StackPlan], Work[StackShown]], tell: Teller
) -> tuple[StackShown, ...]:
    """What each stack's work shows, in order; raises the first fault."""
    made = side_by_side(
        tell, lambda name: f"terraform plan: stack {name}", {stack.stack: work(stack) for stack in stacks}
    )
    for one in made.values():
        if isinstance(one, CrabwalkError):
            raise one
    return tuple(one for one in made.values() if isinstance(one, StackShown))


def planner(setting: Setting, tell: Teller, keep: Callable[[Path], None] = lambda _: None) -> Planner:
    """Runs of Terraform in a stack's directory; a plan file holds secrets, so none stays there.

    `keep`: called with the path of the plan file before it goes.
    """
    from pipeline.infra import plan_infra, stack_directory
    from pipeline.infra.workdir import PLAN

    def planned(root: Root) -> InfraPlan:
        directory = stack_directory(setting.project.root, setting.env, root.stack)
        with tell.group(f"terraform plan: stack {root.stack}"):
            try:
                made = plan_infra(root, setting.env, directory, said_to(tell), drift=True)
                keep(directory / PLAN)
            finally:
                (directory / PLAN).unlink(missing_ok=True)
        return made

    return planned
