"""git's faults as what a person reads: a UsageError with git's own words, and what to do where that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.workspace.plumbing import GitFault

_NO_COMMIT = {"unknown revision", "ambiguous argument", "bad revision"}


def not_opened(fault: GitFault, path: Path) -> UsageError:
    """What keeps the repository around `path` from being opened."""
    if fault.code == 127:
        return UsageError(fault.said, hint="apt install git")
    if "dubious ownership" in fault.said:
        return refused(fault.said, _top(path))
    if "must be run in a work tree" in fault.said:
        return UsageError(f"{path} is a bare git repository", hint="clone it and run there")
    if "not a git repository" in fault.said:
        return UsageError(f"{path} is not in a git repository", hint="git init, or change to the clone")
    if any(message in fault.said for message in _NO_COMMIT):
        return UsageError(f"the repository {_top(path)} has no commit yet", hint="commit something first")
    return refused(fault.said, path)


def _top(path: Path) -> Path:
    return next((folder for folder in (path, *path.parents) if (folder / ".git").exists()), path).resolve()


def words_of(error: Any) -> str:
    """What git said, out of GitPython's GitCommandError."""
    text = str(error.stderr or error)
    return text.strip().removeprefix("stderr:").strip().strip("'").strip()


def refused(said: str, root: Path) -> UsageError:
    """What git said in the repository at `root`: its first line."""
    if "dubious ownership" in said:
        hint = f"git config --global --add safe.directory {root}"
        return UsageError(f"git refuses {root}: it belongs to another user", hint=hint)
    first = said.splitlines()[0] if said else "git failed"
    return UsageError(f"git: {first.removeprefix('fatal: ')}", where=str(root))
