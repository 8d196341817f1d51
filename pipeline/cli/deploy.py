"""`crabwalk deploy`: everything, from the commit to all traffic."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.deploying.run import Run
    from pipeline.release.walk.view import ReleaseResult
    from pipeline.report.markdown.walk import Tracks


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--base", metavar="COMMIT", help="Compare with this commit instead of each service's last release.")
@click.option("--retry", is_flag=True, help="Try an artifact again that was rolled back before.")
@click.option("--allow-destroy", multiple=True, metavar="ADDRESS", help="Let Terraform destroy or replace this.")
@click.option("--plan", "plan_id", metavar="ID", help="Apply exactly the plan that `plan --save` stored, or refuse.")
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Save the live view as SVG.")
@click.option("--prebuilt", is_flag=True, help="Compile nothing: refuse where a package was not built before.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--detach", is_flag=True, help="Return once the first step is taken; another controller goes on.")
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
    prebuilt: bool,
    dry_run: bool,
    detach: bool,
    max_parallel: int | None,
    output: str,
) -> int:
    """Release what the commit affects: build, apply Terraform where inputs changed, publish, walk the traffic.

    Ends with 0 when all is promoted or there was nothing to do, 3 when a release was rolled back, 4 when one is held,
    5 when somebody else got in between. With --detach 0 also where a walk has begun and is handed over.
    """
    if plan_id is not None:
        _check_alone(services, {"base": base, "retry": retry, "allow-destroy": allow_destroy, "dry-run": dry_run})
    here = Here(env_name, json=output == "json")
    if dry_run:
        from pipeline.cli.plan import show
        from pipeline.deploying.run import Options

        return show(here, Options(services, base, retry, frozenset(allow_destroy)), output)
    return deploy(
        here,
        services,
        base,
        retry=retry,
        allow_destroy=frozenset(allow_destroy),
        record=record,
        detach=detach,
        max_parallel=max_parallel,
        plan_id=plan_id,
        prebuilt=prebuilt,
    )


def _check_alone(services: Sequence[str], options: Mapping[str, object]) -> None:
    """A saved plan says itself what is deployed: UsageError for whatever would say it again."""
    given = [*services, *(f"--{name}" for name, value in options.items() if value)]
    if given:
        raise click.UsageError(
            f"--plan ID says itself what is deployed: leave out {', '.join(given)}; "
            "with it go --env, --detach, --max-parallel, --record and --output"
        )


def _check_whole(options: Mapping[str, object], members: Sequence[str]) -> None:
    """Raise UsageError for what works on one target only."""
    from pipeline.errors import UsageError

    for name, value in options.items():
        if value:
            raise UsageError(f"--{name} works on one target", hint=f"name a target: --env {', '.join(members)}")


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
    prebuilt: bool = False,
) -> int:
    """Deploy the commit and tell how each release ended; the exit code."""
    if here.fleet is not None:
        from pipeline.cli.fleets import deploy as deploy_fleet

        _check_whole({"plan": plan_id, "detach": detach}, here.fleet.members)
        how = {"retry": retry, "prebuilt": prebuilt}
        return deploy_fleet(
            here, services, base, allow_destroy=allow_destroy, record=record, max_parallel=max_parallel, **how
        )
    from pipeline.cli.asking import UNREAD
    from pipeline.cli.running import prepared, reviewing
    from pipeline.cli.seen import remember
    from pipeline.cli.summarizing import wanted
    from pipeline.deploying.deploy import Deploy
    from pipeline.deploying.run import MAX_PARALLEL, Options
    from pipeline.errors import CrabwalkError
    from pipeline.release.walk.outcome import exit_code
    from pipeline.report.markdown.walk import Tracks
    from pipeline.report.release import show_result

    console = here.console
    tracks = Tracks() if wanted() else None
    claimed, at_once = os.environ.get("GITHUB_ACTOR"), max_parallel or MAX_PARALLEL
    options = Options(services, base, retry, allow_destroy, claimed, detach, at_once, prebuilt)
    run = prepared(here, options, record, tracks)
    if plan_id is not None:
        run = reviewing(run, plan_id)
    try:
        results = Deploy(run).execute()
    except BaseException as ended:
        unread = isinstance(ended, BrokenPipeError)
        for result in () if unread else run.results:
            show_result(console, result)
        failed = isinstance(ended, CrabwalkError)  # the summary has the fault itself after this
        if run.results or not failed:
            _summarize(run, tuple(run.results), tracks, interrupted=not failed)
        if run.walking_now:
            cause = UNREAD if unread else ""
            console.warn(
                f"{cause}the walk of {', '.join(run.walking_now)} stands where it is, recorded; "
                f"`crabwalk deploy --env {here.env.name}` goes on with it, `crabwalk rollback` ends it"
            )
        raise
    for result in results:
        show_result(console, result)
    remember(here.project.root, "releases", (result.release_id for result in results))
    if not results:
        console.line(no_release(here.repo.head, here.env.name, run.changed))
    _summarize(run, results, tracks)
    code = exit_code(results)
    if here.json:
        console.json({"commit": here.repo.head, "environment": here.env.name, "exit": code, "releases": results})
    return code


def _summarize(run: Run, results: Sequence[ReleaseResult], tracks: Tracks | None, *, interrupted: bool = False) -> None:
    """The job's summary, where there is one."""
    if tracks is None:
        return
    from pipeline.cli.summarizing import summarize
    from pipeline.deploying.deployed import deployed
    from pipeline.report.markdown.release import markdown

    done = deployed(run, results, interrupted=interrupted)
    summarize(lambda limit: markdown(done, tracks, limit))


def no_release(commit: str, environment: str, changed: Collection[str]) -> str:
    """The last line of a deploy that released nothing; `changed`: stacks in which Terraform changed something."""
    idle = f"{commit[:12]} affects no service in `{environment}`"
    if not changed:
        return f"nothing to deploy: {idle}"
    names = sorted({*changed})
    return f"no release: {idle}; Terraform changed stack{'s' if len(names) > 1 else ''} {' and '.join(names)}"
