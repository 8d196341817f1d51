"""`crabwalk metrics`: the four DORA figures, from the history alone."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.cli.since import stretch

if TYPE_CHECKING:
    from pipeline.release.ledger.records import Entry

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
    entries = {name: tuple(here.engine.ledger.entries(name, start - MARGIN_S)) for name in names}
    together = tuple(one for found in entries.values() for one in found)
    committed = _committed(here, together)
    each = {name: figures(found, start, until, committed) for name, found in entries.items()}
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
    for name, found in [*each.items(), *([("all services", whole)] if len(each) != 1 else [])]:
        here.console.title(f"{name} on {here.env.name}")
        for line in figure_lines(found, since):
            here.console.line(line)
    if explain:
        for what, how in EXPLAINED.items():
            here.console.title(what)
            here.console.line(f"  {how}")
    return 0


def _committed(here: Here, entries: tuple[Entry, ...]) -> dict[str, float]:
    """When commits were made that the history does not say it of; git may not be at hand."""
    from pipeline.errors import CrabwalkError

    found: dict[str, float] = {}
    with suppress(CrabwalkError):
        for commit in {one.commit for one in entries if one.committed is None and one.commit}:
            made = here.repo.committed(commit)
            if made is not None:
                found[commit] = made
    return found
