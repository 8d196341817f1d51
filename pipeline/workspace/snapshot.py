"""Reads what deciding needs: the paths that differ between two commits, and the crates, locks and project of both.

One `git diff-tree` a base, one `git cat-file --batch` a level of the graph; what did not change is read once.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.errors import Problem
from pipeline.manifest.document import compose
from pipeline.workspace.cargo import Graph, parents, parse, read_graph
from pipeline.workspace.git import Change, Repository
from pipeline.workspace.lock import Lock


@dataclass(frozen=True)
class Side:
    """One commit's facts; `locks` by workspace directory, None where there is no readable Cargo.lock."""

    graph: Graph
    locks: Mapping[str, Lock | None]

    @cached_property
    def _dependencies(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        found: dict[str, dict[str, frozenset[str]]] = {}
        for crate in self.graph.crates.values():
            found.setdefault(crate.workspace, {})[crate.name] = crate.dependencies
        return found

    def dependencies(self, workspace: str) -> Mapping[str, frozenset[str]]:
        """What each crate of a workspace declares for its binary."""
        return self._dependencies.get(workspace, {})


@dataclass(frozen=True)
class Snapshot:
    """Two commits' facts and the difference of their trees."""

    before: Side
    after: Side
    changes: tuple[Change, ...]
    directories: tuple[str, ...]  # every service's folder
    project_file: str | None  # set when its meaning, not only its text, differs
    unreadable: tuple[str, ...]  # Cargo files that exist and are not TOML

    @cached_property
    def built(self) -> tuple[Change, ...]:
        """The changes something could be built from: Markdown never is."""
        return tuple(change for change in self.changes if not change.path.endswith(".md"))

    @cached_property
    def by_service(self) -> Mapping[str, Sequence[Change]]:
        """The changes in each service's folder; a folder inside another service's belongs to the inner one."""
        return _owners(self.built, self.directories)

    @cached_property
    def by_crate(self) -> Mapping[str, Sequence[Change]]:
        """The changes of each local crate, without those of crates and services inside it."""
        graph = self.after.graph
        crates = {directory for crate in graph.crates.values() for directory in (crate.directory, *crate.local)}
        return _owners(self.built, (*self.directories, *crates))


def _owners(changes: Iterable[Change], directories: Iterable[str]) -> Mapping[str, Sequence[Change]]:
    """Each change under the deepest of these directories that holds it."""
    known = set(directories)
    above: dict[str, list[str]] = {}
    for directory in known:
        for parent in parents(directory):
            above.setdefault(parent, []).append(directory)
    owned: dict[str, list[Change]] = {}
    for change in changes:
        owner = next((parent for parent in (change.path, *parents(change.path)) if parent in known), None)
        # a submodule has its path in the place of everything inside it
        for directory in above.get(change.path, []) if owner is None else [owner]:
            owned.setdefault(directory, []).append(change)
    return owned


class CommitFiles:
    """One commit's TOML files, parsed at most once; what `changed` does not name comes from `twin`."""

    def __init__(
        self, repo: Repository, commit: str, twin: CommitFiles | None = None, changed: Iterable[str] = ()
    ) -> None:
        self._repo = repo
        self._commit = commit
        self._twin = twin
        self._changed = frozenset(changed)
        self._parsed: dict[str, Mapping[str, Any] | None] = {}
        self.unreadable: set[str] = set()

    def load(self, paths: Iterable[str]) -> None:
        """Reads files that are about to be asked for in one go."""
        wanted = [path for path in paths if path not in self._parsed]
        if self._twin is not None:
            self._twin.load(path for path in wanted if path not in self._changed)
            wanted = [path for path in wanted if path in self._changed]
        found = self._repo.read_all(self._commit, wanted)
        for path in wanted:
            self._keep(path, found.get(path))

    def _keep(self, path: str, data: bytes | None) -> None:
        self._parsed[path] = parse(data)
        if data is not None and self._parsed[path] is None:
            self.unreadable.add(path)

    def toml(self, path: str) -> Mapping[str, Any] | None:
        """A parsed TOML file; None when it is absent or not TOML."""
        if self._twin is not None and path not in self._changed:
            return self._twin.toml(path)
        if path not in self._parsed:
            self._keep(path, self._repo.read(self._commit, path))
        return self._parsed[path]


class Reader:
    """Snapshots of several bases against one head; the head is read once."""

    def __init__(self, repo: Repository, directories: tuple[str, ...], project_file: str) -> None:
        self._repo = repo
        self._directories = directories
        self._project_file = project_file
        self._files = CommitFiles(repo, repo.head)
        self._graph: Graph | None = None

    def snapshot(self, base: str) -> Snapshot:
        """What differs between `base` and the head."""
        if self._graph is None:
            self._graph = read_graph(self._files, self._directories)
        changes = self._repo.changes(base, self._repo.head)
        paths = {change.path for change in changes}
        files = CommitFiles(self._repo, base, self._files, paths)
        manifests_differ = any(posixpath.basename(path) == "Cargo.toml" for path in paths)
        graph = read_graph(files, self._directories) if manifests_differ else self._graph
        # A lock is half a megabyte of TOML in a large workspace: read only those that differ.
        changed_locks = [
            directory
            for directory in {**graph.workspaces, **self._graph.workspaces}
            if posixpath.join(directory, "Cargo.lock") in paths
        ]
        return Snapshot(
            before=Side(graph, {directory: _lock(files, directory) for directory in changed_locks}),
            after=Side(self._graph, {directory: _lock(self._files, directory) for directory in changed_locks}),
            changes=changes,
            directories=self._directories,
            project_file=self._project_file if self._project_file in paths and self._project_differs(base) else None,
            unreadable=tuple(sorted(self._files.unreadable | files.unreadable)),
        )

    def _project_differs(self, base: str) -> bool:
        sides = [self._repo.read(commit, self._project_file) for commit in (base, self._repo.head)]
        trees = [_plain(data) for data in sides]
        return None in trees or trees[0] != trees[1]


def _lock(files: CommitFiles, directory: str) -> Lock | None:
    content = files.toml(posixpath.join(directory, "Cargo.lock"))
    return Lock.of(content) if content is not None else None


def _plain(data: bytes | None) -> Any:
    problems: list[Problem] = []
    node = compose((data or b"").decode("utf-8", "replace"), "", problems)
    return node.plain() if node is not None and not problems else None
