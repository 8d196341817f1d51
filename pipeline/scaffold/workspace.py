"""The workspace a service is to join, as its Cargo.toml files say. Reads TOML; never writes it, never runs cargo."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.errors import UsageError
from pipeline.workspace.cargo import table as _table

SHARED = "rust_shared"
# What the templates call of a workspace's own rust_shared; one that lacks it is somebody else's.
_SHARED_CALLS = (
    ("http", "pub async fn run"),
    ("telemetry", "pub fn init"),
    ("telemetry", "pub fn outcomes(context"),
)


@dataclass(frozen=True)
class Workspace:
    """What a new member takes from the workspace, and what stands in its way."""

    members: tuple[str, ...]
    exclude: tuple[str, ...]
    package: frozenset[str]  # the keys of [workspace.package]
    dependencies: Mapping[str, frozenset[str]]  # of [workspace.dependencies], with their features
    lints: bool
    edition: str
    packages: Mapping[str, str]  # names of the members' packages, and where they lie
    shared: bool

    def covers(self, folder: PurePosixPath) -> bool:
        """Whether cargo takes a package in `folder` for a member."""
        if any(folder.is_relative_to(excluded) for excluded in self.exclude):
            return False
        return any(_matches(PurePosixPath(pattern).parts, folder.parts) for pattern in self.members)


def read_workspace(root: Path, pattern: str) -> Workspace:
    """The workspace at `root`; UsageError with what to write when there is none. `pattern` is for that sentence."""
    file = root / "Cargo.toml"
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(
            "there is no Cargo.toml: a service is a member of a cargo workspace", where=str(root), hint=_write(pattern)
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"Cargo.toml cannot be read: {error}", where=str(file)) from error
    table = document.get("workspace")
    if not isinstance(table, dict):
        raise UsageError("Cargo.toml has no [workspace]", where=str(file), hint=_write(pattern))
    dependencies = _table(table, "dependencies")
    package = _table(table, "package")
    members = _texts(table.get("members"))
    return Workspace(
        members=members,
        exclude=_texts(table.get("exclude")),
        package=frozenset(package),
        dependencies={name: _features(spec) for name, spec in dependencies.items()},
        lints=bool(_table(table, "lints")),
        edition=str(package.get("edition", "2024")),
        packages=_packages(root, document, members),
        shared=_is_shared(root, dependencies.get(SHARED)),
    )


def _write(pattern: str) -> str:
    return f'write into it:\n[workspace]\nresolver = "3"\nmembers = ["{pattern}"]'


def _packages(root: Path, document: Mapping[str, Any], members: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    _name(document, ".", found)
    for member in members:
        for file in sorted(root.glob(f"{member}/Cargo.toml")):
            try:
                manifest = tomllib.loads(file.read_text("utf-8"))
            except (OSError, ValueError, RecursionError):
                continue  # its own build says so
            _name(manifest, file.parent.relative_to(root).as_posix(), found)
    return found


def _name(document: Mapping[str, Any], folder: str, found: dict[str, str]) -> None:
    name = _table(document, "package").get("name")
    if isinstance(name, str):
        found[name] = folder


def _is_shared(root: Path, spec: object) -> bool:
    path = spec.get("path") if isinstance(spec, dict) else None
    if not isinstance(path, str):
        return False
    sources = root / path / "src"
    return all(call in _module(sources, module) for module, call in _SHARED_CALLS)


def _module(sources: Path, name: str) -> str:
    """What a module says, in a file or in a folder of them."""
    files = [sources / f"{name}.rs", *sorted((sources / name).rglob("*.rs"))]
    return "\n".join(file.read_text("utf-8", errors="replace") for file in files if file.is_file())


def _matches(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _matches(pattern[1:], parts) or (bool(parts) and _matches(pattern, parts[1:]))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(pattern[1:], parts[1:])


def _texts(value: object) -> tuple[str, ...]:
    return tuple(part for part in value if isinstance(part, str)) if isinstance(value, list) else ()


def _features(spec: object) -> frozenset[str]:
    return frozenset(_texts(spec.get("features"))) if isinstance(spec, dict) else frozenset()
