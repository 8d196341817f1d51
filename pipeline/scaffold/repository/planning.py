"""Decides what a new repository is made of, or refuses. Reads the folder and what is carried; changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.carried import carried
from pipeline.errors import CrabwalkError, UsageError
from pipeline.manifest.environments import NAME, NAME_RULE
from pipeline.manifest.project import PROJECT_FILE, find_project
from pipeline.scaffold.repository import ci, texts
from pipeline.scaffold.repository.cargo import lock, manifest
from pipeline.scaffold.workspace import SHARED

CI = ci.SYSTEMS
# A hosting service may have begun the repository with these; they are nobody's to overwrite, and nothing needs them.
_MAY_STAND = ("README.md", ".gitignore")
_COPIED = ("clippy.toml", "deny.toml", "rustfmt.toml")
_SHOWN = 5


@dataclass(frozen=True)
class Beginning:
    """A repository to be: its folder, its files by their paths, and which of them stand there already and stay."""

    root: Path
    project: str
    ci: str
    files: Mapping[str, str]
    kept: tuple[str, ...]
    git: Path | None  # the top of the git repository around it; None = it will be one itself


def plan(directory: Path, name: str | None, system: str) -> Beginning:
    """The whole of the new repository; raises UsageError for whatever is in its way."""
    try:
        return _plan(directory.resolve(), name, system)
    except OSError as error:
        where = str(error.filename or directory)
        raise CrabwalkError(f"the folder cannot be looked at: {error.strerror}", where=where) from error


def _plan(root: Path, name: str | None, system: str) -> Beginning:
    if root.exists() and not root.is_dir():
        raise UsageError("this is a file", where=str(root), hint="name a folder, which need not be there yet")
    _check_alone(root)
    project = _name(root, name)
    git = _git(root)
    if system != "none" and git not in {None, root}:
        raise UsageError(
            f"{ci.NAMES[system]} reads its files only at the top of the repository, which is {git}",
            where=str(root),
            hint="--ci none here, or the same again at the top",
        )
    files = _files(project, system)
    kept = tuple(path for path in _MAY_STAND if os.path.lexists(root / path))
    files = {path: text for path, text in files.items() if path not in kept}
    _check_free(root, files)
    return Beginning(root, project, system, files, kept, git)


def _files(project: str, system: str) -> dict[str, str]:
    source = carried()
    shared = sorted(path for path in (source / SHARED).rglob("*") if path.is_file() and "target" not in path.parts)
    copied = {path.relative_to(source).as_posix(): path.read_text("utf-8") for path in shared}
    copied[f"{SHARED}/Cargo.toml"] = manifest(copied[f"{SHARED}/Cargo.toml"])
    return {
        PROJECT_FILE: texts.project_file(project),
        ".gitignore": texts.IGNORED,
        "README.md": texts.readme(project, system),
        "Cargo.toml": manifest((source / "Cargo.toml").read_text("utf-8")),
        "Cargo.lock": lock((source / "Cargo.lock").read_text("utf-8"), SHARED),
        **{name: (source / name).read_text("utf-8") for name in _COPIED},
        **copied,
        **ci.files(source, system),
    }


def _check_alone(root: Path) -> None:
    try:
        above = find_project(root)
    except UsageError:
        return
    if above == root:
        raise UsageError(f"there is a {PROJECT_FILE} already", where=str(root), hint="crabwalk new NAME --kind http")
    raise UsageError(
        "this lies inside of another project, which would not see its services",
        where=str(above / PROJECT_FILE),
        hint="begin it in a folder of its own, or add services to that one: crabwalk new NAME --kind http",
    )


def _check_free(root: Path, files: Mapping[str, str]) -> None:
    """Nothing is overwritten; a folder that is to hold new files only may be there."""
    there = [path for path in files if os.path.lexists(root / path) or _is_file(root, path)]
    if not there:
        return
    shown = ", ".join(there[:_SHOWN]) + (f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else "")
    hint = "nothing was written; move them away, or name another folder"
    if "Cargo.toml" in there:
        hint += f"; to bring a workspace of your own, write a {PROJECT_FILE} with `crabwalk: 1` and `project: NAME`"
    raise UsageError(f"{shown} would be overwritten", where=str(root), hint=hint)


def _is_file(root: Path, path: str) -> bool:
    """Whether a file stands where the path needs a folder."""
    return any((root / parent).is_file() for parent in Path(path).parents)


def _name(root: Path, name: str | None) -> str:
    chosen = name if name is not None else re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-")
    if NAME.match(chosen):
        return chosen
    what = f"`{chosen}` is not a project name" if name is not None else f"the folder `{root.name}` names no project"
    raise UsageError(what, hint=f"--name NAME: {NAME_RULE}")


def _git(root: Path) -> Path | None:
    """The top of the work tree around the folder, which may not be there yet."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
