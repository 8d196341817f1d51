"""Puts a planned repository into its folder: all of it or nothing. Overwrites nothing; commits nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import CrabwalkError, UsageError
from pipeline.scaffold.lock import enter
from pipeline.scaffold.repository.planning import Beginning


@dataclass(frozen=True)
class Placed:
    """What came of it: the files, whether a git repository was begun, and why cargo could not settle Cargo.lock."""

    files: tuple[str, ...]
    git: bool
    unlocked: str | None


@dataclass
class _Undo:
    """What is there now and was not before, so that it can be taken away again."""

    folders: list[Path] = field(default_factory=list)
    placed: list[Path] = field(default_factory=list)

    def __call__(self) -> None:
        for path in reversed(self.placed):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for folder in reversed(self.folders):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def place(beginning: Beginning) -> Placed:
    """Write a draft beside the files to be, settle it, then link each file into its place.

    Whatever goes wrong on the way, a signal included, leaves the folder as it was.
    """
    undo = _Undo()
    try:
        _make(beginning.root, undo)
        draft = Path(tempfile.mkdtemp(prefix=".crabwalk-init.", dir=beginning.root))
        try:
            unlocked = _draft(beginning, draft)
            files = sorted(path for path in draft.rglob("*") if path.is_file() and ".git" not in path.parts)
            for file in files:
                _publish(file, beginning.root / file.relative_to(draft), undo)
            if beginning.git is None:
                (draft / ".git").rename(beginning.root / ".git")
                undo.placed.append(beginning.root / ".git")
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except BaseException as error:
        undo()
        if isinstance(error, OSError):
            where = str(error.filename or beginning.root)
            raise CrabwalkError(f"the repository cannot be written: {error.strerror}", where=where) from error
        raise
    return Placed(tuple(file.relative_to(draft).as_posix() for file in files), beginning.git is None, unlocked)


def _draft(beginning: Beginning, draft: Path) -> str | None:
    """The whole repository in a folder nobody looks into; why cargo could not settle its Cargo.lock."""
    from pipeline.manifest import schema

    for name, text in beginning.files.items():
        path = draft / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    schema.write(draft)
    unlocked = enter(draft)
    if beginning.git is None:
        _begin_git(draft)
    return unlocked


def _begin_git(draft: Path) -> None:
    try:
        done = subprocess.run(
            ("git", "init", "--quiet", "--initial-branch", "main"),
            cwd=draft,
            env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise UsageError(
            "git is not on PATH, and every release comes from a commit", hint="install git 2.28 or newer"
        ) from None
    if done.returncode:
        raise CrabwalkError(f"git could not begin a repository: {done.stderr.strip()}", where=str(draft.parent))


def _make(folder: Path, undo: _Undo) -> None:
    """Make a folder and those above it, noting which were not there."""
    for one in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        one.mkdir()
        undo.folders.append(one)


def _publish(file: Path, target: Path, undo: _Undo) -> None:
    """A hard link is there as a whole or not at all, and never takes another file's place."""
    _make(target.parent, undo)
    try:
        try:
            os.link(file, target)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            with target.open("xb") as out:
                undo.placed.append(target)
                out.write(file.read_bytes())
    except FileExistsError:  # somebody else was quicker
        raise UsageError("this exists already", where=str(target), hint="nothing was written") from None
    undo.placed.append(target)
