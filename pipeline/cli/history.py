"""`crabwalk history`: the audit trail of a service."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from pipeline.cli.options import Here, env_option, output_option


@click.command()
@click.argument("service")
@env_option
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many entries.")
@output_option
def command(service: str, env_name: str | None, limit: int, output: str) -> int:
    """List the releases and rollbacks of SERVICE, newest first: when, what, verdict, who, how long."""
    from pipeline.planning import no_such_service

    here = Here(env_name, json=output == "json")
    entries = here.engine.ledger.history(service, limit)
    if not entries:
        known = {*here.engine.ledger.services(), *(one.name for one in here.services)}
        if service not in known:
            raise no_such_service(service, sorted(known))
    if output == "json":
        here.console.json({"service": service, "environment": here.env.name, "entries": entries})
        return 0
    if not entries:
        here.console.line(f"{service}: nothing was released to `{here.env.name}` yet")
        return 0
    rows = [
        (
            f"{datetime.fromtimestamp(one.started, UTC):%Y-%m-%d %H:%M:%S}",
            one.kind,
            one.outcome,
            f"{one.stable or '-'} → {one.candidate or '-'}"
            if one.kind == "release"
            else f"{one.candidate} → {one.stable}",
            (one.commit or "-")[:12],
            one.subject,
            _who(one.actor, one.claimed_actor),
            f"{one.ended - one.started:.0f} s",
            one.sentence,
        )
        for one in entries
    ]
    columns = ("when (UTC)", "what", "verdict", "versions", "commit", "subject", "actor", "took", "why")
    here.console.table(f"{service} on {here.env.name}", columns, rows)
    return 0


def _who(actor: str, claimed: str | None) -> str:
    short = actor.rsplit(":", 1)[-1]
    return f"{short} (GitHub says {claimed})" if claimed else short
