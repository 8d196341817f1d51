"""Names everything a binary is made of by one hash. Contents and names count, places and dates do not."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipeline.build.packages import Package, Workspace

# Raise it when the way from inputs to zip changes: what was stored before is then another build.
_FORMAT = 1
_SKIPPED_FOLDERS = frozenset({"target", ".git", ".venv", ".crabwalk", ".terraform", "node_modules", "events"})
_SKIPPED_FILES = frozenset({"service.yaml", "README.md"})


def key(workspace: Workspace, package: Package, *, parameters: Mapping[str, object]) -> str:
    """The hash of one binary's inputs; `parameters` are those that lie in no file (toolchain, triple, flags, …)."""
    files = {_label(workspace.root, path): _hash(path) for path in _files(workspace, package)}
    text = json.dumps({"format": _FORMAT, "files": files, **parameters}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def outside(workspace: Workspace, package: Package, read: Iterable[Path]) -> tuple[Path, ...]:
    """Files of the work tree that a compilation read although its key does not cover them (`include_str!`)."""
    covered = set(_files(workspace, package))
    real = (path.resolve() for path in read)
    return tuple(sorted({path for path in real if path.is_relative_to(workspace.root)} - covered))


def parse_dep_info(text: str) -> tuple[Path, ...]:
    """The files after the colon in cargo's `NAME.d`, where spaces are escaped with a backslash."""
    _, _, right = text.partition(": ")
    return tuple(Path(word.replace("\0", " ")) for word in right.replace("\\ ", "\0").split())


def _files(workspace: Workspace, package: Package) -> Iterator[Path]:
    """Sources of the package and what it depends on; of its companions the manifest, whose features cargo unifies."""
    yield from (path for path in _workspace_files(workspace.root) if path.is_file())
    yield from (companion.directory / "Cargo.toml" for companion in workspace.companions(package.name))
    for local in workspace.closure(package.name):
        yield from _sources(local.directory)


def _workspace_files(root: Path) -> Iterator[Path]:
    """The lock, the profile, and every configuration file cargo would read."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    yield from (root / "Cargo.toml", root / "Cargo.lock", root / "CargoLambda.toml")
    for directory in (*(parent / ".cargo" for parent in (root, *root.parents)), home):
        yield from (directory / "config.toml", directory / "config")


def _sources(directory: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(directory):
        here = Path(folder)
        nested = here != directory and "Cargo.toml" in files
        folders[:] = [] if nested else sorted(set(folders) - _SKIPPED_FOLDERS)
        if not nested:
            yield from (here / name for name in sorted(files) if name not in _SKIPPED_FILES and (here / name).is_file())


def _label(root: Path, path: Path) -> str:
    """A name that is the same in every clone and for every user."""
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return f"outside:{path.name}"


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
