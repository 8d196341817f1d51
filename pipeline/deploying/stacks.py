"""A stack's root as it is to be, and whether Terraform has anything to do for it. Reads module sources only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.deploying.standing import displaced
from pipeline.infra import Placement, Root, Scope, parts, render
from pipeline.infra.calls import needs, read_calls
from pipeline.infra.kept import kept_back

if TYPE_CHECKING:
    from pipeline.deploying.setting import Setting
    from pipeline.infra.scope import Ready
    from pipeline.manifest.models import Service
    from pipeline.release.ledger.records import StackRecord


@dataclass(frozen=True)
class StackPlan:
    """A root to be, and whether Terraform has anything to do for it.

    `stays`: by service what no manifest says any more and a version that still runs may need, in words.
    """

    stack: str
    root: Root
    applied: StackRecord | None
    stays: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def terraform(self) -> bool:
        """Whether what Terraform manages differs from what it last applied."""
        return self.applied is None or self.applied.fingerprint != self.root.fingerprint


def plan_stack(setting: Setting, stack: str, keys: Mapping[str, str]) -> StackPlan:
    """Render a stack's root: the services that stand in it, and those with a key in `keys`, which are about to.

    A service that waits to be moved stays where it stands as it was last applied, and does not come to its new stack.
    """
    placements, applied = [], setting.stacks.get(stack)
    moving = displaced(setting.stacks, setting.services)
    standing = {name: read_calls(calls) for name, calls in applied.calls.items()} if applied else {}
    for service in setting.services:
        record = setting.records[service.name]
        stands = applied is not None and service.name in applied.services
        here = service.stack == stack and service.name not in moving
        if not here or (record.promoted is None and service.name not in keys and not stands):
            continue
        key = keys.get(service.name) or (f"artifacts/{record.promoted.artifact}.zip" if record.promoted else None)
        wanted, released = ready(setting, service).service, record.promoted is not None
        kept = standing.get(service.name, ())
        if kept and settled(setting, wanted):
            kept = ()
        placements.append(Placement(wanted, released, key, kept))
    declared = {service.name for service in setting.services} - moving.keys()
    orphans = {name: calls for name, calls in standing.items() if name not in declared}
    root = render(scope(setting), stack, placements, setting.modules, orphans)
    return StackPlan(stack, root, applied, dict(_stays(scope(setting), root, placements)))


def _stays(scope: Scope, root: Root, placements: Sequence[Placement]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for one in placements:
        if not one.kept:
            continue
        desired = parts.calls(scope, one.service, released=one.released)
        if found := kept_back(desired, root.calls[one.service.name]):
            yield one.service.name, found


def settled(setting: Setting, service: Service) -> bool:
    """Whether no version runs, or may come back by itself, that needs more than the manifest says now."""
    record = setting.records[service.name]
    promoted = record.promoted
    if promoted is None:
        return True
    if record.frozen is not None or record.under_way is not None or setting.now < promoted.until:
        return False
    return promoted.needs == needs_of(setting, service) and setting.live(service.name) == promoted.version


def needs_of(setting: Setting, service: Service) -> str:
    """Hash of what a version made for this manifest may need around it."""
    return needs(parts.calls(scope(setting), service, released=True))


def scope(setting: Setting) -> Scope:
    """What references stand for, by what stacks put out last."""
    outputs = {name: made for stack in setting.stacks.values() if stack for name, made in stack.outputs.items()}
    return Scope(setting.project, setting.env, {one.name: one for one in setting.services}, outputs)


def ready(setting: Setting, service: Service) -> Ready:
    """A service with its references replaced by what stacks put out last."""
    return scope(setting).ready(service)
