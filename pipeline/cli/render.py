"""`crabwalk render`: the Terraform roots, printed or written. Changes nothing at AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.deploying.rendering import Rendered
    from pipeline.deploying.setting import Setting
    from pipeline.infra import Root


@click.command()
@click.argument("names", nargs=-1, metavar="[SERVICE|STACK]...")
@env_option
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Write whole roots there, modules and all."
)
@click.option("--offline", is_flag=True, help="Do not read the ledger: as if everything was released.")
@output_option
def command(names: tuple[str, ...], env_name: str | None, *, out: Path | None, offline: bool, output: str) -> int:
    """Show the Terraform roots as the next deploy would apply them, as Terraform's JSON syntax; all without a name.

    Whether a service was released, and what has to stay for a version that runs, is in the ledger. Where that cannot
    be read the roots are shown as if every service was released and nothing had to stay, and it is said. With --out
    each root is a folder of its own, ready for `terraform init`. No credentials and no secrets are in them.
    """
    from pipeline.deploying.rendering import rendered, write

    here = Here(env_name, json=output == "json")
    setting, known = _setting(here, offline=offline)
    made = rendered(setting, names, known=known)
    for note in made.notes:
        here.console.warn(note)
    places = {root.stack: write(root, out) for root in made.roots} if out is not None else {}
    if output == "json":
        here.console.json(_document(here, made, places))
        return 0
    for root in made.roots:
        if out is not None:
            here.console.line(f"stack {root.stack}: {len(root.files)} files in {places[root.stack]}")
            continue
        if len(made.roots) > 1:
            here.console.title(f"# stack {root.stack}")
        here.console.document(_main(root))
    return 0


def _setting(here: Here, *, offline: bool) -> tuple[Setting, bool]:
    """What the ledger knows, and whether it was read."""
    from pipeline.deploying.rendering import unasked
    from pipeline.deploying.setting import read_setting
    from pipeline.errors import AwsError

    why = "it was not asked"
    if not offline:
        try:
            return read_setting(here.project, here.env, here.services, here.repo, here.engine), True
        except AwsError as error:
            why = error.what
    here.console.warn(
        f"what is released and what has to stay is unknown, because the ledger of `{here.env.name}` was not read "
        f"({why}): shown as if every service was released and nothing had to stay"
    )
    return unasked(here.project, here.env, here.services), False


def _main(root: Root) -> str:
    from pipeline.infra.root import MAIN

    return root.files[MAIN].decode()


def _document(here: Here, made: Rendered, places: dict[str, Path]) -> dict[str, object]:
    return {
        "environment": here.env.name,
        "known": made.known,
        "notes": made.notes,
        "stacks": [
            {
                "name": root.stack,
                "services": sorted(root.calls),
                "fingerprint": root.fingerprint,
                "directory": str(places[root.stack]) if root.stack in places else None,
                "files": sorted(root.files),
                "main": json.loads(_main(root)),
            }
            for root in made.roots
        ],
    }
