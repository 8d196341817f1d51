"""Names everything a binary is made of by one hash. Contents and names count, places and dates do not."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.build.packages import Workspace
from pipeline.build.tools import cargo_home

# Raise it when the way from inputs to zip changes: what was stored before is then another build.
_FORMAT = 2
_SKIPPED_FOLDERS = frozenset({".git", ".venv", ".crabwalk", ".terraform", "node_modules"})
# Directly in a crate's folder only: deeper they may be modules of the crate.
_SKIPPED_BESIDE = frozenset({"target", "events", "hooks"})
_SKIPPED_FILES = frozenset({"service.yaml", "README.md"})


class Inputs:
    """The inputs of a workspace's binaries; each file is read once however many binaries are made of it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._shared = tuple(path for path in _workspace_files(workspace.root) if path.is_file())
        self._folders: dict[Path, tuple[Path, ...]] = {}
        self._hashes: dict[Path, tuple[str, str]] = {}

    def key(self, package: str, declared: Sequence[str], parameters: Mapping[str, object]) -> str:
        """The hash of one binary's inputs; `parameters` are those that lie in no file (toolchain, platform, flags, …).

        `declared` are the files and folders outside packages that the manifest names.
        """
        files = dict(map(self._hashed, self._files(package, declared)))
        unified = {one.name: one.unifying for one in self._workspace.companions(package)}
        text = json.dumps({"format": _FORMAT, "files": files, "unified": unified, **parameters}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def outside(self, package: str, declared: Sequence[str], read: Iterable[Path]) -> tuple[Path, ...]:
        """Files of the work tree that a compilation read although its key does not cover them (`include_str!`)."""
        covered = {path.resolve() for path in self._files(package, declared)}
        real = (path.resolve() for path in read)
        return tuple(sorted({path for path in real if path.is_relative_to(self._workspace.root)} - covered))

    def _files(self, package: str, declared: Sequence[str]) -> Iterator[Path]:
        """Sources of the package and of what it depends on, and what is declared."""
        yield from self._shared
        for local in self._workspace.closure(package):
            if local.directory not in self._folders:
                self._folders[local.directory] = tuple(_sources(local.directory))
            yield from self._folders[local.directory]
        for name in declared:
            yield from _declared(self._workspace.root / name)

    def _hashed(self, path: Path) -> tuple[str, str]:
        """A file's name, the same in every clone and for every user, and the hash of its content."""
        if path not in self._hashes:
            root = self._workspace.root
            label = path.relative_to(root).as_posix() if path.is_relative_to(root) else f"outside:{path.name}"
            self._hashes[path] = (label, hashlib.sha256(path.read_bytes()).hexdigest())
        return self._hashes[path]


def parse_dep_info(text: str) -> tuple[Path, ...]:
    """The files after the colon in cargo's `NAME.d`, where spaces are escaped with a backslash."""
    _, _, right = text.partition(": ")
    return tuple(Path(word.replace("\0", " ")) for word in right.replace("\\ ", "\0").split())


def _workspace_files(root: Path) -> Iterator[Path]:
    """The lock, the profile, and every configuration file cargo would read."""
    home = cargo_home(os.environ)
    yield from (root / "Cargo.toml", root / "Cargo.lock", root / "CargoLambda.toml")
    for directory in (*(parent / ".cargo" for parent in (root, *root.parents)), home):
        yield from (directory / "config.toml", directory / "config")


def _sources(directory: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(directory):
        here = Path(folder)
        nested = here != directory and "Cargo.toml" in files
        skipped = _SKIPPED_FOLDERS | (_SKIPPED_BESIDE if here == directory else frozenset())
        folders[:] = [] if nested else sorted(set(folders) - skipped)
        if not nested:
            yield from (here / name for name in sorted(files) if name not in _SKIPPED_FILES and (here / name).is_file())


def _declared(path: Path) -> Iterator[Path]:
    """A file, or all files of a folder."""
    if path.is_file():
        yield path
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(set(folders) - {".git"})
        yield from (Path(folder, name) for name in sorted(files))
