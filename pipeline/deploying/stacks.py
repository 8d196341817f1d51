"""A stack's root as it is to be, and whether Terraform has anything to do for it. Reads module sources only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.infra import Placement, Root, parts, render
from pipeline.infra.calls import Call, needs, read_calls, united
from pipeline.infra.kept import kept_back
from pipeline.infra.parts import extensions

if TYPE_CHECKING:
    from pipeline.deploying.setting import Setting
    from pipeline.infra.scope import Ready
    from pipeline.manifest.models import Service
    from pipeline.release.ledger.records import ServiceRecord, StackRecord


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
    scope = replace(setting.scope, layers=_layers(setting, stack, keys))
    stays: dict[str, tuple[str, ...]] = {}
    standing = {name: read_calls(calls) for name, calls in applied.calls.items()} if applied else {}
    for service in setting.services:
        record = setting.records[service.name]
        stands = applied is not None and service.name in applied.services
        here = service.stack == stack and service.name not in setting.displaced
        if not here or (record.promoted is None and service.name not in keys and not stands):
            continue
        key = keys.get(service.name) or (f"artifacts/{record.promoted.artifact}.zip" if record.promoted else None)
        wanted = ready(setting, service).service
        desired = parts.calls(scope, wanted, released=record.promoted is not None)
        calls = _placed(setting, record, desired, standing.get(service.name, ()))
        placements.append(Placement(wanted, calls, key))
        if found := kept_back(desired, calls):
            stays[service.name] = found
    declared = {service.name for service in setting.services} - setting.displaced.keys()
    orphans = {name: calls for name, calls in standing.items() if name not in declared}
    root = render(scope, stack, placements, setting.modules, orphans)
    return StackPlan(stack, root, applied, stays)


def _layers(setting: Setting, stack: str, keys: Mapping[str, str]) -> dict[str, dict[str, str]]:
    found = {}
    for service in setting.services:
        if service.extensions and service.stack == stack:
            built = keys if service.name in keys else {}  # a neighbour that is not released keeps what it has
            found[service.name] = layers_of(setting, service, built)
    return found


def layers_of(setting: Setting, service: Service, built: Mapping[str, str] | None = None) -> dict[str, str]:
    """The zip of each extension that a service lists: of those that are `built`, else the one that was applied last."""
    applied = setting.stacks.get(service.stack)
    standing = read_calls(applied.calls.get(service.name, ())) if applied else ()
    return extensions.keys(service, built or {}, standing)


def _placed(
    setting: Setting, record: ServiceRecord, desired: Sequence[Call], standing: Sequence[Call]
) -> tuple[Call, ...]:
    """The desired calls, with what was applied for a version that may still need it.

    AWS is asked for the live version only where something would go that stands now.
    """
    alone, whole = united(desired, ()), united(desired, standing)
    return alone if whole == alone or _settled(setting, record, desired) else whole


def _settled(setting: Setting, record: ServiceRecord, desired: Sequence[Call]) -> bool:
    """Whether no version runs, or may come back by itself, that needs more than the manifest says now."""
    promoted = record.promoted
    if promoted is None:
        return True
    if record.frozen is not None or record.under_way is not None or setting.now < promoted.until:
        return False
    return promoted.needs == needs(desired) and setting.live(record.service) == promoted.version


def needs_of(setting: Setting, service: Service) -> str:
    """Hash of what a version made for this manifest may need around it."""
    return needs(parts.calls(setting.scope, service, released=True))


def ready(setting: Setting, service: Service) -> Ready:
    """A service with its references replaced by what stacks put out last."""
    return setting.scope.ready(service)
