"""The Terraform roots as they would be applied, for people and other tools. Writes files only where it is told to."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.deploying.setting import Setting, apart
from pipeline.deploying.stacks import plan_stack, ready
from pipeline.deploying.standing import told_gone
from pipeline.errors import UsageError
from pipeline.infra import Root
from pipeline.infra.root import MAIN
from pipeline.manifest.node import nearest
from pipeline.release.ledger.records import Released, ServiceRecord

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Project


@dataclass(frozen=True)
class Rendered:
    """Roots by name, and what to know about them. `known`: the ledger was read."""

    roots: tuple[Root, ...]
    notes: tuple[str, ...]
    known: bool


def unasked(project: Project, env: Environment, services: Sequence[Service]) -> Setting:
    """What roots are made of without a ledger: as if every service was released and nothing had to stay."""
    services, extensions = apart(services)
    to_be = Released("to-be", "1", "", "", "", 0.0)
    records = {one.name: ServiceRecord(one.name, promoted=replace(to_be, artifact="to-be")) for one in services}
    stacks = dict.fromkeys(one.stack for one in services)
    return Setting(project, env, "", "", services, records, stacks, extensions=extensions)


def rendered(setting: Setting, names: Sequence[str] = (), *, known: bool = True) -> Rendered:
    """The roots of these services' stacks, of these stacks, or of all. Raises UsageError for a name nobody has."""
    stacks = chosen(setting, names)
    first = {one.name: "" for one in setting.services if setting.records[one.name].promoted is None}
    roots = tuple(plan_stack(setting, stack, first).root for stack in stacks)
    return Rendered(roots, tuple(_notes(setting, roots)), known)


def chosen(setting: Setting, names: Sequence[str]) -> tuple[str, ...]:
    """The stacks that are meant; a name that is a service's and a stack's means the service's stack."""
    of_service = {one.name: one.stack for one in setting.services}
    every = {*of_service.values(), *(name for name, one in setting.stacks.items() if one is not None)}
    if not names:
        return tuple(sorted(every))
    for name in names:
        if name not in of_service and name not in every:
            hint = nearest(name, tuple(sorted({*of_service, *every})))
            raise UsageError(f"there is no service or stack `{name}`", hint=hint or None)
    return tuple(sorted({of_service.get(name, name) for name in names}))


def _notes(setting: Setting, roots: Sequence[Root]) -> Iterator[str]:
    inside = {name for root in roots for name in root.calls}
    declared = {one.name for one in setting.services}
    for service in setting.services:
        if service.name not in inside:
            continue
        if setting.records[service.name].promoted is None:
            yield f"{service.name} was never released: what invokes it comes with its first version"
        for one in ready(setting, service).missing:
            yield f"{service.name}: {one} is not known, so what needs it is left out"
    yield from told_gone(sorted(inside - declared), setting.env.name)


def write(root: Root, folder: Path) -> Path:
    """Write a whole root, ready for `terraform init`, into a folder of its stack's name; returns that.

    Raises UsageError where something lies there that is no root.
    """
    place = folder / root.stack
    if place.exists() and (not place.is_dir() or (any(place.iterdir()) and not (place / MAIN).is_file())):
        raise UsageError("something else lies there", where=str(place), hint="name another folder")
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(stat.S_IRWXU)  # values of manifests, and later plans, are nobody else's business
    for name, content in sorted(root.files.items()):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place
