"""What follows once `rollback` has moved the traffic: it is said, recorded, sent on and summarized."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.cli.options import Here
    from pipeline.cli.rollback import Place
    from pipeline.manifest.environments import Environment
    from pipeline.release.around.by_hand import Sending
    from pipeline.release.around.notifier import Notifier
    from pipeline.release.rollback.record import Note
    from pipeline.release.rollback.rollback import RollbackDone


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
    from pipeline.aws.identity import actor
    from pipeline.release.rollback.record import needs_record, note_of

    if not needs_record(done):
        return None
    return note_of(
        done,
        service=place.label,
        environment=env.name,
        function=place.function,
        actor=actor(env),
        claimed_actor=os.environ.get("GITHUB_ACTOR") or None,
        reason=reason,
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
    """Write it down, then what has waited for it."""
    from pipeline.aws.objects import Objects
    from pipeline.errors import CrabwalkError
    from pipeline.release.ledger.ledger import Ledger
    from pipeline.release.rollback.unrecorded import record_safely

    try:
        noted = record_safely(env, Ledger(Objects(env)), note)
    except CrabwalkError as error:
        if not note.moved:
            here.console.warn(f"whether that is recorded could not be seen: {error.what}")
            return False, None, None
        here.console.warn(f"THE TRAFFIC HAS MOVED, BUT IT IS NOT RECORDED: {error.sentence}")
        return False, note.who, None
    over = noted.rollout is not None and noted.rollout.over
    telling = None
    if note.moved and noted.rollout is not None and over and (noted.rollout.terms.notify or env.github):
        from pipeline.release.around.notifier import tell_rollback  # of one under way its controller tells

        telling = tell_rollback(env, noted.rollout, note, here.console.warn)
    here.settle_unrecorded()
    return noted.written, noted.by, telling
