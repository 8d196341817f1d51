"""`crabwalk move`: a service's Terraform state from its stack to another; nothing at AWS is made or destroyed."""

from __future__ import annotations

from dataclasses import asdict

import click

from pipeline.cli.options import Here, env_option, output_option


@click.command()
@click.argument("service")
@click.option("--stack", "target", metavar="NAME", required=True, help="The stack its manifest names now.")
@env_option
@output_option
def command(service: str, target: str, env_name: str | None, output: str) -> int:
    """Move SERVICE's state to the stack its manifest names. Nothing is created, changed or destroyed at AWS.

    Takes the leases of all services of both stacks and both states' locks, or refuses. What a move that died half-way
    left is finished by the next one. Ends with 5 when somebody works on either stack.
    """
    from pipeline.deploying.moving import move
    from pipeline.deploying.setting import read_setting

    here = Here(env_name, json=output == "json")
    setting = read_setting(here.project, here.env, here.services, here.repo, here.engine)
    done = move(here.engine, setting, service, target, here.console.progress)
    if done.source is None:
        here.console.line(f"{service}: stands in stack {target} already")
    else:
        again = ", the rest of a move that had ended half-way" if done.finished else ""
        here.console.good(f"{service}: {done.resources} resources moved from stack {done.source} to {target}{again}")
        if done.emptied:
            here.console.line(f"  stack {done.source} is empty: its state and its record are deleted")
        here.console.line(f"  next    `crabwalk plan --env {here.env.name}` shows no change of Terraform's for it")
    if output == "json":
        here.console.json({"environment": here.env.name, **asdict(done)})
    return 0
