"""Puts a planned service into its place: all of its files or none. Overwrites nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pipeline.errors import CrabwalkError, UsageError
from pipeline.scaffold.plan import Scaffold

_FORMAT_SECONDS = 20


def write(scaffold: Scaffold) -> None:
    """Write into a hidden folder beside the target, then rename; whatever goes wrong leaves no trace."""
    target = scaffold.root / scaffold.folder
    made = _missing(target.parent)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{scaffold.service}.", dir=target.parent))
        try:
            for path, text in scaffold.files.items():
                (draft / path).parent.mkdir(parents=True, exist_ok=True)
                (draft / path).write_text(text, "utf-8")
            _format(scaffold, draft)
            draft.chmod(0o777 & ~_umask())
            if os.path.lexists(target):  # somebody else was quicker
                raise UsageError(f"{scaffold.folder} exists already", hint="choose another name")
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise CrabwalkError(f"{scaffold.folder} cannot be written: {error.strerror}", where=str(target)) from error
    finally:
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _missing(folder: Path) -> tuple[Path, ...]:
    """The folders that have to be made for it, the innermost first."""
    return tuple(one for one in (folder, *folder.parents) if not one.exists())


def _format(scaffold: Scaffold, draft: Path) -> None:
    """As the repository's rustfmt.toml wants it; without rustfmt the files are valid all the same."""
    sources = [str(draft / path) for path in scaffold.files if path.endswith("main.rs")]
    command = ("rustfmt", "--quiet", "--edition", scaffold.edition, *sources)
    try:
        subprocess.run(command, cwd=draft, capture_output=True, timeout=_FORMAT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
