"""The graph of local crates as one commit has it. Pure: manifests come through a reader; cargo never runs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

from pipeline.workspace.cargo import NO_ROOT, Dependency, Manifest, outside, resolved
from pipeline.workspace.reach import Reach
from pipeline.workspace.tree import join, parents, under


class Manifests(Protocol):
    """One commit's manifests."""

    def load(self, paths: Iterable[str]) -> None:
        """Announces files that are about to be asked for."""

    def get(self, path: str) -> Manifest | None:
        """A Cargo.toml; None when it is absent or not TOML."""

    def real(self, directory: str) -> str | None:
        """A folder with its symbolic links followed; None when it is outside the repository."""


class Crate(NamedTuple):
    """One local crate; directories are relative to the repository, "" is its root."""

    directory: str
    name: str
    workspace: str  # the directory of its workspace's root
    manifest: Manifest
    local: tuple[str, ...]  # directories of the local crates it depends on
    dependencies: tuple[Dependency, ...]  # inherited ones with what the workspace says
    sources: tuple[str, ...]  # folders outside its own in which sources lie

    @property
    def names(self) -> frozenset[str]:
        """Package names of all its dependencies."""
        return frozenset([dependency.package for dependency in self.dependencies])


class Graph:
    """The local crates reached from some directories. One that has no readable manifest is an end of the graph."""

    def __init__(self, crates: Mapping[str, Crate], roots: Mapping[str, Manifest | None]) -> None:
        self.crates = crates
        self.roots = roots  # the manifest of each workspace's root, by directory

    @cached_property
    def nodes(self) -> Mapping[str, int]:
        """A number for every crate, and for every folder a dependency points to."""
        nodes: dict[str, int] = {}
        for directory, crate in self.crates.items():
            nodes.setdefault(directory, len(nodes))
            for target in crate.local:
                nodes.setdefault(target, len(nodes))
        return nodes

    @cached_property
    def _directories(self) -> Sequence[str]:
        return list(self.nodes)

    @cached_property
    def reach(self) -> Reach:
        """Which crate is built from which."""
        nodes, crates = self.nodes, self.crates
        return Reach([[nodes[target] for target in crates[name].local] if name in crates else () for name in nodes])

    def reached(self, directory: str) -> int:
        """The numbers of every crate the one in `directory` is built from, itself included, as bits."""
        node = self.nodes.get(directory)
        return 0 if node is None else self.reach.bits[node]

    def reaches(self, directory: str, other: str) -> bool:
        """Is the crate in `directory` built from the one in `other`?"""
        node = self.nodes.get(other)
        return directory == other or (node is not None and bool(self.reached(directory) >> node & 1))

    def closure(self, directory: str) -> tuple[str, ...]:
        """Every crate the one in `directory` is built from, itself first."""
        bits = self.reached(directory)
        return (directory, *(name for name, node in self.nodes.items() if bits >> node & 1 and name != directory))

    def united(self, directories: Iterable[str]) -> list[str]:
        """Every crate that one of these is built from, themselves included."""
        bits = 0
        for directory in directories:
            bits |= self.reached(directory)
        return [name for name, node in self.nodes.items() if bits >> node & 1]

    def way(self, directory: str, other: str) -> tuple[str, ...]:
        """The shortest way from one crate to another, both ends included."""
        if directory == other or directory not in self.nodes or other not in self.nodes:
            return (directory,)
        return tuple(self._directories[node] for node in self.reach.way(self.nodes[directory], self.nodes[other]))

    def name(self, directory: str) -> str:
        """What a crate calls itself."""
        crate = self.crates.get(directory)
        return crate.name if crate else posixpath.basename(directory)

    @cached_property
    def wanted(self) -> Mapping[str, frozenset[str]]:
        """What each local package declares for its binary, by the package's name."""
        found: dict[str, frozenset[str]] = {}
        for crate in self.crates.values():
            found[crate.name] = found.get(crate.name, frozenset()) | crate.names
        return found


def read_graph(
    manifests: Manifests,
    directories: Iterable[str],
    overrides: Mapping[str, Sequence[str]],
    twin: Graph | None = None,
    changed: frozenset[str] = frozenset(),
) -> Graph:
    """Follows path dependencies from these crates.

    `overrides`: what a configuration in a folder replaces by a path. `twin`: a graph that has the same crates except
    where a manifest in or above their folder is one of the `changed` folders'.
    """
    reader = _Reader(manifests, overrides)
    if twin is not None:
        reader.take(twin, changed)
    level = list(dict.fromkeys(directories))
    while level:
        unread = [directory for directory in level if directory not in reader.known]
        folders = {folder for directory in unread for folder in parents(directory)}
        manifests.load(posixpath.join(folder, "Cargo.toml") for folder in (*unread, *sorted(folders)))
        targets = dict.fromkeys([target for directory in level for target in reader.read(directory)])
        level = [target for target in targets if target not in reader.crates]
    return Graph(reader.crates, reader.roots)


class _Reader:
    def __init__(self, manifests: Manifests, overrides: Mapping[str, Sequence[str]]) -> None:
        self._manifests = manifests
        self._overrides = overrides
        self._missing: set[str] = set()
        self._above: dict[str, tuple[str, Manifest] | None] = {}
        self.known: Mapping[str, Crate] = {}
        self.crates: dict[str, Crate] = {}
        self.roots: dict[str, Manifest | None] = {}

    def take(self, twin: Graph, changed: frozenset[str]) -> None:
        """Uses the crates of another graph that are the same here."""
        if "" in changed:
            return
        self.known = {
            directory: crate
            for directory, crate in twin.crates.items()
            if directory not in changed and changed.isdisjoint(parents(directory)) and crate.workspace not in changed
        }

    def read(self, directory: str) -> tuple[str, ...]:
        """Reads a crate once; what it depends on."""
        if directory in self.crates or directory in self._missing:
            return ()
        crate = self.known.get(directory)
        if crate is not None:
            self.crates[directory] = crate
            self._root(crate.workspace)
            return crate.local
        found = self._manifests.get(posixpath.join(directory, "Cargo.toml"))
        if found is None:
            self._missing.add(directory)
            return ()
        workspace = self._workspace_of(directory, found)
        root = (self.roots[workspace] or found).root
        dependencies = tuple([resolved(one, root) if one.inherited else one for one in found.dependencies])
        local: dict[str, None] = {}
        for dependency in dependencies:
            if dependency.path is not None:
                self._point(local, workspace if dependency.inherited else directory, dependency.path)
        # A patch by path can replace any crate's dependency, so it counts as everybody's.
        for path in root.patches:
            self._point(local, workspace, path)
        for folder, paths in self._overrides.items():
            for path in paths if under(directory, folder) else ():
                self._point(local, folder, path)
        local.pop(directory, None)
        crate = Crate(
            directory=directory,
            name=found.name or posixpath.basename(directory),
            workspace=workspace,
            manifest=found,
            local=tuple(local),
            dependencies=dependencies,
            sources=tuple(dict.fromkeys(outside(directory, found.sources))) if found.sources else (),
        )
        self.crates[directory] = crate
        return crate.local

    def _point(self, local: dict[str, None], base: str, path: str) -> None:
        target = join(base, path)
        real = self._manifests.real(target) if target is not None else None
        if real is not None:
            local[real] = None

    def _workspace_of(self, directory: str, found: Manifest) -> str:
        if found.workspace is not None and (named := join(directory, found.workspace)) is not None:
            return self._root(named)
        if found.is_root:
            return self._root(directory)
        above = self._root_above(posixpath.dirname(directory)) if directory else None
        while above is not None:
            folder, root = above
            if not root.root.exclude or not _excludes(folder, root, directory):
                return self._root(folder)
            above = self._root_above(posixpath.dirname(folder)) if folder else None
        return self._root(directory)

    def _root_above(self, folder: str) -> tuple[str, Manifest] | None:
        """The nearest workspace's root in a folder or above it."""
        if folder not in self._above:
            found = self._manifests.get(posixpath.join(folder, "Cargo.toml"))
            if found is not None and found.is_root:
                self._above[folder] = folder, found
            else:
                self._above[folder] = self._root_above(posixpath.dirname(folder)) if folder else None
        return self._above[folder]

    def _root(self, directory: str) -> str:
        if directory not in self.roots:
            self.roots[directory] = self._manifests.get(posixpath.join(directory, "Cargo.toml"))
        return directory


def _excludes(root: str, found: Manifest, directory: str) -> bool:
    """`exclude` takes whole folders; what lies in a folder that `members` spells out stays a member."""
    excluded = any(folder and under(directory, folder) for path in found.root.exclude if (folder := join(root, path)))
    named = (folder for path in found.root.members if (folder := join(root, path)) is not None)
    return excluded and not any(under(directory, folder) for folder in named)


def root_of(found: Manifest | None) -> tuple[str, ...]:
    """The member patterns of a workspace's root."""
    return (found.root if found is not None else NO_ROOT).members


def matching(root: str, patterns: Iterable[str], manifests: Iterable[str]) -> Iterator[str]:
    """The folders among these manifests' that a workspace's `members` name."""
    import re

    shapes = [re.compile(shape(joined)) for pattern in patterns if (joined := join(root, pattern)) is not None]
    for path in manifests:
        folder = posixpath.dirname(path)
        if folder == root or any(shape.match(folder) for shape in shapes):
            yield folder


def shape(pattern: str) -> str:
    """A pattern of paths as a regular expression."""
    import re

    def one(found: re.Match[str]) -> str:
        word = found[0]
        if len(word) > 1 and word.startswith("["):
            return "[^" + word[2:] if word[1] == "!" else word
        return {"**": ".*", "*": "[^/]*", "?": "[^/]"}.get(word) or re.escape(word)

    try:
        shape = re.sub(r"\*\*|\*|\?|\[!?[^\]/]+\]|.", one, pattern) + r"\Z"
        re.compile(shape)
    except re.error:
        return ".*"
    return shape
