"""`crabwalk destroy`: all that a service has at AWS, once its name was given."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from pipeline.cli.asking import asker, reason_option
from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.deploying.destroying import Destroyed
    from pipeline.infra import Change


_FUNCTION, _ALIAS, _LOGS = "aws_lambda_function", "aws_lambda_alias", "aws_cloudwatch_log_group"


@click.command()
@click.argument("service")
@env_option
@click.option("--yes", metavar="NAME", help="The service's name once more, where nobody can be asked.")
@click.option("--force", is_flag=True, help="Also a service that has a manifest; the next deploy makes it again.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@reason_option
@output_option
def command(
    service: str, env_name: str | None, *, yes: str | None, force: bool, dry_run: bool, reason: str, output: str
) -> int:
    """Destroy all that SERVICE has: triggers first, then its function, then its tables, queues and buckets.

    Shows the plan and asks for the service's name; where there is no terminal, --yes NAME answers. Whatever else is in
    its stack stays as it is. Its history stays, and what else stays is said. Refuses while a release is under way.
    """
    from pipeline.deploying.destroying import check_destroyable, opened
    from pipeline.deploying.setting import read_setting
    from pipeline.errors import UsageError

    here = Here(env_name, json=output == "json")
    if yes is not None and yes != service:
        raise UsageError(f"--yes {yes} is not the name of the service, `{service}`", hint="nothing was destroyed")
    setting = read_setting(here.project, here.env, here.services, here.repo, here.engine)
    check_destroyable(setting, service, force=force)
    with opened(here.engine, setting, service, here.console.progress) as destroying:
        with here.console.group(f"terraform: stack {destroying.stack or 'none'}"):
            destroying.plan()
        try:
            outlook = destroying.outlook()
            _show(here, outlook)
            if dry_run:
                _document(here, outlook, done=False)
                return 0
            if yes is None:
                _ask(here, service)
            done = destroying.execute(asker(here, reason))
        finally:
            destroying.drop()
    _tell(here, done)
    return 0


def _show(here: Here, outlook: Destroyed) -> None:
    console, changes = here.console, outlook.changes
    console.title(f"{outlook.service} in `{here.env.name}`: {_resources(changes)} will be destroyed")
    for one in changes:
        console.line(f"  {one.action}  {one.address}")
    for stays in outlook.left:
        console.line(f"  stays   {stays}")
    for lost in _lost(changes):
        console.warn(lost)


def _lost(changes: Sequence[Change]) -> Iterator[str]:
    """What no deploy brings back, in words."""
    from pipeline.infra import refused

    kinds = {one.type for one in changes}
    if _FUNCTION in kinds:
        yield "the function goes with all its versions and the alias: `rollback` has nothing to go back to any more"
    if _LOGS in kinds:
        yield "the log group goes with all that was logged"
    rest = [one.address for one in refused(changes, ()) if one.type not in {_FUNCTION, _ALIAS, _LOGS}]
    if rest:
        yield f"{len(rest)} cannot be made again as they are: {', '.join(rest)}"


def _resources(changes: Sequence[Change]) -> str:
    return f"{len(changes)} resource{'' if len(changes) == 1 else 's'}"


def _ask(here: Here, service: str) -> None:
    """The name, typed; UsageError for anything else, and where nobody can type."""
    from pipeline.errors import UsageError

    if not (here.console.terminal and sys.stdin.isatty()):
        again = f"crabwalk destroy {service} --env {here.env.name} --yes {service}"
        raise UsageError("nobody can be asked here; nothing was destroyed", hint=again)
    typed = click.prompt(f"Type {service} to destroy all of it", err=True, default="", show_default=False)
    if typed.strip() != service:
        raise UsageError("that is not its name; nothing was destroyed")


def _tell(here: Here, done: Destroyed) -> None:
    console = here.console
    console.good(f"{done.service}: destroyed, {_resources(done.changes)}")
    for one in done.left:
        console.line(f"  left    {one}")
    console.line(f"  back    {done.back}")
    _document(here, done, done=True)


def _document(here: Here, one: Destroyed, *, done: bool) -> None:
    if here.json:
        here.console.json(
            {
                "environment": here.env.name,
                "service": one.service,
                "stack": one.stack,
                "done": done,
                "resources": [change.address for change in one.changes],
                "left": one.left,
                "back": one.back,
            }
        )
