"""`crabwalk deploy`: everything, from the commit to all traffic."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.release.walk.view import WalkView
    from pipeline.run import Options, Run


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--base", metavar="COMMIT", help="Compare with this commit instead of each service's last release.")
@click.option("--retry", is_flag=True, help="Try an artifact again that was rolled back before.")
@click.option("--allow-destroy", multiple=True, metavar="ADDRESS", help="Let Terraform destroy or replace this.")
@click.option("--plan", "plan_id", metavar="ID", help="Apply exactly the plan that `plan --save` stored, or refuse.")
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Save the live view as SVG.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--detach", is_flag=True, help="Return once the first step is taken; the watchdog goes on.")
@click.option(
    "--max-parallel",
    type=click.IntRange(min=1),
    metavar="N",
    help="Walk at most N services at the same time (50).",
)
@output_option
def command(
    services: tuple[str, ...],
    env_name: str | None,
    base: str | None,
    *,
    retry: bool,
    allow_destroy: tuple[str, ...],
    plan_id: str | None,
    record: Path | None,
    dry_run: bool,
    detach: bool,
    max_parallel: int | None,
    output: str,
) -> int:
    """Release what the commit affects: build, apply Terraform where inputs changed, publish, walk the traffic.

    Ends with 0 when all is promoted or there was nothing to do, 3 when a release was rolled back, 4 when one is held,
    5 when somebody else got in between. With --detach 0 also where a walk has begun and is handed over.
    """
    if plan_id is not None and (services or base or retry or allow_destroy or dry_run):
        raise click.UsageError(
            "--plan ID says itself what is deployed; what goes with it is --env, --detach and the like"
        )
    if dry_run:
        from pipeline.cli.plan import show_plan
        from pipeline.run import Options

        return show_plan(env_name, Options(services, base, retry, frozenset(allow_destroy)), output)
    return deploy(
        Here(env_name, json=output == "json"),
        services,
        base,
        retry=retry,
        allow_destroy=frozenset(allow_destroy),
        record=record,
        detach=detach,
        max_parallel=max_parallel,
        plan_id=plan_id,
    )


def deploy(
    here: Here,
    services: tuple[str, ...],
    base: str | None = None,
    *,
    retry: bool = False,
    allow_destroy: frozenset[str] = frozenset(),
    record: Path | None = None,
    detach: bool = False,
    max_parallel: int | None = None,
    plan_id: str | None = None,
) -> int:
    """Deploy the commit and tell how each release ended; the exit code."""
    from pipeline.cli.asking import UNREAD
    from pipeline.deploy import Deploy
    from pipeline.release.walk.outcome import exit_code
    from pipeline.report.release import show_result
    from pipeline.run import MAX_PARALLEL, Options

    console = here.console
    claimed, at_once = os.environ.get("GITHUB_ACTOR"), max_parallel or MAX_PARALLEL
    run = prepared(here, Options(services, base, retry, allow_destroy, claimed, detach, at_once), record)
    if plan_id is not None:
        run = reviewing(run, plan_id)
    try:
        results = Deploy(run).execute()
    except BaseException as ended:
        unread = isinstance(ended, BrokenPipeError)
        for result in () if unread else run.results:
            show_result(console, result)
        if run.walking_now:
            cause = UNREAD if unread else ""
            console.warn(
                f"{cause}the walk of {', '.join(run.walking_now)} stands where it is, recorded; "
                f"`crabwalk deploy --env {here.env.name}` goes on with it, `crabwalk rollback` ends it"
            )
        raise
    for result in results:
        show_result(console, result)
    if not results:
        console.line(f"nothing to deploy: {here.repo.head[:12]} affects no service in `{here.env.name}`")
    code = exit_code(results)
    if here.json:
        console.json({"commit": here.repo.head, "environment": here.env.name, "exit": code, "releases": results})
    return code


def prepared(here: Here, options: Options, record: Path | None = None) -> Run:
    """A run for what the working directory and the ledger say now."""
    from pipeline.aws.identity import whoami
    from pipeline.planning import check_checkout, read_setting
    from pipeline.report.build import BuildView
    from pipeline.run import Run
    from pipeline.standing import gone, told_gone

    warning = check_checkout(here.repo, here.env)
    if warning:
        here.console.warn(warning)
    actor = whoami(here.env).arn
    here.settle_unrecorded()
    setting = read_setting(here.project, here.env, here.services, here.repo, here.engine)
    for left in told_gone(gone(setting.stacks, {one.name for one in setting.services}), here.env.name):
        here.console.warn(left)
    building = partial(BuildView, here.console)
    return Run(here.engine, setting, here.repo, actor, options, here.console, building, _walking(here, record))


def reviewing(run: Run, plan_id: str) -> Run:
    """The run that applies a saved plan: what it asks for, and with which permissions, was reviewed."""
    from pipeline.plans.reviewed import Reviewed
    from pipeline.plans.store import PlanStore

    saved = PlanStore(run.engine.objects).load(plan_id)
    asked = replace(
        run.options,
        only=saved.only,
        base=saved.base,
        retry=saved.retry,
        allow_destroy=frozenset(saved.allow_destroy),
    )
    setting = replace(run.setting, now=saved.created)  # what has to stay for an old version had to stay then
    return replace(run, options=asked, setting=setting, reviewed=Reviewed(run.engine, saved))


def _walking(
    here: Here, record: Path | None
) -> Callable[[], AbstractContextManager[Callable[[Sequence[WalkView]], None]]]:
    @contextmanager
    def opened() -> Iterator[Callable[[Sequence[WalkView]], None]]:
        from pipeline.report.live import WalkLive

        with WalkLive(here.console, record) as live:
            yield live.update

    return opened
