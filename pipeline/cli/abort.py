"""`crabwalk abort`: the release under way ends, and the old version has all traffic."""

from __future__ import annotations

import click

from pipeline.cli.asking import reason_option, steer
from pipeline.cli.options import Here, env_option, output_option


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@reason_option
@output_option
def command(services: tuple[str, ...], env_name: str | None, *, reason: str, output: str) -> int:
    """End each SERVICE's release under way; the old version has all traffic again.

    Nothing that is asked later is heard before it. In an emergency `rollback` is faster: it asks nobody. In an
    environment of many targets, without SERVICE: what is under way in any of them, and the waves that are left.
    """
    here = Here(env_name, json=output == "json")
    if here.fleet is not None:
        from pipeline.cli.fleets_back import abort

        return abort(here, services, reason)
    if not services:
        from pipeline.errors import UsageError

        raise UsageError("which service?", hint="crabwalk abort SERVICE; `crabwalk status` shows what is under way")
    return steer("abort", services, here, reason, go_on=False)
