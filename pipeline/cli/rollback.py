"""`crabwalk rollback`: the on-call engineer's verb. GetAlias, UpdateAlias, done; the record follows the traffic."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
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
    from pipeline.release.around.by_hand import Sending
    from pipeline.release.around.notifier import Notifier
    from pipeline.release.rollback.record import Note
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
        from pipeline.errors import CrabwalkError
        from pipeline.release.rollback.rollback import roll_back
        from pipeline.release.words import ALIAS

        here = Here(env_name, json=output == "json")
        if service is not None and {function, region} == {None} and _project(here).fleets and here.fleet is not None:
            from pipeline.cli.fleets_back import rollback

            return rollback(here, service, to, reason)
        place = _place(here, service, env_name, function, region)
        try:
            with place.aliases() as aliases:
                done = roll_back(
                    aliases, place.function, ALIAS, to, account=place.account, say=here.warn, outdated=place.outdated
                )
        except CrabwalkError as fault:
            raise place.explained(fault) from fault
        except (KeyboardInterrupt, Terminated):
            here.warn(
                f"whether the traffic of {place.label} has moved is not known; the same command once more moves it, "
                "or says that it has"
            )
            raise
    finally:
        gc.enable()
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

    def environment(self) -> Environment:
        """Where to ask for anything else; a function named by hand has no account and no bucket."""
        from pipeline.manifest.environments import Environment

        return self.env or Environment(name="-", account="", region=self.region, bucket="")

    def outdated(self, alias: AliasState) -> bool:
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

    def explained(self, fault: CrabwalkError) -> CrabwalkError:
        """The fault with what there is instead; nothing was moved, so there is time to ask."""
        from pipeline.release.rollback.instead import explain

        service = self.label if self.env else None
        return explain(self.environment(), self.function, service, fault)


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


def tell(here: Here, place: Place, done: RollbackDone, reason: str) -> int:
    """Say it, record it, say whether that worked."""
    from pipeline.release.words import who as short

    console, moved = here.console, done.plan.target is not None
    if moved:
        console.good(f"{place.label}: {done.plan.sentence}")
    if done.plan.warning:
        console.warn(done.plan.warning)
    note = _note(place, done, reason)
    sending = _sending(place, note) if moved else None  # beside the record
    who = None
    if not moved:
        who = _who(place, note)
        by = f" by {short(who, None)}" if who else ""
        further = "; --to VERSION goes further" if done.plan.sentence.startswith("already rolled back") else ""
        console.line(f"{place.label}: {done.plan.sentence}{by}{further}")
    written, frozen, telling = False, "", None
    if place.env is None and moved:
        console.note("it is frozen now; in its project `crabwalk rollback` records it, `crabwalk resume` unfreezes")
    elif place.env is not None and note is not None:
        written, by_record, telling = _record(here, place.env, note)
        who = who or by_record
        if moved:
            frozen = f"{'recorded, and ' if written else ''}{_frozen(place.label, place.env, done)}"
            console.line(f"{place.label}: {frozen}")
    if sending is not None:
        sending.settle(console.warn)
    _summarize(place, done, frozen)
    if here.json and here.env_of is None:
        console.json(
            {
                "service": place.label,
                "environment": place.env.name if place.env is not None else "-",
                "changed": moved,
                "version": done.after.version,
                "from": done.plan.origin,
                "release": done.plan.release,
                "by": who,
                "recorded": written,
                "warning": done.plan.warning,
            }
        )
    if telling is not None:
        telling.flush()
    return 0


def _summarize(place: Place, done: RollbackDone, frozen: str) -> None:
    """The job's summary, where there is one."""
    if not os.environ.get("GITHUB_STEP_SUMMARY"):
        return
    from pipeline.cli.summarizing import append
    from pipeline.report.markdown.people import rolled_back

    lines = [one for one in (done.plan.sentence, done.plan.warning, frozen) if one]
    env = place.env.name if place.env is not None else place.region
    append(rolled_back(place.label, env, lines, moved=done.plan.target is not None))


def _frozen(service: str, env: Environment, done: RollbackDone) -> str:
    """What follows for the next deploy, and the two ways out."""
    commit = done.plan.commit
    reverted = f", or until a commit reverts {commit[:12]}" if commit else ""
    return f"frozen: `deploy` passes it over until `crabwalk resume {service} --env {env.name}`{reverted}"


def _note(place: Place, done: RollbackDone, reason: str) -> Note | None:
    """What there is to be recorded; None without a project, which has the ledger, and for what is no rollback."""
    env = place.env
    if env is None:
        return None
    from pipeline.release.rollback.record import Note, needs_record

    if not needs_record(done):
        return None
    return Note(
        service=place.label,
        environment=env.name,
        function=place.function,
        head=done.after.description,
        moved=done.plan.target is not None,
        sentence=done.plan.sentence,
        actor=_actor(env),
        claimed_actor=os.environ.get("GITHUB_ACTOR") or None,
        reason=reason,
        at=time.time(),
    )


def _sending(place: Place, note: Note | None) -> Sending | None:
    """The event of the rollback on its way, where the environment has a bus."""
    if place.env is None or place.env.events is None or note is None:
        return None
    from pipeline.release.around.by_hand import Sending

    return Sending(place.env, note)


def _who(place: Place, note: Note | None) -> str | None:
    """Who was faster, where the ledger can be read and knows already."""
    if place.env is None or note is None:
        return None
    from pipeline.aws.objects import Objects
    from pipeline.errors import CrabwalkError
    from pipeline.release.ledger.ledger import Ledger
    from pipeline.release.rollback.record import who_moved

    try:
        return who_moved(Ledger(Objects(place.env)), note)
    except CrabwalkError:
        return None  # said where it cannot be recorded either


def _record(here: Here, env: Environment, note: Note) -> tuple[bool, str | None, Notifier | None]:
    """Write it down, then what has waited for it. Until the ledger has it, a file has it: also if this process dies."""
    from pipeline.aws.objects import Objects
    from pipeline.errors import CrabwalkError
    from pipeline.release.ledger.ledger import Ledger
    from pipeline.release.rollback.record import record_rollback
    from pipeline.release.rollback.unrecorded import keep, persist

    kept, full = None, ""
    if note.moved:
        try:
            kept = keep(env, note)
        except OSError as error:
            full = error.strerror or str(error)
    try:
        noted = persist(lambda: record_rollback(Ledger(Objects(env)), note))
    except CrabwalkError as error:
        if not note.moved:
            here.console.warn(f"whether that is recorded could not be seen: {error.what}")
            return False, None, None
        then = f"it waits in {kept} for the next crabwalk command that reaches `{env.name}`"
        if kept is None:
            then = f"nor could it be kept for later ({full}); the same command records it once it can"
        here.console.warn(f"THE TRAFFIC HAS MOVED, BUT IT IS NOT RECORDED: {error.what}; {then}")
        return False, note.who, None
    if kept is not None:
        kept.unlink(missing_ok=True)
    over = noted.rollout is not None and noted.rollout.over
    telling = None
    if note.moved and noted.rollout is not None and over and (noted.rollout.terms.notify or env.github):
        from pipeline.release.around.notifier import tell_rollback  # of one under way its controller tells

        telling = tell_rollback(env, noted.rollout, note, here.console.warn)
    here.settle_unrecorded()
    return noted.written, noted.by, telling


def _actor(env: Environment) -> str:
    """Who is calling; that AWS cannot tell does not keep a rollback out of the record."""
    from pipeline.aws.identity import whoami
    from pipeline.errors import CrabwalkError

    try:
        return whoami(env).arn
    except CrabwalkError:
        return "unknown"
