"""`crabwalk plan`: everything a deploy would do, and why. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.release.model import percent

if TYPE_CHECKING:
    from pipeline.infra import Change
    from pipeline.manifest.models import Service
    from pipeline.planning import DeployPlan, StackPlan


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--base", metavar="COMMIT", help="Compare with this commit instead of each service's last release.")
@output_option
def command(services: tuple[str, ...], env_name: str | None, base: str | None, output: str) -> int:
    """Show what `deploy` would do now: affected services with reasons, builds, Terraform's changes, the walk.

    Behind each change stands when it takes effect: `walks` is tried out by the canary together with the code,
    `at-once` is felt by both versions, `destroys` takes something away that the old version may need. What waits for
    a value that another service's release makes is not among Terraform's changes yet.
    """
    return show_plan(services, env_name, base, output)


def show_plan(services: tuple[str, ...], env_name: str | None, base: str | None, output: str) -> int:
    """Plan, with Terraform where a stack's inputs changed, and render it."""
    from pipeline.planning import check_checkout, plan_deploy, read_setting

    here = Here(env_name, json=output == "json")
    warning = check_checkout(here.repo, here.env)
    if warning:
        here.console.warn(warning)
    setting = read_setting(here.project, here.env, here.services, here.repo, here.engine.ledger)
    plan = plan_deploy(setting, here.repo, services, base)
    changes = {stack.stack: _changes(here, stack) for stack in plan.stacks}
    if output == "json":
        here.console.json(_document(here, plan, changes))
    else:
        _show(here, plan, changes)
    return 0


def _changes(here: Here, stack: StackPlan) -> tuple[Change, ...]:
    from pipeline.infra import plan_infra, stack_directory

    if not stack.terraform:
        return ()
    directory = stack_directory(here.project.root, here.env, stack.stack)
    with here.console.group(f"terraform plan: stack {stack.stack}"):
        return plan_infra(stack.root, here.env, directory, here.console.progress).changes


def _show(here: Here, plan: DeployPlan, changes: dict[str, tuple[Change, ...]]) -> None:
    console, setting = here.console, plan.setting
    console.title(f"{setting.commit[:12]} on `{setting.env.name}`: {setting.subject}")
    for record in setting.records.values():
        if record.under_way is not None:
            share = percent(record.under_way.traffic(record.under_way.step))
            console.warn(
                f"{record.service}: release {record.under_way.release_id} stands at {share}; it is finished first"
            )
    for line in _affected(plan):
        console.line(line)
    stored = {artifact.service: artifact for artifact in plan.build.stored}
    for service in plan.services:
        artifact = stored.get(service.name)
        how = f"from the store, {artifact.sha256[:12]}" if artifact else "one cargo run"
        console.line(f"build {service.name} for {service.architecture}: {how}")
    for stack in plan.stacks:
        for line in _stack(plan, stack, changes[stack.stack]):
            console.line(line)
    for line in _walks(here, plan):
        console.line(line)
    if not plan.services:
        console.line("nothing to deploy")


def _affected(plan: DeployPlan) -> Iterator[str]:
    for one in plan.affected:
        if not one.affected:
            yield f"{one.service}: not affected since {(one.base or '')[:12]}"
            continue
        yield f"{one.service}: released, because"
        for reason in one.reasons:
            yield f"  - {reason.detail}"


def _stack(plan: DeployPlan, stack: StackPlan, changes: tuple[Change, ...]) -> Iterator[str]:
    waits = _waits(plan, stack)
    if not stack.terraform and not waits:
        yield f"stack {stack.stack}: nothing Terraform manages changed, it does not run"
    for change in changes:
        yield f"stack {stack.stack}: {change.action} {change.address} ({change.effect})"
    if waits:
        yield f"stack {stack.stack}: changes again once {' and '.join(waits)} is released"


def _waits(plan: DeployPlan, stack: StackPlan) -> list[str]:
    """Whose values the stack's services still lack, of those that are about to be released."""
    from pipeline.planning import ready

    names = {one.name for one in plan.services}
    lacking = [ready(plan.setting, one).missing for one in plan.services if one.stack == stack.stack]
    return sorted({one.service for missing in lacking for one in missing if one.service in names})


def _walk(plan: DeployPlan, service: Service) -> str:
    from pipeline.planning import ready

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


def _outlook(here: Here, plan: DeployPlan, service: Service) -> tuple[str, ...]:
    """What its walk can find at its own traffic."""
    from pipeline.release.decide.outlook import outlook
    from pipeline.release.walk.declared import steps_of, terms_of

    if plan.setting.records[service.name].promoted is None:
        return ()
    function = here.project.function_name(here.env.name, service.name)
    signals = len(terms_of(service.release).checks.signals)
    probes = float(service.release.probe.per_minute) if service.release.probe else 0.0
    steps, now = steps_of(service.release), here.engine.now()
    return outlook(here.engine.metrics, function, steps, signals, now, probes=probes)


def _walks(here: Here, plan: DeployPlan) -> Iterator[str]:
    for service in (one for wave in plan.waves for one in wave):
        yield _walk(plan, service)
        yield from (f"  {line}" for line in (*_probe(service), *_outlook(here, plan, service)))


def _probe(service: Service) -> Iterator[str]:
    """What is sent to it besides its own traffic."""
    release = service.release
    if release.probe is not None and release.steps:
        rate, events = f"{release.probe.per_minute:,} a minute", ", ".join(release.probe.events)
        yield f"probes: {rate} of {events} while it walks; each must change nothing"


def _after(plan: DeployPlan, service: Service) -> str:
    """Whom it refers to and so waits for."""
    from pipeline.manifest.references import needed

    released = sorted(needed(service) & {one.name for one in plan.services})
    return f" after {' and '.join(released)}" if released else ""


def _document(here: Here, plan: DeployPlan, changes: dict[str, tuple[Change, ...]]) -> dict[str, Any]:
    stored = {artifact.service for artifact in plan.build.stored}
    return {
        "commit": plan.setting.commit,
        "environment": plan.setting.env.name,
        "services": [
            {
                "name": one.service,
                "affected": one.affected,
                "base": one.base,
                "reasons": [{"kind": reason.kind, "detail": reason.detail} for reason in one.reasons],
                "build": "store" if one.service in stored else ("compile" if one.affected else None),
            }
            for one in plan.affected
        ],
        "stacks": [
            {"name": stack.stack, "terraform": stack.terraform, "changes": changes[stack.stack]}
            for stack in plan.stacks
        ],
        "releases": [
            {
                "name": service.name,
                "steps": [{"traffic": step.traffic, "bake_s": step.bake_s} for step in service.release.steps],
                "sentence": _walk(plan, service),
                "outlook": list(_outlook(here, plan, service)),
            }
            for wave in plan.waves
            for service in wave
        ],
    }
