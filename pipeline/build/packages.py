"""The workspace's own packages and how they depend on each other, from their Cargo.toml files. Never runs cargo."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.errors import BuildError
from pipeline.workspace.cargo import table as _table

Table = Mapping[str, Any]
Asked = tuple[frozenset[str], bool]  # features, and whether the default ones are among them


@dataclass(frozen=True, order=True)
class Dependency:
    """A path dependency, with the features that are asked of it."""

    directory: Path
    features: tuple[str, ...]
    default_features: bool


@dataclass(frozen=True)
class Package:
    """One package of the workspace."""

    name: str
    directory: Path
    binaries: frozenset[str]
    dependencies: tuple[Dependency, ...]
    rust_version: tuple[int, ...] = ()
    unifying: str = ""  # what of its manifest decides the features of packages that others use too


@dataclass(frozen=True)
class Workspace:
    """All packages under a root Cargo.toml, by name."""

    root: Path
    packages: Mapping[str, Package]
    patches: tuple[Path, ...] = field(default=())  # [patch] entries with a path concern every package

    def package(self, name: str) -> Package:
        if name not in self.packages:
            known = ", ".join(sorted(self.packages)) or "none"
            raise BuildError(
                f"the workspace has no package `{name}`",
                where=str(self.root / "Cargo.toml"),
                hint=f"there are: {known}",
            )
        return self.packages[name]

    def closure(self, name: str) -> tuple[Package, ...]:
        """A package and all packages of the workspace it depends on, sorted by name."""
        found: dict[Path, Package] = {}
        waiting = [self.package(name).directory, *self.patches]
        while waiting:
            directory = waiting.pop()
            package = self._by_directory.get(directory)
            if package and directory not in found:
                found[directory] = package
                waiting.extend(dependency.directory for dependency in package.dependencies)
        return tuple(sorted(found.values(), key=lambda package: package.name))

    def companions(self, name: str) -> tuple[Package, ...]:
        """The packages with binaries that are always selected together with this one.

        cargo unifies features over all selected packages. Selecting always these makes a binary independent of which
        others are built with it; and since they never ask different features of a package of the workspace, what one
        service switches on there (an AWS SDK) stays out of a service that does not.
        """
        group = next((group for group in self._groups if any(package.name == name for package in group)), ())
        return tuple(group) or (self.package(name),)

    def unlike(self, name: str, others: Iterable[str]) -> tuple[str, ...]:
        """The packages of the workspace of which this one asks other features than one of the others does."""
        mine, theirs = self._asked(name), [self._asked(other) for other in others]
        unlike = {path for asked in theirs for path, one in asked.items() if mine.get(path, one) != one}
        return tuple(sorted(self._by_directory[path].name for path in unlike if path in self._by_directory))

    def rust_version(self, names: Iterable[str]) -> tuple[int, ...]:
        """The oldest compiler that these packages and those they depend on allow; empty when they do not say."""
        return max((package.rust_version for name in names for package in self.closure(name)), default=())

    @cached_property
    def _groups(self) -> Sequence[Sequence[Package]]:
        """All packages with binaries, in as few groups as a first fit by name finds."""
        groups: list[tuple[dict[Path, Asked], list[Package]]] = []
        for name in sorted(self.packages):
            package, asked = self.packages[name], self._asked(name)
            if not package.binaries:
                continue
            fitting = (group for group in groups if all(group[0].get(path, one) == one for path, one in asked.items()))
            known, members = next(fitting, ({}, []))
            if not members:
                groups.append((known, members))
            known.update(asked)
            members.append(package)
        return [members for _, members in groups]

    def _asked(self, name: str) -> dict[Path, Asked]:
        """The features that a package and what it depends on ask of packages of the workspace."""
        found: dict[Path, Asked] = {}
        for package in self.closure(name):
            for dependency in package.dependencies:
                features, default = found.get(dependency.directory, (frozenset[str](), False))
                both = (features | set(dependency.features), default or dependency.default_features)
                found[dependency.directory] = both
        return found

    @cached_property
    def _by_directory(self) -> Mapping[Path, Package]:
        return {package.directory: package for package in self.packages.values()}


def read_workspace(root: Path) -> Workspace:
    """Reads the root Cargo.toml, the members and what they reach by path."""
    root = root.resolve()
    top = _toml(root)
    workspace = _table(top, "workspace")
    inherited = {name: _spec(spec, root) for name, spec in _table(workspace, "dependencies").items()}
    shared = _table(workspace, "package").get("rust-version")
    patches = [
        (root / spec["path"]).resolve()
        for table in _table(top, "patch").values()
        for spec in table.values()
        if isinstance(spec, dict) and "path" in spec
    ]
    excluded = {(root / path).resolve() for path in workspace.get("exclude", ())}
    members = {root} if "package" in top else set()
    for pattern in workspace.get("members", ()):
        members.update(path.parent.resolve() for path in root.glob(f"{pattern}/Cargo.toml"))
    waiting, seen, packages = sorted(members - excluded) + patches, set[Path](), dict[str, Package]()
    while waiting:
        directory = waiting.pop()
        if directory in seen:
            continue
        seen.add(directory)
        package = _package(directory, top if directory == root else _toml(directory), inherited, shared)
        packages[package.name] = package
        waiting.extend(dependency.directory for dependency in package.dependencies)
    return Workspace(root, packages, tuple(sorted(patches)))


def _package(directory: Path, manifest: Table, inherited: Mapping[str, Table], rust_version: Any) -> Package:
    package = _table(manifest, "package")
    name = package.get("name")
    if not isinstance(name, str):
        raise BuildError("declares no package", where=str(directory / "Cargo.toml"))
    said = package.get("rust-version")
    return Package(
        name,
        directory,
        frozenset(_binaries(directory, manifest, name)),
        _dependencies(directory, manifest, inherited),
        _release(rust_version if isinstance(said, dict) else said),
        _unifying(manifest),
    )


def _unifying(manifest: Table) -> str:
    """Dependencies and features of a manifest, without those only tests need."""
    named = ("dependencies", "build-dependencies", "features")
    targets = {
        condition: {name: table[name] for name in named if name in table}
        for condition, table in _table(manifest, "target").items()
        if isinstance(table, dict)
    }
    found = {**{name: manifest[name] for name in named if name in manifest}, "target": targets}
    return json.dumps(found, sort_keys=True, default=str)


def _release(said: Any) -> tuple[int, ...]:
    """`1.85` as numbers; what is no version says nothing."""
    parts = said.split(".") if isinstance(said, str) else []
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _dependencies(directory: Path, manifest: Table, inherited: Mapping[str, Table]) -> tuple[Dependency, ...]:
    """Path dependencies of the build, those of every platform included; what only tests need is left out."""
    found = set()
    for table in (manifest, *_table(manifest, "target").values()):
        for kind in ("dependencies", "build-dependencies"):
            for name, written in _table(table, kind).items():
                spec = _spec(written, directory)
                if spec.get("workspace"):
                    base = inherited.get(name, {})
                    features = [*base.get("features", ()), *spec.get("features", ())]
                    spec = {"default-features": spec.get("default-features", True), **base, "features": features}
                if "path" in spec:
                    features = sorted(set(spec.get("features", ())))
                    found.add(Dependency(spec["path"], tuple(features), bool(spec.get("default-features", True))))
    return tuple(sorted(found))


def _spec(written: Any, directory: Path) -> Table:
    """A dependency as a table, its path absolute."""
    if not isinstance(written, dict):
        return {}
    return {**written, "path": Path(os.path.normpath(directory / written["path"]))} if "path" in written else written


def _binaries(directory: Path, manifest: Table, name: str) -> Iterator[str]:
    declared = manifest.get("bin", ())
    yield from (entry["name"] for entry in declared if isinstance(entry, dict) and "name" in entry)
    if _table(manifest, "package").get("autobins", True):
        if (directory / "src" / "main.rs").is_file():
            yield name
        yield from (path.stem for path in directory.glob("src/bin/*.rs"))
        yield from (path.parent.name for path in directory.glob("src/bin/*/main.rs"))


def _toml(directory: Path) -> Table:
    file = directory / "Cargo.toml"
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise BuildError("there is no Cargo.toml", where=str(directory)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BuildError(f"cannot be read as TOML: {error}", where=str(file)) from None
