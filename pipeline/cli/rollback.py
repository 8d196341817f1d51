"""`crabwalk rollback`: the on-call engineer's verb. GetAlias, UpdateAlias, done; all else follows the traffic."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pipeline.cli import Terminated
from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.aws.aliases import Aliases, AliasState
    from pipeline.errors import CrabwalkError
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.project import Project
    from pipeline.release.rollback.rollback import RollbackDone


@click.command()
@click.argument("service", required=False)
@env_option
@click.option("--to", metavar="VERSION", help="Go to this version instead of the previous stable one.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the record.")
@click.option("--function", metavar="NAME", help="The function's name; needs --region and no project file.")
@click.option("--region", metavar="REGION", help="With --function: where it is.")
@output_option
def command(
    service: str | None,
    env_name: str | None,
    *,
    to: str | None,
    reason: str,
    function: str | None,
    region: str | None,
    output: str,
) -> int:
    """Move all traffic of SERVICE back to its previous stable version.

    Needs no Terraform, no build and no lease. During a walk the new version loses its share, and the controller
    that walked it stops. The service is not deployed to again until `crabwalk resume`, or a commit that reverts the
    bad one. Repeated, it is a no-op that says so.
    """
    gc.disable()  # a short process: until the traffic has moved nothing is worth collecting
    try:
        here = Here(env_name, json=output == "json")
        if service is not None and {function, region} == {None} and _project(here).fleets and here.fleet is not None:
            from pipeline.cli.fleets_back import rollback

            return rollback(here, service, to, reason)
        place = _place(here, service, env_name, function, region)
        done = place.roll_back(to, here.warn)
    finally:
        gc.enable()
    from pipeline.cli.rolled_back import tell

    return tell(here, place, done, reason)


@dataclass(frozen=True)
class Place:
    """Where the alias is; `env` None: named by hand, without a project."""

    label: str
    function: str
    region: str
    env: Environment | None = None

    @property
    def account(self) -> str | None:
        """The account it has to be in, where that is known."""
        return self.env.account or None if self.env else None

    @contextmanager
    def aliases(self) -> Iterator[Aliases]:
        """The quick client, or botocore's where something unusual is configured."""
        from pipeline.aws import lean_aliases

        env = self.env
        quick = None  # whoever has to assume a role first is not quick
        if env is None or env.role is None:
            quick = lean_aliases.aliases(self.region, env.endpoint if env else None, env.credentials if env else None)
        if quick is not None:
            with closing(quick):
                yield quick
            return
        from pipeline.aws.functions import Functions

        yield Functions(self.environment())

    def roll_back(self, to: str | None, say: Callable[[str], None]) -> RollbackDone:
        """Move its traffic to this version, or to the previous stable one; where that cannot be, what there is instead.

        Raises CrabwalkError; then nothing was moved, or AWS does not tell.
        """
        from pipeline.errors import CrabwalkError
        from pipeline.release.rollback.rollback import roll_back
        from pipeline.release.words import ALIAS

        try:
            with self.aliases() as aliases:
                return roll_back(
                    aliases, self.function, ALIAS, to, account=self.account, say=say, outdated=self._outdated
                )
        except CrabwalkError as fault:
            raise self._explained(fault) from fault
        except (KeyboardInterrupt, Terminated):
            say(unclear(self.label))
            raise

    def environment(self) -> Environment:
        """Where to ask for anything else; a function named by hand has no account and no bucket."""
        from pipeline.manifest.environments import Environment

        return self.env or Environment(name="-", account="", region=self.region, bucket="")

    def _outdated(self, alias: AliasState) -> bool:
        """Whether our own record proves that AWS's answer is an old one; not where there is none to be read."""
        if self.env is None:
            return False
        from pipeline.aws.objects import Objects
        from pipeline.errors import CrabwalkError
        from pipeline.release.ledger.ledger import Ledger

        try:
            rollout = Ledger(Objects(self.env)).service(self.label).rollout
        except CrabwalkError:
            return False
        return rollout is not None and rollout.outdated(alias.revision)

    def _explained(self, fault: CrabwalkError) -> CrabwalkError:
        """The fault with what there is instead; nothing was moved, so there is time to ask."""
        from pipeline.release.rollback.instead import explain

        service = self.label if self.env else None
        return explain(self.environment(), self.function, service, fault)


def unclear(what: str) -> str:
    """What to say when a rollback is interrupted."""
    return (
        f"whether the traffic of {what} has moved is not known; the same command once more moves it, "
        "or says that it has"
    )


def place_of(here: Here, service: str) -> Place:
    """Where a service's alias is in the environment that was named."""
    return Place(service, here.project.function_name(here.env.name, service), here.env.region, here.env)


def _place(here: Here, service: str | None, env_name: str | None, function: str | None, region: str | None) -> Place:
    from pipeline.errors import UsageError

    if function is None:
        if service is None:
            raise UsageError("which service?", hint="crabwalk rollback SERVICE, or --function NAME --region REGION")
        if region is not None:
            raise UsageError("--region goes with --function", hint="without --function the project file knows it")
        _project(here)
        return place_of(here, service)
    if region is None:
        raise UsageError("--function needs --region", hint="for example --region eu-west-1")
    if env_name is not None:
        raise UsageError("--function and --env exclude each other", hint="leave one out")
    return Place(service or function, function, region)


def _project(here: Here) -> Project:
    """The project; where it cannot be read, the fault says how to go without it."""
    from pipeline.errors import CrabwalkError

    try:
        return here.project
    except CrabwalkError as fault:
        without = "without a project file: --function PROJECT-ENVIRONMENT-SERVICE --region REGION"
        fault.hint = f"{fault.hint}; or {without}" if fault.hint else without
        raise
