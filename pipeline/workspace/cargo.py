"""The graph of local crates as one commit has it. Pure: Cargo.toml files come through a reader; cargo never runs.

Normal, build and target dependencies count. Dev-dependencies do not: they are not in the binary that is released.
"""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_DEPENDENCIES = ("dependencies", "build-dependencies", "build_dependencies")
# Keys of [package] that neither the compiler nor env!("CARGO_PKG_...") sees.
_UNBUILT = frozenset({"publish", "keywords", "categories", "include", "exclude"})


class Files(Protocol):
    """One commit's files."""

    def load(self, paths: Iterable[str]) -> None:
        """Announces files that are about to be asked for."""

    def toml(self, path: str) -> Mapping[str, Any] | None:
        """A parsed TOML file; None when it is absent or not TOML."""


@dataclass(frozen=True)
class Crate:
    """One local crate; directories are relative to the repository, "" is its root."""

    directory: str
    name: str
    workspace: str  # the directory of its workspace's root
    local: tuple[str, ...]  # directories of the local crates it depends on
    dependencies: frozenset[str]  # package names of all its dependencies
    inherited: frozenset[str]  # keys of workspace.dependencies it uses
    inherited_package: frozenset[str]  # keys of workspace.package it uses


@dataclass(frozen=True)
class Workspace:
    """The part of a workspace's root manifest that decides about its members' binaries."""

    directory: str
    build: Mapping[str, Any]  # profiles, patches, resolver
    dependencies: Mapping[str, Any]
    package: Mapping[str, Any]


@dataclass(frozen=True)
class Graph:
    """The local crates reached from the services, and their workspaces."""

    crates: Mapping[str, Crate]
    workspaces: Mapping[str, Workspace]

    def closure(self, directory: str) -> Mapping[str, tuple[str, ...]]:
        """Every local crate the one in `directory` is built from, with the shortest way there; itself first."""
        ways: dict[str, tuple[str, ...]] = {directory: (directory,)}
        queue = [directory]
        for here in queue:
            crate = self.crates.get(here)
            for target in crate.local if crate else ():
                if target not in ways:
                    ways[target] = (*ways[here], target)
                    queue.append(target)
        return ways


def read_graph(files: Files, directories: Iterable[str]) -> Graph:
    """Follows path dependencies from these crates."""
    reader = _Reader(files)
    level = list(dict.fromkeys(directories))
    while level:
        folders = {folder for directory in level for folder in (directory, *parents(directory))}
        files.load(posixpath.join(folder, "Cargo.toml") for folder in sorted(folders))
        crates = [crate for directory in level if (crate := reader.crate(directory)) is not None]
        targets = dict.fromkeys(target for crate in crates for target in crate.local)
        level = [target for target in targets if target not in reader.crates]
    return Graph(reader.crates, reader.workspaces)


def table(parent: Any, *keys: str) -> Mapping[str, Any]:
    """A nested table, empty where it is missing or something else."""
    for key in keys:
        parent = parent.get(key) if isinstance(parent, Mapping) else None
    return parent if isinstance(parent, Mapping) else {}


def join(directory: str, path: str) -> str | None:
    """`path` seen from `directory`; None when it leaves the repository."""
    joined = posixpath.normpath(posixpath.join(directory, path))
    if joined == ".." or joined.startswith(("../", "/")):
        return None
    return "" if joined == "." else joined


class _Reader:
    def __init__(self, files: Files) -> None:
        self._files = files
        self.crates: dict[str, Crate] = {}
        self.workspaces: dict[str, Workspace] = {}

    def crate(self, directory: str) -> Crate | None:
        """Reads a crate once; None when it was read before or is none."""
        if directory in self.crates:
            return None
        manifest = self._files.toml(posixpath.join(directory, "Cargo.toml"))
        if manifest is None:
            return None
        root = self._workspace_of(directory, manifest)
        names: set[str] = set()
        inherited: set[str] = set()
        local: dict[str, None] = {}
        for key, spec in _specs(manifest):
            base = directory
            entry = spec
            if isinstance(spec, Mapping) and spec.get("workspace") is True:
                inherited.add(key)
                base, entry = root, self.workspaces[root].dependencies.get(key)
            details = entry if isinstance(entry, Mapping) else {}
            names.add(str(details.get("package", key)))
            target = join(base, details["path"]) if isinstance(details.get("path"), str) else None
            if target is not None:
                local[target] = None
        # A patch by path can replace any crate's dependency, so it counts as everybody's.
        patches = [*table(self.workspaces[root].build, "patch").values(), table(self.workspaces[root].build, "replace")]
        for patch in patches:
            for details in patch.values() if isinstance(patch, Mapping) else ():
                path = table(details).get("path")
                target = join(root, path) if isinstance(path, str) else None
                if target is not None and target != directory:
                    local[target] = None
        package = table(manifest, "package")
        crate = Crate(
            directory=directory,
            name=str(package.get("name", posixpath.basename(directory))),
            workspace=root,
            local=tuple(local),
            dependencies=frozenset(names),
            inherited=frozenset(inherited),
            inherited_package=frozenset(
                key for key in package if key not in _UNBUILT and table(package, key).get("workspace") is True
            ),
        )
        self.crates[directory] = crate
        return crate

    def _workspace_of(self, directory: str, manifest: Mapping[str, Any]) -> str:
        named = table(manifest, "package").get("workspace")
        if isinstance(named, str) and (root := join(directory, named)) is not None:
            return self._workspace(root)
        here = directory
        while "workspace" not in (self._files.toml(posixpath.join(here, "Cargo.toml")) or {}) or (
            here != directory and self._excludes(here, directory)
        ):
            if not here:
                return self._workspace(directory)
            here = posixpath.dirname(here)
        return self._workspace(here)

    def _excludes(self, root: str, directory: str) -> bool:
        excluded = table(self._files.toml(posixpath.join(root, "Cargo.toml")), "workspace").get("exclude")
        folders = [join(root, path) for path in excluded if isinstance(path, str)] if isinstance(excluded, list) else []
        return any(under(directory, folder) for folder in folders if folder)

    def _workspace(self, directory: str) -> str:
        if directory not in self.workspaces:
            manifest = self._files.toml(posixpath.join(directory, "Cargo.toml")) or {}
            keys = ("profile", "patch", "replace")
            build = {key: manifest[key] for key in keys if key in manifest}
            build["resolver"] = table(manifest, "workspace").get("resolver")
            self.workspaces[directory] = Workspace(
                directory, build, table(manifest, "workspace", "dependencies"), table(manifest, "workspace", "package")
            )
        return directory


def _specs(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for parent in (manifest, *(part for part in table(manifest, "target").values() if isinstance(part, Mapping))):
        for kind in _DEPENDENCIES:
            yield from table(parent, kind).items()


def under(path: str, directory: str) -> bool:
    """Is `path` the directory or below it? Everything is below ""."""
    return not directory or path == directory or path.startswith(directory + "/")


def parents(path: str) -> Iterator[str]:
    """The folders above a path, the nearest first, the repository's root ("") last."""
    while path:
        path = posixpath.dirname(path)
        yield path


def parse(data: bytes | None) -> Mapping[str, Any] | None:
    """TOML as committed; None when it is absent or cannot be read."""
    if data is None:
        return None
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
