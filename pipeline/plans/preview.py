"""Puts together what `plan` shows: git's part, the build's, Terraform's in both phases, the walk. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.converge import losses, said_to
from pipeline.errors import CrabwalkError
from pipeline.infra.calls import Call
from pipeline.infra.cost import Cost, Size, cost
from pipeline.infra.model import Change, InfraPlan, Root
from pipeline.infra.side_by_side import Teller, Work, side_by_side
from pipeline.manifest.references import needed
from pipeline.planning import DeployPlan, Setting, StackPlan, needs_of, plan_stack, ready
from pipeline.plans.model import Preview, ReleaseShown, ServiceShown, StackShown
from pipeline.plans.usage import next_version, usage_of
from pipeline.release.ledger.records import Released
from pipeline.release.model import percent
from pipeline.standing import gone, told_gone

if TYPE_CHECKING:
    from pipeline.manifest.models import Service
    from pipeline.release.walk.act import Engine

Planner = Callable[[Root], InfraPlan]  # one run of Terraform

_FIRST = "1"


def preview(engine: Engine, plan: DeployPlan, tell: Teller, allowed: Collection[str] = ()) -> Preview:
    """Plan every stack that has to change, side by side, and tell it with everything else.

    `allowed`: addresses that may be destroyed.
    """

    def work(stack: StackPlan) -> Work[StackShown]:
        return lambda voice: shown(plan, stack, planner(plan.setting, voice), allowed)

    made = told(engine, plan, side_by_side_of(plan.stacks, work, tell))
    gone = {one.address for one in made.changes if one.action in {"delete", "replace"}}
    idle = (f"--allow-destroy '{one}' names nothing that would be destroyed" for one in sorted({*allowed} - gone))
    return replace(made, warnings=(*made.warnings, *idle))


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


def told(engine: Engine, plan: DeployPlan, stacks: tuple[StackShown, ...]) -> Preview:
    """Everything besides Terraform, around what Terraform said of the stacks."""
    setting = plan.setting
    releases = tuple(_release(engine, plan, service) for wave in plan.waves for service in wave)
    changes = [one for stack in stacks for one in (*stack.changes, *stack.then)]
    return Preview(
        project=setting.project.name,
        environment=setting.env.name,
        commit=setting.commit,
        subject=setting.subject,
        services=tuple(_services(plan)),
        stacks=stacks,
        releases=releases,
        costs=tuple(_costs(engine, plan, changes)),
        warnings=(*_warnings(setting), *_foreseen(engine, plan)),
    )


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
        drift = whole.drift
    elif stack.terraform:
        first = planner(stack.root)
        now, drift = first.changes, first.drift
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


def _services(plan: DeployPlan) -> Iterator[ServiceShown]:
    stored = {artifact.service: artifact for artifact in plan.build.stored}
    architectures = {one.name: one.architecture for one in plan.services}
    for one in plan.affected:
        known = stored.get(one.service)
        yield ServiceShown(
            name=one.service,
            affected=one.affected,
            base=one.base,
            reasons=tuple((reason.kind, reason.detail) for reason in one.reasons),
            architecture=architectures.get(one.service, ""),
            build=None if not one.affected else "compile" if known is None else "store",
            artifact=known.sha256 if known is not None else None,
        )


def _warnings(setting: Setting) -> Iterator[str]:
    for record in setting.records.values():
        if record.under_way is not None:
            share = percent(record.under_way.traffic(record.under_way.step))
            yield f"{record.service}: release {record.under_way.release_id} stands at {share}; it is finished first"
    yield from told_gone(gone(setting.stacks, {one.name for one in setting.services}), setting.env.name)


def _foreseen(engine: Engine, plan: DeployPlan) -> Iterator[str]:
    """What a deploy would refuse or pass over of the releases."""
    from pipeline.release.walk.foreseen import warnings

    setting = plan.setting
    for service in plan.services:
        function = setting.project.function_name(setting.env.name, service.name)
        for sentence in warnings(engine, service, function, setting.records[service.name]):
            yield f"{service.name}: {sentence}"


def _release(engine: Engine, plan: DeployPlan, service: Service) -> ReleaseShown:
    from pipeline.aws.versions import Versions

    record = plan.setting.records[service.name]
    function = plan.setting.project.function_name(plan.setting.env.name, service.name)
    return ReleaseShown(
        name=service.name,
        first=record.promoted is None,
        version=next_version(Versions(engine.env), function, record),
        steps=tuple((step.traffic, step.bake_s) for step in service.release.steps),
        sentence=_walk(plan, service),
        probe=_probe(service),
        outlook=_outlook(engine, plan, service, function),
    )


def _walk(plan: DeployPlan, service: Service) -> str:
    names = {one.name for one in plan.services}
    lost = next((one for one in ready(plan.setting, service).missing if one.service not in names), None)
    if lost is not None:
        again = f"crabwalk deploy {lost.service} {service.name} --env {plan.setting.env.name}"
        return f"release {service.name}: cannot be, it refers to {lost}: `{lost.service}` was not released yet; {again}"
    first = f"release {service.name}{_after(plan, service)}: "
    if plan.setting.records[service.name].promoted is None:
        return f"{first}first release, all at once after its smoke checks, then its triggers"
    steps = " → ".join(f"{percent(step.traffic)} for {step.bake_s:.0f} s" for step in service.release.steps)
    return f"{first}{steps + ' → ' if steps else ''}100 %"


def _after(plan: DeployPlan, service: Service) -> str:
    """Whom it refers to and so waits for."""
    released = sorted(needed(service) & {one.name for one in plan.services})
    return f" after {' and '.join(released)}" if released else ""


def _probe(service: Service) -> str:
    """What is sent to it besides its own traffic."""
    release = service.release
    if release.probe is None or not release.steps:
        return ""
    rate, events = f"{release.probe.per_minute:,} a minute", ", ".join(release.probe.events)
    return f"probes: {rate} of {events} while it walks; each must change nothing"


def _outlook(engine: Engine, plan: DeployPlan, service: Service, function: str) -> tuple[str, ...]:
    """What its walk can find at its own traffic."""
    from pipeline.release.decide.outlook import outlook
    from pipeline.release.walk.declared import steps_of, terms_of

    if plan.setting.records[service.name].promoted is None:
        return ()
    signals = len(terms_of(service.release).checks.signals)
    probes = float(service.release.probe.per_minute) if service.release.probe else 0.0
    return outlook(engine.metrics, function, steps_of(service.release), signals, engine.now(), probes=probes)


def _costs(engine: Engine, plan: DeployPlan, changes: Sequence[Change]) -> Iterator[tuple[str, Cost]]:
    """Per service what its changes cost; its traffic is read only where a price depends on it."""
    setting = plan.setting
    for service in sorted(setting.services, key=lambda one: one.name):
        mine = [one for one in changes if one.service == service.name]
        function = setting.project.function_name(setting.env.name, service.name)
        by_use = any(one.type == "aws_lambda_function" and one.amounts for one in mine)
        usage = usage_of(engine.metrics, function, engine.now()) if by_use else None
        size = Size(service.memory_mb, service.architecture, service.concurrency.provisioned or 0)
        found = cost(mine, size, usage, setting.env.region)
        if found:
            yield service.name, found
