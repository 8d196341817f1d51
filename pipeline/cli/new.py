"""`crabwalk new`: a new service as a folder that builds, is tested and passes `check`."""

from __future__ import annotations

import click

from pipeline.cli.options import Here, output_option
from pipeline.errors import UsageError
from pipeline.scaffold.kinds import KINDS


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(tuple(KINDS)), help="What the service is triggered by.")
@click.option("--dry-run", is_flag=True, help="Show what would be written.")
@output_option
def command(name: str, kind: str | None, dry_run: bool, output: str) -> int:
    """Write a service called NAME: Cargo.toml, code with tests, a sample event and a manifest.

    An existing folder or name is refused. Of the files that exist only Cargo.lock is changed: cargo enters the service
    there, without a network. Where the workspace has a rust_shared
    with telemetry and http, or declares dependencies, the service uses them.
    """
    from pipeline.scaffold import by_hand, enter, plan, write

    if kind is None:
        raise UsageError(f"which kind of service is `{name}`?", hint=f"--kind {'|'.join(KINDS)}")
    here = Here(json=output == "json")
    scaffold = plan(here.project, name, kind)
    steps = scaffold.next
    if not dry_run:
        write(scaffold)
        why = enter(scaffold.root)
        steps = steps if why is None else (by_hand(name, why), *steps)
    if output == "json":
        here.console.json(
            {
                "service": name,
                "kind": kind,
                "folder": scaffold.folder.as_posix(),
                "files": scaffold.paths,
                "written": not dry_run,
                "next": steps,
            }
        )
        return 0
    here.console.title(f"{'would write' if dry_run else 'wrote'} {scaffold.folder}, a service of the kind {kind}")
    for path in scaffold.paths:
        here.console.line(f"  {path}")
    if not dry_run:
        for step in steps:
            here.console.line(f"next: {step}")
    return 0
