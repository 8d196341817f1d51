"""Reads what deciding needs: the paths that differ between two commits, and the crates and locks of both.

One listing of the head, one comparison a base; nothing is checked out, and what did not change is read once.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipeline.workspace import toml, toolchain
from pipeline.workspace.cache import Cache
from pipeline.workspace.cargo import Manifest
from pipeline.workspace.git import Change, Repository
from pipeline.workspace.graph import Graph, read_graph
from pipeline.workspace.lock import Comparison, Lock
from pipeline.workspace.paths import Changes, through_links
from pipeline.workspace.siblings import Companions, has_binary, members
from pipeline.workspace.tree import LINK, SUBMODULE, Tree


@dataclass(frozen=True)
class Side:
    """One commit's files and local crates."""

    tree: Tree
    cache: Cache
    directories: tuple[str, ...]  # every service's folder
    twin: Side | None = None  # the other side, where the crates differ only by
    changed: frozenset[str] = frozenset()  # the manifests of these folders
    unreadable: set[str] = field(default_factory=set)  # Cargo files that exist and are not TOML

    def load(self, paths: Iterable[str]) -> None:
        """Reads manifests that are about to be asked for."""
        found = (self.tree.find(path) for path in paths)
        ids = [entry.id for entry in found if entry is not None and entry.mode != SUBMODULE]
        self.tree.blobs.load(self.cache.missing(ids))

    def get(self, path: str) -> Manifest | None:
        """A Cargo.toml; None when it is absent or not TOML."""
        entry = self.tree.find(path)
        if entry is None or entry.mode == SUBMODULE:
            return None
        found = self.cache.manifest(entry.id, self.tree.blobs)
        if found is None:
            self.unreadable.add(path)
        return found

    def real(self, directory: str) -> str | None:
        """A folder with its symbolic links followed."""
        return self.tree.real(directory)

    @cached_property
    def graph(self) -> Graph:
        """The crates reached from the services."""
        return self._read(self.directories)

    @cached_property
    def companions(self) -> Companions:
        """Which packages are built together; looks at every member of the workspaces."""
        others = [directory for directory in members(self.tree, self.graph) if directory not in self.graph.crates]
        paths = {directory: posixpath.join(directory, "Cargo.toml") for directory in others}
        self.load(paths.values())
        more = [directory for directory, path in paths.items() if has_binary(self.tree, directory, self.get(path))]
        return Companions(self.tree, self._read((*self.directories, *more), self.graph) if more else self.graph)

    def _read(self, directories: Sequence[str], known: Graph | None = None) -> Graph:
        overrides = toolchain.overrides(self.tree)
        if known is not None:
            return read_graph(self, directories, overrides, known)
        if self.twin is None:
            return read_graph(self, directories, overrides)
        return read_graph(self, directories, overrides, self.twin.graph, self.changed)

    def content(self, path: str) -> Mapping[str, Any] | None:
        """A parsed TOML file."""
        return toml.parse(self.tree.read(path))


@dataclass(frozen=True)
class Snapshot:
    """Two commits' facts and the difference of their trees."""

    before: Side
    after: Side
    changes: Changes
    prefix: str  # the project's folder

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.before, self.after

    @cached_property
    def requests_differ(self) -> bool:
        """Could what crates ask of packages differ, or which packages have binaries?"""
        return (
            self.before.twin is None
            or bool(self.before.changed)
            or any(
                change.status != "M" and ("/src/bin/" in change.path or change.path.endswith("/src/main.rs"))
                for change in self.changes.all
            )
        )

    def locks(self, workspace: str) -> Comparison | None:
        """Both locks of a workspace; None when one of them is missing or unreadable."""
        if workspace not in self._locks:
            path = posixpath.join(workspace, "Cargo.lock")
            before, after = (Lock.read(side.tree.read(path)) for side in self.sides)
            unreadable = [side for side, lock in zip(self.sides, (before, after), strict=True) if lock is None]
            for side in unreadable:
                if side.tree.find(path) is not None:
                    side.unreadable.add(path)
            wanted = [side.graph.wanted for side in self.sides]
            self._locks[workspace] = None if before is None or after is None else Comparison(before, after, *wanted)
        return self._locks[workspace]

    @cached_property
    def _locks(self) -> dict[str, Comparison | None]:
        return {}

    @property
    def unreadable(self) -> list[str]:
        """Cargo files that exist and are not TOML, on either side."""
        return sorted(self.before.unreadable | self.after.unreadable)


class Reader:
    """Snapshots of several bases against one head; the head is read once."""

    def __init__(
        self, repo: Repository, cache: Cache, directories: tuple[str, ...], prefix: str, *, uncommitted: bool
    ) -> None:
        self._repo = repo
        self._cache = cache
        self._directories = directories
        self._uncommitted = uncommitted
        self.prefix = prefix

    @cached_property
    def _head(self) -> Side:
        return Side(self._repo.tree(uncommitted=self._uncommitted), self._cache, self._directories)

    def snapshot(self, base: str) -> Snapshot:
        """What differs between `base` and the head."""
        tree, changes = self._repo.compare(base, self._head.tree)
        found = through_links(Changes(changes), self._head.tree)
        otherwise = any(
            toolchain.folder_of(change.path) is not None or _points(change.path, tree, self._head.tree)
            for change in changes
        )
        if otherwise:
            return Snapshot(Side(tree, self._cache, self._directories), self._head, found, self.prefix)
        before = Side(tree, self._cache, self._directories, self._head, self._changed(tree, changes))
        return Snapshot(before, self._head, found, self.prefix)

    def _changed(self, tree: Tree, changes: Iterable[Change]) -> frozenset[str]:
        """The folders of manifests that shape another graph."""
        sides = Side(tree, self._cache, ()), self._head
        paths = [change.path for change in changes if posixpath.basename(change.path) == "Cargo.toml"]
        for side in sides:
            side.load(paths)
        return frozenset(
            posixpath.dirname(path)
            for path in paths
            if len({id(side.get(path)) for side in sides}) > 1 and sides[0].get(path) != sides[1].get(path)
        )


def _points(path: str, *trees: Tree) -> bool:
    return any(entry is not None and entry.mode in {LINK, SUBMODULE} for tree in trees for entry in [tree.at(path)])
