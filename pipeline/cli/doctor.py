"""`crabwalk doctor`: what will be needed and is not there, each with the fix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.errors import ManifestError, UsageError

if TYPE_CHECKING:
    from pipeline.doctor import Finding
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.project import Project

_MARKS = {"ok": "ok", "missing": "MISSING", "unsure": "?", "skipped": "-"}


@click.command()
@env_option
@click.option("--verb", metavar="VERB", help="Only what this verb needs, for example `deploy`.")
@click.option(
    "--role",
    type=click.Choice(("plan", "build", "deploy", "rollback", "read")),
    help="Only what the verbs of this role need (docs/bootstrap.md).",
)
@output_option
def command(env_name: str | None, *, verb: str | None, role: str | None, output: str) -> int:
    """Say what will be needed and is missing: tools, versions, project, credentials, clock, bucket, permissions.

    Everything is looked for, and nothing is changed. With --env also the environment at AWS: permissions are asked of
    IAM's simulator where these credentials may use it, else by reads that harm nothing, and it is said which. Ends
    with 0 when nothing is missing, 1 otherwise. `?` is what could not be told, or will do with a reserve.
    """
    from pipeline.doctor import look

    here = Here(env_name, json=output == "json")
    chosen = _role(verb, role)
    root, project = _project(here)
    down = _down(here)
    env = None if down else _environment(here, project)
    found = list(look(root, project, env, chosen, down=down))
    lacking = [one for one in found if one.status == "missing"]
    if output == "json":
        here.console.json(
            {"ok": not lacking, "environment": env.name if env else None, "role": chosen, "findings": found}
        )
    else:
        _show(here, found)
        _conclude(here, found, lacking)
    return 1 if lacking else 0


def _role(verb: str | None, role: str | None) -> str | None:
    """The role to look for; UsageError for a verb that takes none."""
    from pipeline.doctor import VERBS

    if verb is None:
        return role
    if verb not in VERBS:
        raise UsageError(f"`{verb}` needs nothing that is looked for by verb", hint=f"--verb {'|'.join(sorted(VERBS))}")
    if role not in {None, VERBS[verb]}:
        raise UsageError(
            f"`{verb}` is a verb of the role {VERBS[verb]}, not of {role}", hint="--verb or --role, not both"
        )
    return VERBS[verb]


def _project(here: Here) -> tuple[Path | None, Project | None]:
    """The folder of the project file, and the project where it can be read: neither is needed to look for tools."""
    from pipeline.manifest.project import find_project

    try:
        root = find_project(Path.cwd())
    except UsageError:
        return None, None
    try:
        return root, here.project
    except ManifestError:
        return root, None


def _down(here: Here) -> bool:
    """Whether `local` was named and is not up: that is a finding here, and no reason to stop."""
    from pipeline import local
    from pipeline.manifest.environments import LOCAL

    return here.env_name == LOCAL and local.running() is None


def _environment(here: Here, project: Project | None) -> Environment | None:
    """The environment that was named; None where nobody named one and `local` is down."""
    if project is None:
        return None
    if here.env_name is None:
        from pipeline import local

        if local.running() is None:
            return None
    return here.env


def _show(here: Here, found: list[Finding]) -> None:
    part = ""
    for one in found:
        if one.part != part:
            part = one.part
            here.console.title(part)
        how = f" ({one.how})" if one.how else ""
        say = {"ok": here.console.line, "missing": here.console.bad}.get(one.status, here.console.note)
        say(f"  {_MARKS[one.status]:<8}{one.subject}: {one.found}{how}")
        if one.status in {"missing", "unsure"}:
            here.console.line(f"          needed: {one.needed}")
            if one.fix:
                here.console.line(f"          fix: {one.fix}")


def _conclude(here: Here, found: list[Finding], lacking: list[Finding]) -> None:
    doubtful = sum(one.status == "unsure" for one in found)
    rest = f"; {doubtful} could not be told, or will do with a reserve" if doubtful else ""
    if lacking:
        here.console.bad(f"{len(lacking)} missing: {', '.join(one.subject for one in lacking)}{rest}")
    else:
        here.console.good(f"nothing is missing{rest}")
