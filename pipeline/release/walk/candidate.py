"""Offers a version for release: published, tried out with its smoke events, then recorded. Moves no traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pipeline.aws.functions import AliasState, Configuration, NotFoundError
from pipeline.errors import ConflictError, UsageError
from pipeline.release.around.probe import stored
from pipeline.release.around.smoke import smoke
from pipeline.release.decide.together import TOGETHER
from pipeline.release.ledger.head import trusted
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS, LATEST, Rollout, new_release_id
from pipeline.release.walk.act import Engine
from pipeline.release.walk.declared import smoke_of, steps_of, terms_of
from pipeline.release.walk.freeze import is_frozen
from pipeline.release.walk.preflight import obstacle
from pipeline.release.walk.publish import Package, publish
from pipeline.release.walk.state import Walk

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.manifest.models import Service


@dataclass(frozen=True)
class Origin:
    """What a release is made from and by whom."""

    function: str
    commit: str
    subject: str
    artifact: Artifact
    configuration: str
    actor: str
    claimed_actor: str | None
    committed: float | None = None  # when, in epoch seconds
    needs: str = ""  # hash of what its manifest wants around it


@dataclass(frozen=True)
class Offer:
    """A version ready to be walked, or why there is none.

    `live` = nothing new, `rejected` = a smoke check or a hook said no, `refused` = a sentence: the alias says it was
    rolled back.
    """

    walk: Walk | None = None
    live: str | None = None
    rejected: Rollout | None = None
    refused: str | None = None


def offer(
    engine: Engine,
    service: Service,
    origin: Origin,
    record: ServiceRecord,
    lease: Lease,
    *,
    say: Callable[[str], None],
    retry: bool = False,
) -> Offer:
    """Publish and try out a version of `service`.

    What the alias says was rolled back is not tried again without `retry`: a rollback by hand may not have reached
    the ledger.
    Raises ConflictError when the alias is split already or somebody changes the alias or the function at the same
    time, AwsError when AWS refuses.
    """
    lease.check()
    check_hooks(service)
    alias = engine.functions.alias(origin.function, ALIAS)
    if alias.weights:
        raise ConflictError(
            f"the alias of `{service.name}` is split although no release is under way",
            hint=f"crabwalk rollback {service.name} --env {engine.env.name}",
        )
    ringing = _ringing(engine, service, say)
    started = engine.now()
    package = _package(engine, service, origin.artifact)
    if is_frozen(alias):
        goes_on = f"`crabwalk resume {service.name} --env {engine.env.name}` lets it be deployed again"
        return Offer(refused=f"a person rolled it back, which froze it; {goes_on}")
    back = _rolled_back(engine, origin.function, alias, package, record)
    if back is not None and not retry:
        _note(engine, service, origin, alias, at=started)
        return Offer(refused=f"version {back} of the same artifact and configuration was rolled back")
    check_split(engine, service, origin.function, alias)
    version = publish(engine.functions, origin.function, package, origin.commit[:12]).version
    if version == alias.version:
        return Offer(live=version)
    say(f"published version {version}")
    planned = _rollout(engine, service, origin, alias, candidate=version, started=started)
    rollout = replace(planned, ringing=ringing)
    reason, sentence = _tried_out(engine, service, rollout, say)
    if reason:
        ended = engine.reject(record, rollout, reason, sentence).rollout
        return Offer(rejected=ended or replace(rollout, phase="rolled-back", reason=reason, sentence=sentence))
    rollout = _with_probe(engine, service, rollout)
    lease.check()
    # Recorded only now: what a dead run left is taken over and walked, so it must have passed. An alias that was
    # changed since it was read is a conflict.
    return Offer(walk=Walk(engine.begin(record, rollout), rollout, lease))


def _note(engine: Engine, service: Service, origin: Origin, alias: AliasState, *, at: float) -> None:
    """Record a rollback that only the alias tells of: the safety net leaves no record of its own."""
    from pipeline.release.rollback.record import Note, record_rollback

    note = Note(
        service=service.name,
        environment=engine.env.name,
        function=origin.function,
        head=alias.description,
        moved=False,
        sentence="",
        actor=origin.actor,
        claimed_actor=origin.claimed_actor,
        reason="",
        at=at,
    )
    record_rollback(engine.ledger, note)


def _tried_out(
    engine: Engine, service: Service, rollout: Rollout, say: Callable[[str], None]
) -> tuple[Literal["", "smoke", "hook"], str]:
    """What rejects the version before it gets any traffic, and its sentence; both empty when nothing does."""
    checks = smoke_of(service.release, service.directory)
    results = smoke(engine.functions, rollout.function, rollout.candidate, checks)
    fault = next((one for one in results if one.fault), None)
    if fault is not None:
        return "smoke", f"smoke check {fault.event}: {fault.fault}; no traffic was moved"
    if checks:
        say(f"{len(checks)} smoke check{'s' if len(checks) > 1 else ''} passed")
    if service.release.hooks.before:
        from pipeline.release.around.hooks import before

        no = before(service.release.hooks, rollout, engine.env, service.directory, say)
        if no:
            return "hook", f"{no}; no traffic was moved"
    return "", ""


def _with_probe(engine: Engine, service: Service, rollout: Rollout) -> Rollout:
    """The rollout with its probe, whose events are laid where any controller finds them."""
    declared = service.release.probe
    if declared is None or not rollout.steps:
        return rollout
    return replace(rollout, terms=replace(rollout.terms, probe=stored(engine.objects, declared, service.directory)))


def check_hooks(service: Service) -> None:
    """Raises WebhookError, before anything is published, where one that is needed cannot be called."""
    if service.release.hooks.before:
        from pipeline.release.around.hooks import check_ready

        check_ready(service.release.hooks)


def check_split(engine: Engine, service: Service, function: str, alias: AliasState) -> None:
    """Raises UsageError where AWS would refuse the first weight."""
    if alias.version == LATEST or not service.release.steps:
        return
    latest, stable = engine.functions.state(function), engine.functions.state(function, alias.version)
    why = obstacle(latest, stable, provisioned=engine.functions.provisioned(function, ALIAS))
    if why is not None:
        raise UsageError(
            f"`{service.name}` cannot be walked: {why}",
            where=function,
            hint="release this change all at once, `release: {steps: all-at-once}`, and walk the next one again",
        )


def alarms_of(service: Service) -> tuple[str, ...]:
    """The names of the alarms its release looks at."""
    declared = (service.release.checks, *(step.checks for step in service.release.steps if step.checks is not None))
    return tuple(dict.fromkeys(name for checks in declared for name in checks.alarms))


def absent_alarm(service: Service, states: Mapping[str, str]) -> UsageError | None:
    """The fault of a service that looks at an alarm which does not exist, by what CloudWatch said of the names."""
    absent = next((name for name in alarms_of(service) if states.get(name) == "missing"), None)
    if absent is None:
        return None
    return UsageError(
        f"`{service.name}` looks at the alarm `{absent}`, which does not exist",
        hint="make it, or take it out of `release.checks.alarms`",
    )


def _ringing(engine: Engine, service: Service, say: Callable[[str], None]) -> tuple[str, ...]:
    """The alarms that ring already, which cannot be held against a version that has no traffic yet.

    Raises UsageError for one that does not exist: it would never ring.
    """
    names = alarms_of(service)
    states = engine.alarms.states(names) if names else {}
    fault = absent_alarm(service, states)
    if fault is not None:
        raise fault
    rings = tuple(name for name, state in states.items() if state == "ALARM")
    if rings:
        say(f"already ringing, so not counted in this release: {', '.join(rings)}")
    return rings


def _rolled_back(
    engine: Engine, function: str, alias: AliasState, package: Package, record: ServiceRecord
) -> str | None:
    """The version the alias was rolled back from, if it is made of `package` and was itself the reason."""
    head, last = trusted(alias), record.rollout
    if head is None or not head.rolled_back or head.origin is None:
        return None
    if last is not None and last.reason == TOGETHER and last.release_id == head.release:
        return None
    try:
        found = engine.functions.state(function, head.origin)
    except NotFoundError:  # deleted since
        return None
    made_of = (found.code_sha256, found.architecture, found.configuration)
    return head.origin if made_of == (package.code_sha256, package.architecture, package.configuration) else None


def _package(engine: Engine, service: Service, artifact: Artifact) -> Package:
    wanted = Configuration(
        runtime=service.runtime,
        memory_mb=service.memory_mb,
        timeout_s=service.timeout_s,
        environment=dict(service.environment),
        tracing=service.tracing,
        ephemeral_storage_mb=service.ephemeral_storage_mb,
        layers=tuple(service.layers),
        kms_key=service.kms_key,
        subnets=frozenset(service.vpc.subnets if service.vpc else ()),
        security_groups=frozenset(service.vpc.security_groups if service.vpc else ()),
    )
    return Package(engine.env.bucket, artifact.key, artifact.code_sha256, artifact.architecture, wanted)


def _rollout(
    engine: Engine, service: Service, origin: Origin, alias: AliasState, *, candidate: str, started: float
) -> Rollout:
    head = trusted(alias)
    timeout_s = service.timeout_s
    if alias.version != LATEST:  # the old version's requests are evidence too, and may last longer
        timeout_s = max(timeout_s, engine.functions.state(origin.function, alias.version).timeout_s)
    declared = service.release
    steps = () if alias.version == LATEST else steps_of(declared)
    return Rollout(
        release_id=new_release_id(started),
        service=service.name,
        environment=engine.env.name,
        function=origin.function,
        commit=origin.commit,
        subject=origin.subject,
        artifact=origin.artifact.sha256,
        configuration=origin.configuration,
        actor=origin.actor,
        claimed_actor=origin.claimed_actor,
        committed=origin.committed,
        needs=origin.needs,
        stable=alias.version,
        candidate=candidate,
        previous=head.previous if head is not None else None,
        steps=steps,
        min_requests=declared.min_requests,
        deadline_s=declared.deadline_s,
        on_inconclusive=declared.on_inconclusive,
        timeout_s=timeout_s,
        period_s=engine.env.period_s,
        lag_s=engine.env.lag_s,
        started=started,
        revision=alias.revision,
        terms=terms_of(declared, engine.env),
    )
