"""`crabwalk pause`: the walk stays where it is, and its deadline does not count."""

from __future__ import annotations

import click

from pipeline.cli.asking import reason_option, services_argument, steer
from pipeline.cli.options import Here, env_option, output_option


@click.command()
@services_argument
@env_option
@reason_option
@output_option
def command(services: tuple[str, ...], env_name: str | None, *, reason: str, output: str) -> int:
    """Hold each SERVICE's release under way where it is, until `resume`.

    Evidence that the new version is worse still rolls it back.
    """
    here = Here(env_name, json=output == "json")
    if here.fleet is not None:
        from pipeline.cli.fleets_back import pause

        return pause(here, services, reason)
    return steer("pause", services, here, reason, go_on=False)
