"""What other packages of the same cargo run ask of the packages a service shares with them. Pure.

cargo unifies features over all packages it selects, and those are always the same for a service (`companions` in
pipeline/build). So a feature that one of them, or a crate behind it, asks for is in all their binaries.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from pipeline.workspace.cargo import Manifest
from pipeline.workspace.graph import Crate, Graph, matching, root_of
from pipeline.workspace.tree import Tree, join

Requests = Mapping[str, frozenset[str]]


def has_binary(tree: Tree, directory: str, manifest: Manifest | None) -> bool:
    """Does a package have a binary?"""
    if manifest is None or manifest.binaries:
        return manifest is not None
    automatic = manifest.binaries is not None
    return automatic and (
        tree.find(posixpath.join(directory, "src/main.rs")) is not None or directory in tree.with_scripts
    )


class Asked(NamedTuple):
    """A crate that asks something else of packages than it did, and the sibling it is built for."""

    sibling: str
    directory: str
    packages: tuple[str, ...]


def members(tree: Tree, graph: Graph) -> tuple[str, ...]:
    """The folders of all members of the workspaces of these crates."""
    manifests = [path for path in tree.paths() if path == "Cargo.toml" or path.endswith("/Cargo.toml")]
    found: dict[str, None] = {}
    for root, manifest in graph.roots.items():
        found |= dict.fromkeys(matching(root, root_of(manifest), manifests))
    return tuple(found)


class Companions:
    """Which packages are built in one cargo run, on one side."""

    def __init__(self, tree: Tree, graph: Graph) -> None:
        self._tree = tree
        self.graph = graph
        self._unified: dict[tuple[str, ...], Requests] = {}

    def of(self, directory: str) -> tuple[str, ...]:
        """The folders of the packages cargo selects with the one in `directory`, itself included."""
        return self._groups.get(directory, (directory,))

    def crates(self, group: tuple[str, ...]) -> Sequence[str]:
        """All local crates of a cargo run."""
        return [name for name in self.graph.united(group) if name in self.graph.crates]

    def unified(self, group: tuple[str, ...]) -> Requests:
        """What all of a cargo run asks."""
        if group not in self._unified:
            found: dict[str, frozenset[str]] = {}
            for directory in self.crates(group):
                for package, asked in requests(self.graph.crates[directory]).items():
                    found[package] = found.get(package, frozenset()) | asked
            self._unified[group] = found
        return self._unified[group]

    @cached_property
    def _groups(self) -> Mapping[str, tuple[str, ...]]:
        """The group of each package with a binary: by name, the first one where nobody asks different features."""
        groups: dict[str, list[tuple[dict[str, object], list[str]]]] = {}
        for crate in sorted(self.graph.crates.values(), key=lambda crate: crate.name):
            if not has_binary(self._tree, crate.directory, crate.manifest):
                continue
            asked = self._asked(crate.directory)
            known = groups.setdefault(crate.workspace, [])
            fitting = (group for group in known if all(group[0].get(path, one) == one for path, one in asked.items()))
            group = next(fitting, None)
            if group is None:
                group = ({}, [])
                known.append(group)
            group[0].update(asked)
            group[1].append(crate.directory)
        return {name: tuple(names) for known in groups.values() for _, names in known for name in names}

    def _asked(self, directory: str) -> Mapping[str, object]:
        """The features that a package and what it depends on ask of local crates."""
        found: dict[str, tuple[frozenset[str], bool]] = {}
        for name in self.graph.closure(directory):
            for target, features, default in self._local.get(name, ()):
                known = found.get(target)
                found[target] = (known[0] | features, known[1] or default) if known is not None else (features, default)
        return found

    @cached_property
    def _local(self) -> Mapping[str, Sequence[tuple[str, frozenset[str], bool]]]:
        """What each crate itself asks of local crates."""
        return {
            crate.directory: [
                (
                    str(join(crate.workspace if dependency.inherited else crate.directory, dependency.path)),
                    frozenset(dependency.features),
                    dependency.default_features is not False,
                )
                for dependency in crate.dependencies
                if dependency.path is not None
            ]
            for crate in self.graph.crates.values()
            if crate.local
        }


class Siblings:
    """Both sides of each cargo run; what a run's crates ask is compared once for all its services."""

    def __init__(self, before: Companions, after: Companions) -> None:
        self._sides = before, after
        self._known: dict[tuple[tuple[str, ...], ...], Sequence[Asked]] = {}

    def changed(self, directory: str) -> Iterator[Asked]:
        """What makes the unified features of a service's cargo run differ, apart from the service's own crates."""
        groups = tuple(side.of(directory) for side in self._sides)
        if groups not in self._known:
            self._known[groups] = list(self._compared(*groups))
        graph = self._sides[1].graph
        yield from (found for found in self._known[groups] if not graph.reaches(directory, found.directory))

    def _compared(self, was: tuple[str, ...], now: tuple[str, ...]) -> Iterator[Asked]:
        before, after = self._sides
        old, new = before.unified(was), after.unified(now)
        differing = {package for package in old.keys() | new.keys() if old.get(package) != new.get(package)}
        if not differing:
            return
        crates = [
            {name: side.graph.crates[name] for name in side.crates(group)}
            for side, group in ((before, was), (after, now))
        ]
        for name in sorted(crates[0].keys() | crates[1].keys()):
            one, other = (some.get(name) for some in crates)
            if one is other:
                continue
            asked, asks = (requests(crate) if crate is not None else {} for crate in (one, other))
            packages = sorted(package for package in differing if asked.get(package) != asks.get(package))
            if packages:
                side, group = (after, now) if name in crates[1] else (before, was)
                sibling = next(member for member in group if side.graph.reaches(member, name))
                yield Asked(sibling, name, tuple(packages))


def requests(crate: Crate) -> Requests:
    """What a crate itself asks of packages of others: features by package."""
    found: dict[str, frozenset[str]] = {}
    switched = _switched(crate)
    for dependency in crate.dependencies:
        if dependency.path is None:
            asked = {*dependency.features, *(() if dependency.default_features is False else ("default",))}
            if dependency.key in switched:
                asked.add(f"[features] {crate.manifest.features}")
            found[dependency.package] = found.get(dependency.package, frozenset()) | asked
    return found


def _switched(crate: Crate) -> set[str]:
    """The dependencies that [features] of the crate switches on or asks features of."""
    table = json.loads(crate.manifest.features or "{}")
    words = [word for some in table.values() if isinstance(some, list) for word in some if isinstance(word, str)]
    return {word.removeprefix("dep:").partition("/")[0].rstrip("?") for word in words}
