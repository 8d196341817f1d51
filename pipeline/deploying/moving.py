"""Moves all that a service has at AWS from one stack's state to another's. Nothing at AWS is touched but states.

The order lets whoever comes after a crash go on: the target's state and record have the service before the source's
lose it, so at every moment somebody manages it, and a service in both is one whose move is to be finished.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.deploying.setting import Setting
from pipeline.deploying.standing import as_applied, places, standing, without
from pipeline.errors import ConflictError, UsageError
from pipeline.infra import states
from pipeline.infra.drive import stack_directory
from pipeline.infra.holding import holding
from pipeline.infra.render import ENVIRONMENT_STACK
from pipeline.infra.root import state_key
from pipeline.infra.workdir import ERRORED
from pipeline.manifest.naming import check_known
from pipeline.release.ledger.leases import Leases
from pipeline.release.ledger.records import StackRecord

if TYPE_CHECKING:
    from pipeline.aws.objects import Objects, Stored
    from pipeline.infra.states import State
    from pipeline.manifest.models import Service
    from pipeline.release.walk.act import Engine

UNKNOWN = ""  # the fingerprint of no root: Terraform looks with the next deploy


@dataclass(frozen=True)
class Moved:
    """What was moved. `source` None: it stood in the target already. `finished`: an earlier move was gone on with."""

    service: str
    source: str | None
    target: str
    calls: tuple[str, ...] = ()
    resources: int = 0
    finished: bool = False
    emptied: bool = False  # nothing stands in the source any more, so its state is gone too


def move(engine: Engine, setting: Setting, service: str, target: str, say: Callable[[str], None]) -> Moved:
    """Move `service` to the stack `target`, which its manifest must name already.

    Raises UsageError where there is nothing to move or the manifest names another stack, ConflictError when somebody
    works on a service of either stack or Terraform on its state.
    """
    check_declared(setting, service, target)
    source = next((one for one in places(setting.stacks, service) if one != target), None)
    if source is None:
        if places(setting.stacks, service):
            return Moved(service, None, target)
        raise UsageError(
            f"`{service}` stands in no stack of `{setting.env.name}`: there is nothing to move",
            hint=f"crabwalk deploy {service} --env {setting.env.name} makes it in the stack `{target}`",
        )
    env, objects = setting.env, engine.objects
    leases = Leases(objects, ttl_s=env.lease_s, doing=f"move of {service}", say=say)
    try:
        for name in _members(setting, source, target):
            leases.take(name, None if name == service else _stack_of(setting, name, service, (source, target)))
        directories = {one: stack_directory(setting.project.root, env, one) for one in (source, target)}
        for stack, directory in directories.items():
            if (directory / ERRORED).is_file():
                raise _unsaved(stack, directory, env.name)
        with holding(objects, env, directories):
            return _Move(engine, setting, service, source, target, leases).execute()
    finally:
        leases.release()


def check_declared(setting: Setting, service: str, target: str) -> Service:
    """The service as its manifest declares it; UsageError unless that names the stack."""
    known = {one.name: one for one in setting.services}
    check_known([service], tuple(known))
    if target == ENVIRONMENT_STACK:
        raise UsageError(f"`{ENVIRONMENT_STACK}` cannot be the name of a stack: the environment's own state has it")
    if known[service].stack != target:
        raise UsageError(
            f"the manifest of `{service}` names the stack `{known[service].stack}`, not `{target}`",
            where=str(known[service].file),
            hint=f"write `stack: {target}` there, then run this again",
        )
    return known[service]


def _members(setting: Setting, *stacks: str) -> tuple[str, ...]:
    """All services of these stacks, those included that only stand there."""
    declared = {one.name for one in setting.services if one.stack in stacks}
    stand = {name for one in stacks if (record := setting.stacks.get(one)) is not None for name in standing(record)}
    return tuple(sorted(declared | stand))


def _stack_of(setting: Setting, name: str, service: str, stacks: Sequence[str]) -> str:
    """The stack another service's lease is taken for, in words."""
    return next(f"stack `{one}`, for the move of `{service}`," for one in stacks if name in _members(setting, one))


@dataclass(frozen=True)
class _Move:
    """One move, with every lease and both locks held."""

    engine: Engine
    setting: Setting
    service: str
    source: str
    target: str
    leases: Leases

    def execute(self) -> Moved:
        """Read both sides, then write: the target's state and record, then the source's."""
        objects, ledger, service = self.engine.objects, self.engine.ledger, self.service
        source, target = ledger.stack(self.source), ledger.stack(self.target)
        if source is None or service not in standing(source):
            return Moved(service, None, self.target)  # somebody else finished it before this one had the leases
        stored = [objects.get(state_key(one)) for one in (self.source, self.target)]
        old, new = (
            states.read(stack, one.body if one is not None else None)
            for stack, one in zip((self.source, self.target), stored, strict=True)
        )
        there = new is not None and bool(new.of(service))
        rest, into = old, new
        if old is not None and old.of(service):
            if there and new is not None and not states.same(old, new, service):
                raise _differ(service, self.source, self.target)
            rest, into = states.moved(old, new, self.target, service)
        nowhere = into is None or not into.of(service)  # its first apply made nothing: only the records are moved
        after_source, after_target = self._records(source, target, settled=not nowhere)
        if into is not new:
            self._write(into, stored[1])
        ledger.save_stack(after_target)
        if rest is not old:
            self._write(rest, stored[0])
        emptied = self._leave(rest, after_source)
        resources = len(into.of(service)) if into is not None else 0
        calls = tuple(sorted(str(one["name"]) for one in source.calls.get(service, ())))
        return Moved(service, self.source, self.target, calls, resources, there, emptied)

    def _write(self, state: State | None, before: Stored | None) -> None:
        """Write a state over exactly the one that was read."""
        from pipeline.aws.objects import PreconditionFailed

        if state is None:
            return
        self.leases.check()
        etag = before.etag if before is not None else None
        try:
            _put(self.engine.objects, state, etag)
        except PreconditionFailed as error:
            raise ConflictError(
                f"the state of stack `{state.stack}` was changed by somebody else, in spite of its lock",
                hint="the same command again goes on from what is there now",
            ) from error

    def _records(
        self, source: StackRecord, target: StackRecord | None, *, settled: bool
    ) -> tuple[StackRecord, StackRecord]:
        """Both records after the move. Terraform need not run where it had nothing to do before."""
        setting, service = self.setting, self.service
        before = target or StackRecord(self.target, UNKNOWN, {}, (), 0.0, setting.commit)
        moved = replace(
            before,
            services=tuple(sorted({*before.services, service})),
            outputs={**before.outputs, **_only(source.outputs, service)},
            calls={**before.calls, **_only(source.calls, service)},
            at=self.engine.now(),
        )
        settled = settled and self._is_settled(source) and (target is None or self._is_settled(target))
        left, come = (
            replace(one, fingerprint=self._fingerprint(one) if settled else UNKNOWN)
            for one in (without(source, service), moved)
        )
        return left, come

    def _is_settled(self, record: StackRecord) -> bool:
        return bool(record.fingerprint) and self._fingerprint(record) == record.fingerprint

    def _fingerprint(self, record: StackRecord) -> str:
        return as_applied(self.setting.scope, record, self.setting.modules).fingerprint

    def _leave(self, rest: State | None, record: StackRecord) -> bool:
        """Record what is left of the source; of one in which nothing stands the state goes too."""
        engine = self.engine
        if standing(record) or (rest is not None and not rest.empty):
            engine.ledger.save_stack(record)
            return False
        engine.objects.delete(state_key(self.source))
        engine.ledger.forget_stack(self.source)
        return True


def _only(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: found[name]} if name in found else {}


def _put(objects: Objects, state: State, etag: str | None) -> None:
    objects.put(state_key(state.stack), state.body, if_match=etag, if_absent=etag is None)


def _unsaved(stack: str, directory: Path, env: str) -> ConflictError:
    return ConflictError(
        f"the last run of stack `{stack}` could not save its state, and left it here",
        where=str(directory / ERRORED),
        hint=f"crabwalk plan --env {env} saves it first",
    )


def _differ(service: str, source: str, target: str) -> ConflictError:
    return ConflictError(
        f"the states of `{source}` and `{target}` both have parts of `{service}`, and not the same ones",
        hint="compare them with `terraform state list` in the roots that `crabwalk render --out DIR` writes; nothing "
        "was changed",
    )
