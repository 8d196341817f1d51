"""`crabwalk retry`: deploy what was rolled back before once more, and nothing else."""

from __future__ import annotations

import click

from pipeline.cli.asking import services_argument
from pipeline.cli.options import Here, env_option, output_option


@click.command()
@services_argument
@env_option
@click.option("--detach", is_flag=True, help="Return once the first step is taken; another controller goes on.")
@output_option
def command(services: tuple[str, ...], env_name: str | None, *, detach: bool, output: str) -> int:
    """Deploy each SERVICE also where the same artifact and configuration was rolled back before.

    The same as `deploy SERVICE... --retry`: it is walked again from its first step. A service that a person rolled
    back is unfrozen with `resume` first.
    """
    from pipeline.cli.deploy import deploy

    return deploy(Here(env_name, json=output == "json"), services, retry=True, detach=detach)
