"""`crabwalk adopt`: accept what somebody else made of an alias, with a reason."""

from __future__ import annotations

from dataclasses import asdict

import click

from pipeline.cli.asking import asker
from pipeline.cli.options import Here, env_option, output_option


@click.command()
@click.argument("service")
@env_option
@click.option("--commit", metavar="COMMIT", help="What its version was built from, where the ledger does not know.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; it stays in the history.")
@output_option
def command(service: str, env_name: str | None, *, commit: str | None, reason: str, output: str) -> int:
    """Accept the version that somebody else gave all traffic of SERVICE as the released one.

    No traffic is moved. A release that was under way ends as superseded, and the next deploy compares with the commit
    of the adopted version.
    """
    from pipeline.release.verbs.adopt import adopt

    here = Here(env_name, json=output == "json")
    built_from = here.repo.resolve(commit) if commit is not None else None
    function = here.project.function_name(here.env.name, service)
    who = asker(here, reason)
    found = adopt(here.engine, service, function, who, commit=built_from, say=here.console.progress)
    here.console.good(f"{service}: version {found.version} of {found.commit[:12]} is the released one from now on")
    if found.superseded is not None:
        here.console.line(f"  ended   release {found.superseded}, superseded")
    if found.warning:
        here.console.warn(f"{service}: {found.warning}")
    here.console.line(f"  next    `crabwalk deploy --env {here.env.name}` releases what changed since that commit")
    if output == "json":
        here.console.json({"environment": here.env.name, **asdict(found)})
    return 0
