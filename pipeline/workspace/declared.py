"""Services as `affected` needs them, read without the typed models: loading those takes longer than all of git's work.

Only what is well-formed is read here. Whatever looks odd is left to the models, which say what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import Problem
from pipeline.manifest.document import read_document
from pipeline.manifest.node import Node
from pipeline.manifest.overlays import merged, of_members, overlays_of
from pipeline.manifest.project import Project, check_format
from pipeline.manifest.search import manifests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.workspace.affected import Described
    from pipeline.workspace.git import Repository


@dataclass(frozen=True)
class Kind:
    """A trigger or a resource, of which only the kind counts."""

    kind: str


@dataclass(frozen=True)
class Declared:
    """One manifest's parts that decide what affects the service."""

    name: str
    directory: Path
    file: Path
    features: tuple[str, ...]
    inputs: tuple[str, ...]
    extensions: tuple[str, ...]
    triggers: tuple[Kind, ...]
    resources: Mapping[str, Kind]


def services(project: Project, environment: str | None, repo: Repository, base: str) -> Sequence[Described]:
    """All services; raises ManifestError.

    The typed models judge the manifests, unless `base` is an earlier state that has each of them byte for byte: they
    were judged then.
    """
    found = _declared(project, environment)
    if found is not None and repo.tree_of(base) not in {None, repo.head_tree}:
        changed = repo.differing(base)
        if all(_vouched(one.file, repo, changed) for one in found):
            return found
    from pipeline.manifest import load_services

    return load_services(project, environment)


def _vouched(file: Path, repo: Repository, changed: Container[str]) -> bool:
    """Is this file, and no link to another, the same in the base?"""
    real = file.resolve()
    same = real == file.parent.resolve() / file.name and real.is_relative_to(repo.root)
    return same and real.relative_to(repo.root).as_posix() not in changed


def _declared(project: Project, environment: str | None) -> tuple[Declared, ...] | None:
    """All services by name; None when a manifest must be looked at more closely."""
    problems: list[Problem] = []
    lying = manifests(project)
    found = [_read(project, environment, file, problems) for file in lying.files]
    services = [one for one in found if one is not None]
    if problems or lying.unreadable or not found or len({one.name for one in services}) < len(found):
        return None
    return tuple(sorted(services, key=lambda one: one.name))


def _read(project: Project, environment: str | None, file: Path, problems: list[Problem]) -> Declared | None:
    node = read_document(file, file.name, problems)
    if node is None or node.mapping is None:
        return None
    check_format(node, problems)
    overlays = of_members(node, overlays_of(node, project.environment_names, problems), project.fleets)
    if environment is not None and environment in overlays:
        node = merged(node, overlays[environment])
    fields: Mapping[str, Node] = node.mapping or {}
    plain = {key: fields[key].plain() for key in _READ if key in fields}
    name = plain.get("name")
    features, inputs, extensions = (plain.get(key, []) for key in ("features", "inputs", "extensions"))
    triggers, resources = plain.get("triggers", []), plain.get("resources", {})
    sound = (
        isinstance(name, str)
        and all(isinstance(some, list) for some in (features, inputs, extensions, triggers))
        and all(isinstance(word, str) for some in (features, inputs, extensions) for word in some)
        and isinstance(resources, dict)
        and all(isinstance(one, dict) and len(one) == 1 for one in (*triggers, *resources.values()))
    )
    if not sound:
        return None
    return Declared(
        name=str(name),
        directory=file.parent,
        file=file,
        features=tuple(features),
        inputs=tuple(inputs),
        extensions=tuple(extensions),
        triggers=tuple(_kind(one) for one in triggers),
        resources={key: _kind(one) for key, one in resources.items()},
    )


_READ = ("name", "features", "inputs", "extensions", "triggers", "resources")


def _kind(one: Mapping[str, Any]) -> Kind:
    return Kind(next(iter(one)))
