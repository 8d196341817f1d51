"""`crabwalk bootstrap`: what an environment needs before anything can be deployed to it."""

from __future__ import annotations

import click

from pipeline.cli.options import Here


@click.command()
@click.argument("environment")
def command(environment: str) -> int:
    """Create ENVIRONMENT's one bucket (artifacts, Terraform state, the ledger), by Terraform. Safe to repeat."""
    from pipeline.aws.identity import whoami
    from pipeline.infra import bootstrap

    here = Here(environment)
    whoami(here.env)
    with here.console.group(f"bootstrap {here.env.name}"):
        bootstrap(here.project, here.env, here.project.root / "modules", here.console.progress)
    return 0
