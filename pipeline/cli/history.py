"""`crabwalk history`: the audit trail of services, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.cli.since import stretch

if TYPE_CHECKING:
    from pipeline.release.ledger.records import Entry

OUTCOMES = ("promoted", "rolled-back", "rejected", "aborted", "superseded", "resumed", "adopted", "destroyed")


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only what ended so.")
@click.option("--actor", metavar="TEXT", help="Only where who released or asked has this in the name.")
@click.option("--since", callback=stretch, metavar="TIME", help="How far back: 12h, 7d.")
@click.option(
    "--last", "--limit", "limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many."
)
@output_option
def command(
    services: tuple[str, ...],
    env_name: str | None,
    *,
    outcome: str | None,
    actor: str | None,
    since: float | None,
    limit: int,
    output: str,
) -> int:
    """List releases, rollbacks and what people did besides, of all services or those named.

    Each with its versions, commit, verdict and the check that decided, who released it, and what people asked of it
    with which reason.
    """
    from pipeline.cli.seen import remember
    from pipeline.report.history import entry_lines

    here = Here(env_name, json=output == "json")
    if here.fleet is not None:
        from pipeline.cli.fleets import history

        return history(here, services, limit, wanted=lambda entries: _wanted(entries, outcome, actor), since=since)
    names = names_of(here, services)
    start = None if since is None else here.engine.objects.now() - since
    entries = list(islice(_wanted(here.engine.ledger.entries(names, start), outcome, actor), limit))
    remember(here.project.root, "releases", (one.release_id for one in entries))
    if output == "json":
        here.console.json({"environment": here.env.name, "services": names, "entries": entries})
        return 0
    for entry in entries:
        head, *rest = entry_lines(entry)
        here.console.title(head)
        for line in rest:
            here.console.line(line)
    if not entries:
        filtered = outcome or actor or since is not None
        what = f"nothing fits in `{here.env.name}`" if filtered else f"nothing was released in `{here.env.name}` yet"
        here.console.line(f"{', '.join(services) or here.env.name}: {what}")
    return 0


def names_of(here: Here, services: tuple[str, ...]) -> tuple[str, ...]:
    """The services asked for; a name that neither the ledger nor a manifest has is a usage error."""
    known = here.engine.ledger.services()
    for name in services:
        if name not in known and name not in (declared := {one.name for one in here.services}):
            from pipeline.manifest.naming import no_such_service

            raise no_such_service(name, sorted({*known, *declared}))
    return tuple(dict.fromkeys(services)) or known


def _wanted(entries: Iterator[Entry], outcome: str | None, actor: str | None) -> Iterator[Entry]:
    from pipeline.report.history import ended

    for one in entries:
        people = [one.actor, one.claimed_actor or ""]
        people += [str(order.get(key) or "") for order in one.orders for key in ("actor", "claimed_actor")]
        if outcome is not None and ended(one) != outcome:
            continue
        if actor is None or any(actor.lower() in each.lower() for each in people):
            yield one
