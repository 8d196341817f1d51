"""What other packages of the same cargo run ask of the packages a service shares with them. Pure.

cargo unifies features over all packages it selects. A service is built with those that ask the same features of the
same local crates (`companions` in pipeline/build), so a feature that one of them asks for is in all their binaries.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from pipeline.workspace.cargo import Manifest
from pipeline.workspace.graph import Crate, Graph, members, root_of
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
    """A sibling that asks something else of packages than it did."""

    directory: str
    packages: tuple[str, ...]


def binaries(tree: Tree, graph: Graph) -> tuple[str, ...]:
    """The folders of all members, of the workspaces of these crates, that could have a binary."""
    manifests = [path for path in tree.paths() if path == "Cargo.toml" or path.endswith("/Cargo.toml")]
    found: dict[str, None] = {}
    for root, manifest in graph.roots.items():
        found |= dict.fromkeys(members(root, root_of(manifest), manifests))
    return tuple(found)


class Companions:
    """Which packages are built in one cargo run, on one side."""

    def __init__(self, tree: Tree, graph: Graph) -> None:
        self._tree = tree
        self.graph = graph

    def of(self, directory: str) -> tuple[str, ...]:
        """The folders of the packages cargo selects with the one in `directory`, itself included."""
        crate = self.graph.crates.get(directory)
        if crate is None:
            return ()
        return tuple(self._groups.get((crate.workspace, _local(crate)), (directory,)))

    def asked(self, directory: str) -> Requests:
        """What a package itself asks of packages of others."""
        crate = self.graph.crates.get(directory)
        return _requests(crate) if crate is not None else {}

    def unified(self, directory: str) -> Requests:
        """What all of a cargo run asks."""
        found: dict[str, frozenset[str]] = {}
        crates = {*self.of(directory), *self.graph.closure(directory)}
        for crate in crates:
            for package, asked in self.asked(crate).items():
                found[package] = found.get(package, frozenset()) | asked
        return found

    @cached_property
    def _groups(self) -> Mapping[tuple[str, frozenset[object]], list[str]]:
        found: dict[tuple[str, frozenset[object]], list[str]] = {}
        for directory, crate in self.graph.crates.items():
            if has_binary(self._tree, directory, crate.manifest):
                found.setdefault((crate.workspace, _local(crate)), []).append(directory)
        return found


def changed(before: Companions, after: Companions, directory: str) -> Iterator[Asked]:
    """The siblings of a service that make the unified features differ, and for which packages."""
    others = dict.fromkeys((*after.of(directory), *before.of(directory)))
    suspects = [other for other in others if other != directory and _others_ask(before, after, other, directory)]
    if not suspects:
        return
    old, new = before.unified(directory), after.unified(directory)
    differing = {package for package in old.keys() | new.keys() if old.get(package) != new.get(package)}
    for other in suspects:
        was, now = _in_run(before, other, directory), _in_run(after, other, directory)
        packages = sorted(package for package in differing if was.get(package) != now.get(package))
        if packages:
            yield Asked(other, tuple(packages))


def _in_run(side: Companions, other: str, directory: str) -> Requests:
    return side.asked(other) if other in side.of(directory) else {}


def _others_ask(before: Companions, after: Companions, other: str, directory: str) -> bool:
    return _in_run(before, other, directory) != _in_run(after, other, directory)


def _local(crate: Crate) -> frozenset[object]:
    """What the crate asks of local crates: what decides about its companions."""
    return frozenset(
        (
            join(crate.workspace if dependency.inherited else crate.directory, dependency.path),
            tuple(sorted(set(dependency.features))),
            dependency.default_features is not False,
        )
        for dependency in crate.dependencies
        if dependency.path is not None
    )


def _requests(crate: Crate) -> Requests:
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
