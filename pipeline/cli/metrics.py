"""`crabwalk metrics`: the four DORA figures, from the history alone."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.cli.since import stretch

if TYPE_CHECKING:
    from pipeline.release.ledger.digest import Digest

MARGIN_S = 30 * 86_400.0  # how much earlier a release may have begun that ended, or was taken back, in the time asked


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--since", callback=stretch, default="30d", show_default=True, metavar="TIME", help="How far back.")
@click.option("--explain", is_flag=True, help="Say how each figure is computed.")
@output_option
def command(services: tuple[str, ...], env_name: str | None, *, since: float, explain: bool, output: str) -> int:
    """Show deployment frequency, lead time for changes, change failure rate and time to restore.

    For each service and for all of them together; beside each figure stands of how many releases it is made.
    """
    from pipeline.cli.history import names_of
    from pipeline.release.ledger.dora import EXPLAINED, figures
    from pipeline.report.dora import figure_lines

    if since <= 0:
        raise click.BadParameter("there is nothing in no time: write for example 7d", param_hint="--since")
    here = Here(env_name, json=output == "json")
    names, until = names_of(here, services), here.engine.objects.now()
    start = until - since
    together = here.engine.ledger.digests(names, start - MARGIN_S)
    committed = _committed(here, together)
    found: dict[str, list[Digest]] = {name: [] for name in names}
    for one in together:
        found[one.service].append(one)
    each = {name: figures(theirs, start, until, committed) for name, theirs in found.items()}
    whole = figures(together, start, until, committed)
    if output == "json":
        here.console.json(
            {
                "environment": here.env.name,
                "since": start,
                "until": until,
                "services": each,
                "all": whole,
                "explained": EXPLAINED,
            }
        )
        return 0
    for name, shown in [*each.items(), *([("all services", whole)] if len(each) != 1 else [])]:
        here.console.title(f"{name} on {here.env.name}")
        for line in figure_lines(shown, since):
            here.console.line(line)
    if explain:
        for what, how in EXPLAINED.items():
            here.console.title(what)
            here.console.line(f"  {how}")
    return 0


def _committed(here: Here, digests: tuple[Digest, ...]) -> dict[str, float]:
    """When commits were made that the history does not say it of; git may not be at hand."""
    from pipeline.errors import CrabwalkError

    found: dict[str, float] = {}
    with suppress(CrabwalkError):
        for commit in {one.commit for one in digests if one.committed is None and one.commit}:
            made = here.repo.committed(commit)
            if made is not None:
                found[commit] = made
    return found
