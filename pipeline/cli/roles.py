"""`crabwalk roles`: what `bootstrap --github` made for workflows. Asks nobody: the names follow from the project."""

from __future__ import annotations

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.infra.names import GITHUB_ROLES


@click.command()
@click.argument("role", required=False, type=click.Choice(GITHUB_ROLES), metavar="[ROLE]")
@env_option
@click.option("--github", is_flag=True, help='With ROLE: print its outputs, to be appended to "$GITHUB_OUTPUT".')
@output_option
def command(role: str | None, env_name: str | None, *, github: bool, output: str) -> int:
    """Show the ARN of each role that GitHub's jobs take in the environment, or of ROLE.

    They exist once somebody ran `crabwalk bootstrap ENV --github ORG/REPO`.
    """
    from pipeline.errors import UsageError
    from pipeline.infra.names import github_role

    here = Here(env_name, json=output == "json")
    if github and (role is None or here.json):
        raise UsageError("--github needs a ROLE, and goes without --output json")
    # Of many targets a job takes the first one's; those of the others are assumed from there (`role`).
    fleet = here.fleet
    env, project = (here if fleet is None else here.member(fleet.targets[0])).env, here.project
    arns = {name: github_role(project, env, name) for name in ([role] if role else GITHUB_ROLES)}
    if github:
        for key, value in {"arn": arns[str(role)], "region": env.region, "account": env.account}.items():
            here.console.line(f"{key}={value}")
    elif here.json:
        told = {"environment": env.name, "account": env.account, "region": env.region, "roles": arns}
        here.console.json(told)
    else:
        here.console.table(f"{env.name}: account {env.account}, {env.region}", ("role", "ARN"), list(arns.items()))
    return 0
