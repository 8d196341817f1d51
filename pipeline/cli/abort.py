"""`crabwalk abort`: the release under way ends, and the old version has all traffic."""

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
    """End each SERVICE's release under way; the old version has all traffic again.

    Nothing that is asked later is heard before it. In an emergency `rollback` is faster: it asks nobody.
    """
    return steer("abort", services, Here(env_name, json=output == "json"), reason, go_on=False)
