"""`crabwalk deploy`: everything, from the commit to all traffic."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.release.walk.view import WalkView


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--base", metavar="COMMIT", help="Compare with this commit instead of each service's last release.")
@click.option("--retry", is_flag=True, help="Try an artifact again that was rolled back before.")
@click.option("--allow-destroy", multiple=True, metavar="ADDRESS", help="Let Terraform destroy or replace this.")
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
    if dry_run:
        from pipeline.cli.plan import show_plan

        return show_plan(services, env_name, base, output)
    return deploy(
        Here(env_name, json=output == "json"),
        services,
        base,
        retry=retry,
        allow_destroy=frozenset(allow_destroy),
        record=record,
        detach=detach,
        max_parallel=max_parallel,
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
) -> int:
    """Deploy the commit and tell how each release ended; the exit code."""
    from pipeline.aws.identity import whoami
    from pipeline.deploy import Deploy
    from pipeline.planning import check_checkout, read_setting
    from pipeline.release.walk.outcome import exit_code
    from pipeline.report.build import BuildView
    from pipeline.report.release import show_result
    from pipeline.run import MAX_PARALLEL, Options, Run

    console = here.console
    warning = check_checkout(here.repo, here.env)
    if warning:
        console.warn(warning)
    actor = whoami(here.env).arn
    here.settle_unrecorded()
    setting = read_setting(here.project, here.env, here.services, here.repo, here.engine)
    claimed, at_once = os.environ.get("GITHUB_ACTOR"), max_parallel or MAX_PARALLEL
    options = Options(services, base, retry, allow_destroy, claimed, detach, at_once)
    building = partial(BuildView, console)
    run = Run(here.engine, setting, here.repo, actor, options, console, building, _walking(here, record))
    try:
        results = Deploy(run).execute()
    except BaseException:
        for result in run.results:
            show_result(console, result)
        if run.walking_now:
            console.warn(
                f"the walk of {', '.join(run.walking_now)} stands where it is, recorded; "
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


def _walking(
    here: Here, record: Path | None
) -> Callable[[], AbstractContextManager[Callable[[Sequence[WalkView]], None]]]:
    @contextmanager
    def opened() -> Iterator[Callable[[Sequence[WalkView]], None]]:
        from pipeline.report.live import WalkLive

        with WalkLive(here.console, record) as live:
            yield live.update

    return opened
