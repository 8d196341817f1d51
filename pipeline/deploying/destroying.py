"""Destroys all that a service has: plan, ask, apply, forget. Whatever else stands in its stack stays as it is.

One apply does it in order: what invokes the function depends on it, so Terraform takes that away first; of a failure
half-way only what was destroyed is forgotten, and the next run goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.aws.logs import group_exists, group_of
from pipeline.deploying.setting import Setting
from pipeline.deploying.standing import as_applied, places, standing, without
from pipeline.errors import AwsError, ConflictError, CrabwalkError, UsageError
from pipeline.infra import Change, InfraPlan, apply_infra, plan_infra, stack_directory, states
from pipeline.infra.root import state_key
from pipeline.infra.workdir import PLAN
from pipeline.release.ledger.leases import Leases
from pipeline.release.ledger.records import Entry, StackRecord
from pipeline.release.model import new_release_id, percent
from pipeline.release.verbs.steering import Asker

if TYPE_CHECKING:
    from pipeline.manifest.models import Service
    from pipeline.release.walk.act import Engine

UNKNOWN = ""  # the fingerprint of no root: Terraform looks with the next deploy
Say = Callable[[str], None]


@dataclass(frozen=True)
class Destroyed:
    """What became of a service. `left`: what is there still, one sentence each; `back`: how it is made anew."""

    service: str
    stack: str | None
    changes: tuple[Change, ...]
    left: tuple[str, ...]
    back: str = ""


class Destroying:
    """The destruction of one service, with the leases of all that stands in its stack."""

    def __init__(self, engine: Engine, setting: Setting, service: str, leases: Leases, say: Say) -> None:
        self._engine, self._setting, self._service = engine, setting, service
        self._leases, self._say = leases, say
        self.stack = next(iter(places(setting.stacks, service)), None)
        self._before: StackRecord | None = None
        self._planned: InfraPlan | None = None
        self._settled = False

    def plan(self) -> tuple[Change, ...]:
        """What Terraform will destroy. Raises ConflictError where it would change anything of another service."""
        record = self._engine.ledger.service(self._service)
        if record.under_way is not None:
            share = percent(record.under_way.traffic(record.under_way.step))
            raise ConflictError(
                f"release {record.under_way.release_id} of `{self._service}` is under way at {share}",
                hint=f"crabwalk abort {self._service} --env {self._setting.env.name}",
            )
        before = self._engine.ledger.stack(self.stack) if self.stack is not None else None
        if before is None or self._service not in standing(before):
            return ()
        self._check_known(before)
        setting, modules = self._setting, self._setting.modules
        root = as_applied(setting.scope, without(before, self._service), modules)
        self._settled = as_applied(setting.scope, before, modules).fingerprint == before.fingerprint
        directory = stack_directory(setting.project.root, setting.env, before.stack)
        self._before, self._planned = before, plan_infra(root, setting.env, directory, self._say)
        others = [one for one in self._planned.changes if one.service != self._service and one.action != "read"]
        if others:
            self.drop()
            raise ConflictError(
                f"the plan would also {others[0].action} {others[0].address}, which belongs to another service",
                where=f"stack {before.stack}",
                hint=f"crabwalk deploy --env {setting.env.name} brings that up to date first",
            )
        return self._planned.changes

    def execute(self, asker: Asker) -> Destroyed:
        """Apply the plan, forget what is current, note who did it. Raises TerraformError; then the rest stands."""
        outlook = self.outlook()
        if self._before is not None and self._planned is not None:
            self._apply(self._before, self._planned)
        self._leases.check()
        self._note(asker)
        self._engine.ledger.forget(self._service)
        return replace(outlook, left=(*self._logs(), *outlook.left))

    def outlook(self) -> Destroyed:
        """What will become of it, by the plan."""
        changes = self._planned.changes if self._planned is not None else ()
        return Destroyed(self._service, self.stack, changes, tuple(self._stays()), self._back())

    def drop(self) -> None:
        """Throw the saved plan away: plans hold secrets."""
        if self._planned is not None:
            (self._planned.directory / PLAN).unlink(missing_ok=True)

    def _check_known(self, before: StackRecord) -> None:
        """What was applied by a crabwalk that did not record its calls cannot be rendered as it stands."""
        unknown = sorted(name for name in standing(before) if name not in before.calls and name != self._service)
        if unknown:
            raise UsageError(
                f"what stands of `{unknown[0]}` in the same stack is not recorded, so it cannot be kept",
                where=f"stack {before.stack}",
                hint=f"crabwalk deploy {unknown[0]} --env {self._setting.env.name}",
            )

    def _apply(self, before: StackRecord, planned: InfraPlan) -> None:
        engine, ledger = self._engine, self._engine.ledger
        self._leases.check()
        if planned.pending:
            ledger.save_stack(replace(before, fingerprint=UNKNOWN, at=engine.now()))
        try:
            outputs = apply_infra(planned, self._setting.env, self._say)
        except BaseException:
            with suppress(CrabwalkError):  # the fault that is under way says more
                ledger.save_stack(self._half(before))
            raise
        finally:
            self.drop()
        rest = without(before, self._service)
        if standing(rest):
            fingerprint = planned.root.fingerprint if self._settled else UNKNOWN
            ledger.save_stack(replace(rest, fingerprint=fingerprint, outputs=dict(outputs), at=engine.now()))
            return
        state = self._state(before.stack)
        if state is not None and state.empty:
            engine.objects.delete(state_key(before.stack))
        ledger.forget_stack(before.stack)

    def _half(self, before: StackRecord) -> StackRecord:
        """The record with only those of the service's calls that still have something in the state."""
        state = self._state(before.stack)
        there = state.calls() if state is not None else frozenset()
        calls = tuple(one for one in before.calls.get(self._service, ()) if one["name"] in there)
        return replace(before, fingerprint=UNKNOWN, calls={**before.calls, self._service: calls}, at=self._engine.now())

    def _state(self, stack: str) -> states.State | None:
        stored = self._engine.objects.get(state_key(stack))
        return states.read(stack, stored.body if stored is not None else None)

    def _note(self, asker: Asker) -> None:
        engine, record = self._engine, self._engine.ledger.service(self._service)
        promoted, now = record.promoted, engine.now()
        self._engine.ledger.append(
            Entry(
                kind="destroy",
                release_id=new_release_id(now),
                service=self._service,
                environment=self._setting.env.name,
                outcome="destroyed",
                stable=promoted.version if promoted else None,
                candidate=None,
                commit=promoted.commit if promoted else None,
                subject="",
                artifact=promoted.artifact if promoted else None,
                actor=asker.actor,
                claimed_actor=asker.claimed_actor,
                started=now,
                ended=now,
                reason=asker.reason,
                sentence="all it had was destroyed",
            )
        )

    def _logs(self) -> Iterator[str]:
        env = self._setting.env
        function = self._setting.project.function_name(env.name, self._service)
        with suppress(AwsError):
            if group_exists(env, function):
                yield f"the log group {group_of(function)}: Lambda made it again for late lines, without a retention"

    def _stays(self) -> Iterator[str]:
        env, before = self._setting.env, self._before
        modules = [str(one["module"]) for one in before.calls.get(self._service, ())] if before is not None else []
        if "dynamodb-table" in modules:
            yield "the last backup of each table that had point-in-time recovery: AWS keeps it for 35 days"
        if "secret" in modules:
            yield "its secrets, for the days they can be brought back; until then their names are taken"
        if "extension-layer" in modules:
            yield "the layer's versions: functions elsewhere may use them"
        yield f"its artifacts under s3://{env.bucket}/artifacts/, which may be another service's too"
        yield f"its history: crabwalk history {self._service} --env {env.name}"

    def _back(self) -> str:
        """How it is made anew; its code is in git and its zips in the bucket, what it had stored is not."""
        record = self._setting.records.get(self._service)
        promoted = record.promoted if record is not None else None
        deploys = (
            f"crabwalk deploy {self._service} --env {self._setting.env.name} makes it anew, with nothing stored in it"
        )
        if any(one.name == self._service for one in self._setting.services):
            return deploys
        at = f" from {promoted.commit[:12]}" if promoted is not None else ""
        return f"bring its folder back{at}, then {deploys}"


def check_destroyable(setting: Setting, service: str, *, force: bool) -> None:
    """Raises UsageError for a service that nobody knows, or that a manifest declares, without `force`."""
    declared: Service | None = next((one for one in setting.services if one.name == service), None)
    record = setting.records.get(service)
    if not places(setting.stacks, service) and (record is None or record.etag is None):
        from pipeline.manifest.node import nearest

        known = {name for one in setting.stacks.values() if one is not None for name in standing(one)}
        what = f"nothing of a service `{service}` stands in `{setting.env.name}`"
        raise UsageError(what, hint=nearest(service, tuple(sorted(known))) or None)
    if declared is not None and not force:
        raise UsageError(
            f"`{service}` has a manifest: the next deploy would make it again",
            where=str(declared.file),
            hint="remove the manifest first, or --force",
        )


@contextmanager
def opened(engine: Engine, setting: Setting, service: str, say: Say) -> Iterator[Destroying]:
    """With the leases of all that stands in the service's stack: Terraform works on the whole of it.

    Raises ConflictError when somebody living holds one of them.
    """
    leases = Leases(engine.objects, ttl_s=setting.env.lease_s, doing=f"destroy of {service}", say=say)
    stacks = places(setting.stacks, service)
    if len(stacks) > 1:
        raise ConflictError(
            f"`{service}` stands in two stacks, {' and '.join(stacks)}: a move of it ended half-way",
            hint="finish it with `crabwalk move`",
        )
    stand = {name for one in stacks if (record := setting.stacks[one]) is not None for name in standing(record)}
    declared = {one.name for one in setting.services if one.stack in stacks}
    try:
        for name in sorted({service} | stand | declared):
            leases.take(name, f"stack `{stacks[0]}` of `{service}`" if name != service else None)
        yield Destroying(engine, setting, service, leases, say)
    finally:
        leases.release()
