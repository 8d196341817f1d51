"""`crabwalk prune`: delete old versions of services, and the zips nothing needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.plans.store import PlanStore
    from pipeline.release.ledger.prune import PrunePlan


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--keep", type=click.IntRange(1, 1000), default=5, show_default=True, help="Promoted versions to keep.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@output_option
def command(services: tuple[str, ...], env_name: str | None, *, keep: int, dry_run: bool, output: str) -> int:
    """Delete published versions that no alias, rollback, release under way or Terraform state needs.

    Without SERVICE, of all services, and saved plans that are too old to be applied. What stays is shown with the
    reason. A service somebody works on is left alone.
    """
    from pipeline.errors import ConflictError
    from pipeline.plans.store import PlanStore
    from pipeline.release.ledger.absent import never_released
    from pipeline.release.verbs.clean import Cleaner

    here = Here(env_name, json=output == "json")
    store = PlanStore(here.engine.objects)
    reserved = store.reserved(here.engine.now())
    cleaner = Cleaner(here.env, here.engine, lambda name: here.project.function_name(here.env.name, name), reserved)
    facts = cleaner.facts()
    for name in services:
        if name not in facts:
            raise never_released(name, here.env.name, tuple(facts))
    plans, code = [], 0
    for service in services or sorted(facts):
        plan = cleaner.plan(service, facts, keep)
        if not dry_run and (plan.deletes or plan.frees):
            try:
                plan = cleaner.execute(plan, facts, keep, here.console.progress)
            except ConflictError as busy:
                here.console.warn(f"{service} is left alone: {busy.what}")
                code = busy.exit_code
                continue
        plans.append(plan)
        _show(here, plan, dry_run=dry_run)
    expired = () if services else _old_plans(here, store, dry_run=dry_run)
    if output == "json":
        here.console.json(
            {"environment": here.env.name, "dry_run": dry_run, "services": plans, "saved_plans": list(expired)}
        )
    return code


def _old_plans(here: Here, store: PlanStore, *, dry_run: bool) -> tuple[str, ...]:
    """Delete saved plans that nobody can apply any more: their files hold secrets."""
    expired = store.expired(here.engine.now())
    for plan_id in expired:
        if not dry_run:
            store.delete(plan_id)
        here.console.line(f"saved plan {plan_id}: {'would be' if dry_run else 'was'} deleted, it expired")
    return expired


def _show(here: Here, plan: PrunePlan, *, dry_run: bool) -> None:
    """The versions with the reason of each; of the zips what goes, or why it does not go with its version."""
    fates = {True: "stays", False: "would go" if dry_run else "deleted"}
    rows = [(f"version {one.name}", fates[one.keep], one.why) for one in plan.versions]
    rows += [(f"zip {one.name[:12]}", fates[one.keep], one.why) for one in plan.artifacts if not one.keep]
    here.console.table(f"{plan.service} ({plan.function})", ("what", "fate", "why"), rows)
    size = sum(one.size for one in plan.versions if not one.keep) / 1_000_000
    verb = "would be" if dry_run else "were"
    here.console.line(
        f"{plan.service}: {len(plan.deletes)} of {len(plan.versions)} versions {verb} deleted ({size:,.1f} MB), "
        f"{len(plan.frees)} zips"
    )
