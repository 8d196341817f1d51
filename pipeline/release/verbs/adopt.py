"""Accepts what somebody else made of an alias: the version that has all traffic there is the released one from now on.

The alias keeps its traffic and gets a description again, in one guarded write; the release that was under way ends as
superseded. A run that dies after the write is completed by the next one. Nothing is guessed: what the ledger does not
know of the version must be said.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from pipeline.aws.functions import AliasState
from pipeline.errors import ConflictError, UsageError
from pipeline.release.decide.standing import standing, traffic
from pipeline.release.ledger.head import Head, fresh_nonce, trusted
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.records import Entry, Released, ServiceRecord
from pipeline.release.ledger.story import entry_of
from pipeline.release.model import ALIAS, LATEST, Rollout, new_release_id
from pipeline.release.verbs.steering import Asker, check_known
from pipeline.release.walk.act import Engine

LOOK_BACK = 200  # entries that are searched for what a version was made of


@dataclass(frozen=True)
class Adopted:
    """What was accepted; `release` names it in the ledger. `warning`: what does not go with it."""

    service: str
    version: str
    release: str
    commit: str
    artifact: str
    superseded: str | None
    warning: str = ""


@dataclass(frozen=True)
class _Made:
    """What a version was made of, as far as it is known."""

    commit: str | None = None
    configuration: str = ""


def adopt(
    engine: Engine,
    service: str,
    function: str,
    asker: Asker,
    *,
    commit: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Adopted:
    """Accept the alias as it is; `commit`: what its version was built from, where the ledger does not know.

    Raises UsageError when there is nothing to accept or it is not clear what, ConflictError when somebody living works
    on the service or changes the alias meanwhile.
    """
    record = engine.ledger.service(service)
    check_known(engine, record)
    with Lease(engine.objects, service, ttl_s=engine.env.lease_s, doing="adopt").acquire(say):
        record = engine.ledger.service(service)
        alias = engine.functions.alias(function, ALIAS)
        _check(record, alias, engine.env.name)
        digest = base64.b64decode(engine.functions.state(function, alias.version).code_sha256).hex()
        made = _made(engine, record, alias.version, digest)
        built_from = commit or made.commit
        if built_from is None:
            raise UsageError(
                f"which commit version {alias.version} of `{service}` was built from is not known",
                hint="say it with --commit COMMIT: the next deploy compares with it",
            )
        released = Released(
            new_release_id(engine.now()), alias.version, built_from, digest, made.configuration, engine.now()
        )
        _write(engine, alias, released, _previous(record, alias.version))
        _note(engine, record, released, asker)
    missing = not engine.objects.exists(f"artifacts/{digest}.zip")
    return Adopted(
        service,
        released.version,
        released.release_id,
        built_from,
        digest,
        record.under_way.release_id if record.under_way is not None else None,
        f"its zip is not in the bucket of `{engine.env.name}`: deploy soon" if missing else "",
    )


def _check(record: ServiceRecord, alias: AliasState, env: str) -> None:
    """Whether there is something to accept, and only one thing that it can be."""
    service, rollout, head = record.service, record.under_way, trusted(alias)
    if alias.version == LATEST:
        what, hint = f"the alias of `{service}` points at {LATEST}, which is no version", f"crabwalk deploy {service}"
    elif rollout is not None and standing(rollout, alias) != "foreign":
        what = f"the alias of `{service}` is as release {rollout.release_id} left it: there is nothing to adopt"
        hint = f"crabwalk resume {service} --env {env}, or crabwalk abort {service} --env {env}"
    elif alias.weights:
        what = f"the alias of `{service}` is split: {traffic(alias)}; what is adopted has all traffic"
        hint = f"give one version all traffic, or crabwalk rollback {service} --env {env}"
    elif rollout is None and head is not None and (head.rolled_back or _recorded(record, alias)):
        what, hint = f"the alias of `{service}` is as crabwalk left it: there is nothing to adopt", "crabwalk status"
    else:
        return
    raise UsageError(what, where=f"{alias.function}:{alias.name}", hint=hint)


def _recorded(record: ServiceRecord, alias: AliasState) -> bool:
    return record.promoted is not None and record.promoted.version == alias.version


def _made(engine: Engine, record: ServiceRecord, version: str, artifact: str) -> _Made:
    """What the ledger knows of a version: the release under way, the promoted one, the history."""
    rollout, promoted = record.rollout, record.promoted
    if rollout is not None and (rollout.candidate, rollout.artifact) == (version, artifact):
        return _Made(rollout.commit, rollout.configuration)
    if promoted is not None and (promoted.version, promoted.artifact) == (version, artifact):
        return _Made(promoted.commit, promoted.configuration)
    for one in islice(engine.ledger.entries([record.service]), LOOK_BACK):
        if one.kind in {"release", "adopt"} and one.candidate == version and one.artifact == artifact:
            return _Made(one.commit)
    return _Made()


def _previous(record: ServiceRecord, version: str) -> str | None:
    """What a rollback of the adopted version goes back to: the last one that was stable here."""
    rollout, promoted = record.under_way, record.promoted
    known = (rollout.stable if rollout else None, promoted.version if promoted else None)
    return next((one for one in known if one is not None and one not in {version, LATEST}), None)


def _write(engine: Engine, alias: AliasState, released: Released, previous: str | None) -> None:
    """Describe the alias again; its traffic stays."""
    head = Head(
        state="live",
        release=released.release_id,
        primary=alias.version,
        extra=None,
        weight=0.0,
        previous=previous,
        commit=released.commit,
        nonce=fresh_nonce(),
    )
    if not engine.write(alias, head):
        raise ConflictError(
            "the alias was changed meanwhile", where=f"{alias.function}:{alias.name}", hint="crabwalk status"
        )


def _note(engine: Engine, record: ServiceRecord, released: Released, asker: Asker) -> None:
    """History first, state last."""
    rollout = record.under_way
    ended = None if rollout is None else _superseded(rollout, released, asker)
    if ended is not None:
        engine.ledger.append(replace(entry_of(ended, {}), outcome="superseded"))
    engine.ledger.append(
        Entry(
            kind="adopt",
            release_id=released.release_id,
            service=record.service,
            environment=engine.env.name,
            outcome="adopted",
            stable=_previous(record, released.version),
            candidate=released.version,
            commit=released.commit,
            subject=f"instead of release {rollout.release_id}" if rollout is not None else "",
            artifact=released.artifact,
            actor=asker.actor,
            claimed_actor=asker.claimed_actor,
            started=released.at,
            ended=released.at,
            reason=asker.reason,
            sentence=f"somebody else gave version {released.version} all traffic, and it stays",
        )
    )
    made_of = (released.artifact, released.configuration)
    kept = tuple(one for one in record.rejected if (one.artifact, one.configuration) != made_of)
    after = replace(record, rollout=ended or record.rollout, promoted=released, rejected=kept, frozen=None)
    engine.ledger.save(after)
    if ended is not None:
        engine.notices.heed(rollout, ended, engine.now())


def _superseded(rollout: Rollout, released: Released, asker: Asker) -> Rollout:
    return replace(
        rollout,
        phase="promoted" if rollout.candidate == released.version else "rolled-back",
        ended=released.at,
        intent=None,
        unclear=(),
        reason="adopted",
        sentence=f"superseded: {asker.actor} adopted version {released.version}, which somebody else gave all traffic",
    )
