"""Puts together what `plan` shows: git's part, the build's, Terraform's in both phases, the walk. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.deploying.allowing import check_allowed
from pipeline.deploying.planning import DeployPlan
from pipeline.deploying.setting import Setting
from pipeline.deploying.sizes import live_artifacts, sizes_before
from pipeline.deploying.stacks import StackPlan
from pipeline.deploying.standing import gone, told_gone
from pipeline.errors import CrabwalkError
from pipeline.infra.side_by_side import Teller, Work
from pipeline.manifest.references import needed
from pipeline.plans.model import Preview, ReleaseShown, ServiceShown, StackShown
from pipeline.plans.passed import passed_over
from pipeline.plans.phases import planner, shown, side_by_side_of
from pipeline.plans.usage import costs_of, next_version
from pipeline.release.model import ALIAS, percent
from pipeline.release.walk.freeze import is_frozen

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.manifest.models import Service
    from pipeline.release.decide.outlook import Fine
    from pipeline.release.walk.act import Engine


def preview(
    engine: Engine, plan: DeployPlan, tell: Teller, allowed: Collection[str] = (), *, retry: bool = False
) -> Preview:
    """Plan every stack that has to change, side by side, and tell it with everything else.

    `allowed`: addresses that may be destroyed; UsageError for one that nothing has. `retry`: what was rolled back is
    tried again.
    """
    check_allowed(engine.objects, plan.setting, allowed)

    def work(stack: StackPlan) -> Work[StackShown]:
        return lambda voice: shown(plan, stack, planner(plan.setting, voice), allowed)

    made = told(engine, plan, side_by_side_of(plan.stacks, work, tell), retry=retry)
    gone = {one.address for one in made.changes if one.action in {"delete", "replace"}}
    idle = (f"--allow-destroy '{one}' names nothing that would be destroyed" for one in sorted({*allowed} - gone))
    return replace(made, warnings=(*made.warnings, *idle))


def told(
    engine: Engine,
    plan: DeployPlan,
    stacks: tuple[StackShown, ...],
    artifacts: Collection[Artifact] = (),
    *,
    retry: bool = False,
) -> Preview:
    """Everything besides Terraform, around what Terraform said of the stacks.

    `artifacts`: what was built for the plan; without it only what the store knows.
    """
    setting = plan.setting
    changes = [one for stack in stacks for one in (*stack.changes, *stack.then)]
    zips = {one.service: one.sha256 for one in (*plan.build.stored, *artifacts)}
    nones = passed_over(plan, zips, changes, partial(_marked, engine, setting), retry=retry)
    releases = tuple(_release(engine, plan, one, nones.get(one.name)) for wave in plan.waves for one in wave)
    return Preview(
        project=setting.project.name,
        environment=setting.env.name,
        commit=setting.commit,
        subject=setting.subject,
        services=tuple(_services(engine, plan, artifacts)),
        stacks=stacks,
        releases=releases,
        costs=tuple(costs_of(engine, plan.setting, changes)),
        warnings=(*_warnings(setting), *staying(plan), *_foreseen(engine, plan)),
    )


def _services(engine: Engine, plan: DeployPlan, artifacts: Collection[Artifact]) -> Iterator[ServiceShown]:
    stored = {artifact.service: artifact for artifact in plan.build.stored}
    known = {**stored, **{artifact.service: artifact for artifact in artifacts}}
    live = live_artifacts(plan.setting.records)
    before = sizes_before(engine.objects, {name: live[name] for name in known if name in live})
    architectures = {one.name: one.architecture for one in plan.services}
    for one in plan.affected:
        zipped = stored.get(one.service)
        yield ServiceShown(
            name=one.service,
            affected=one.affected,
            base=one.base,
            reasons=tuple((reason.kind, reason.detail) for reason in one.reasons),
            architecture=architectures.get(one.service, ""),
            build=None if not one.affected else "compile" if zipped is None else "store",
            artifact=zipped.sha256 if zipped is not None else None,
            size=known[one.service].size if one.service in known else None,
            size_before=before.get(one.service),
        )


def _warnings(setting: Setting) -> Iterator[str]:
    for record in setting.records.values():
        if record.under_way is not None:
            share = percent(record.under_way.traffic(record.under_way.step))
            yield f"{record.service}: release {record.under_way.release_id} stands at {share}; it is finished first"
    yield from told_gone(gone(setting.stacks, {one.name for one in setting.services}), setting.env.name)


def staying(plan: DeployPlan) -> Iterator[str]:
    """What manifests no longer say and no deploy takes away yet, a sentence a service."""
    for service, found in sorted(plan.stays.items()):
        yield f"`{service}`: stays until no version needs it: {', '.join(found)}"


def _foreseen(engine: Engine, plan: DeployPlan) -> Iterator[str]:
    """What a deploy would refuse or pass over of the releases."""
    from pipeline.release.walk.foreseen import warnings

    setting = plan.setting
    for service in plan.services:
        function = setting.project.function_name(setting.env.name, service.name)
        for sentence in warnings(engine, service, function, setting.records[service.name]):
            yield f"{service.name}: {sentence}"


def _marked(engine: Engine, setting: Setting, name: str) -> bool:
    """Whether its alias still carries a person's mark; where nobody can tell, the ledger's word counts."""
    try:
        return is_frozen(engine.functions.alias(setting.project.function_name(setting.env.name, name), ALIAS))
    except CrabwalkError:
        return True


def _release(engine: Engine, plan: DeployPlan, service: Service, none: str | None) -> ReleaseShown:
    from pipeline.aws.versions import Versions

    record = plan.setting.records[service.name]
    if none is not None:
        return ReleaseShown(
            name=service.name,
            first=record.promoted is None,
            version=None,
            steps=(),
            sentence=f"release {service.name}: none, {none}",
            none=none,
        )
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
    from pipeline.release.walk.declared import checks_of, steps_of

    if plan.setting.records[service.name].promoted is None:
        return ()
    signals = len(checks_of(service.release.checks).signals)
    probes = float(service.release.probe.per_minute) if service.release.probe else 0.0
    steps, fine = steps_of(service.release), _fine(engine, service)
    said = outlook(engine.metrics, function, steps, signals, engine.now(), probes=probes, fine=fine)
    return said if fine is None else (*said, _reading(engine, plan, service, fine))


def _fine(engine: Engine, service: Service) -> Fine | None:
    """How it is judged by the second, if it is."""
    from pipeline.release.decide.outlook import Fine
    from pipeline.release.terms import Pace
    from pipeline.release.walk.walk import FINE_TICK_S

    evidence = service.release.evidence
    if evidence is None:
        return None
    tick_s = min(engine.env.tick_s, FINE_TICK_S)
    return Fine(Pace(evidence.resolution_s, engine.env.emf_lag_s), service.timeout_s, tick_s)


def _reading(engine: Engine, plan: DeployPlan, service: Service, fine: Fine) -> str:
    """What a walk by the second costs to read."""
    from pipeline.cost.evidence import Reading, a_walk
    from pipeline.cost.prices import REGION, prices_of

    late = engine.env.lag_s + service.timeout_s + 2 * engine.env.period_s
    walk_s = sum(step.bake_s + late for step in service.release.steps)
    checks = service.release.checks
    reading = Reading(walk_s, int(checks.timeouts) + int(checks.latency is not None), len(checks.limits))
    prices = prices_of(plan.setting.project.root)
    region = engine.env.region if prices.of("metric-reads", engine.env.region) else REGION
    dollars = a_walk(reading, fine.tick_s, prices, region) or 0.0
    asked = f"{reading.metrics(fine.tick_s):,.0f} metrics"
    return f"such a walk asks CloudWatch for {asked}, about {dollars:.2g} $ by the prices of {region}"
