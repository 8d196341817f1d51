"""`crabwalk promote`: the next step now, or all traffic; also how a step that waits for approval gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.cli.asking import detach_option, reason_option, services_argument, steer
from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.release.terms import OrderKind


@click.command()
@services_argument
@env_option
@click.option("--full", is_flag=True, help="Give the new version all traffic at once.")
@reason_option
@detach_option
@output_option
def command(
    services: tuple[str, ...], env_name: str | None, *, full: bool, reason: str, detach: bool, output: str
) -> int:
    """Take the next step of each SERVICE's release under way, or all of them with --full.

    A step that waits for approval gets it with this, from whoever may. Where the evidence does not say so yet, a
    reason is required; evidence that the new version is worse cannot be overruled. The controller that walks the
    release carries it out; where there is none this verb does, and goes on walking unless --detach.
    """
    kind: OrderKind = "full" if full else "promote"
    return steer(kind, services, Here(env_name, json=output == "json"), reason, go_on=not detach, detach=detach)
