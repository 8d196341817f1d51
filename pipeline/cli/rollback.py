"""`crabwalk rollback`: the on-call engineer's verb. GetAlias, UpdateAlias, done; the record follows the traffic."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.manifest.project import Environment
    from pipeline.release.rollback import RollbackDone


@click.command()
@click.argument("service")
@env_option
@click.option("--to", metavar="VERSION", help="Go to this version instead of the previous stable one.")
@click.option("--function", metavar="NAME", help="The function's name; needs --region and no project file.")
@click.option("--region", metavar="REGION", help="With --function: where it is.")
@output_option
def command(
    service: str, env_name: str | None, *, to: str | None, function: str | None, region: str | None, output: str
) -> int:
    """Move all traffic of SERVICE back to its previous stable version.

    Needs no Terraform, no build and no lease. During a walk the new version loses its share, and the controller
    that walked it stops. Repeated, it is a no-op that says so.
    """
    from pipeline.aws.functions import Functions, NotFoundError
    from pipeline.release.model import ALIAS
    from pipeline.release.rollback import roll_back

    here = Here(env_name, json=output == "json")
    env, name = _target(here, service, env_name, function, region)
    try:
        done = roll_back(Functions(env), name, ALIAS, to, account=env.account or None, say=here.console.warn)
    except NotFoundError:
        if function is None:
            _check_known(env, service)
        raise
    console = here.console
    if done.plan.target is None:
        console.line(f"{service}: {done.plan.sentence}")
    else:
        console.good(f"{service}: {done.plan.sentence}")
    noted = function is None and _note(here, env, service, done)
    if output == "json":
        console.json(
            {
                "service": service,
                "environment": env.name,
                "changed": done.plan.target is not None,
                "version": done.after.version,
                "from": done.plan.origin,
                "release": done.plan.release,
                "recorded": noted,
            }
        )
    return 0


def _target(
    here: Here, service: str, env_name: str | None, function: str | None, region: str | None
) -> tuple[Environment, str]:
    from pipeline.errors import UsageError

    if function is None:
        if region is not None:
            raise UsageError("--region goes with --function", hint="without --function the project file knows it")
        return here.env, here.project.function_name(here.env.name, service)
    if region is None:
        raise UsageError("--function needs --region", hint="for example --region eu-west-1")
    if env_name is not None:
        raise UsageError("--function and --env exclude each other", hint="leave one out")
    from pipeline.manifest.project import Environment

    return Environment(name="-", account="", region=region, bucket=""), function


def _check_known(env: Environment, service: str) -> None:
    """Raise UsageError when nothing of that name was ever released; asked only once AWS knows no such function."""
    from pipeline.aws.objects import Objects
    from pipeline.errors import UsageError
    from pipeline.manifest.node import nearest
    from pipeline.release.ledger import Ledger

    known = Ledger(Objects(env)).services()
    if service not in known:
        raise UsageError(f"no service `{service}` was released to `{env.name}`", hint=nearest(service, known) or None)


def _note(here: Here, env: Environment, service: str, done: RollbackDone) -> bool:
    """Record what was done; the traffic has moved already, so a ledger that is away is a warning."""
    from pipeline.aws.objects import Objects
    from pipeline.errors import CrabwalkError
    from pipeline.release.ledger import Ledger
    from pipeline.release.record import record_rollback

    try:
        return record_rollback(
            Ledger(Objects(env)),
            service,
            env.name,
            done,
            actor=_actor(env),
            claimed_actor=os.environ.get("GITHUB_ACTOR"),
        )
    except CrabwalkError as error:
        moved = "the traffic has moved, but it could not be recorded"
        unknown = "whether that is recorded could not be seen"
        here.console.warn(
            f"{moved if done.plan.target is not None else unknown}: {error.what}; the same command records it later"
        )
        return False


def _actor(env: Environment) -> str:
    """Who is calling; that AWS cannot tell does not keep a rollback out of the record."""
    from pipeline.aws.identity import whoami
    from pipeline.errors import CrabwalkError

    try:
        return whoami(env).arn
    except CrabwalkError:
        return "unknown"
