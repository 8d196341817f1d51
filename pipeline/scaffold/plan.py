"""Decides where a new service goes and what it is made of, or refuses. Reads the project; changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.errors import UsageError
from pipeline.manifest.document import read_document
from pipeline.manifest.project import MAX_FUNCTION_NAME, PROJECT_FILE, Project
from pipeline.scaffold.advice import next_steps
from pipeline.scaffold.kinds import CRATES
from pipeline.scaffold.render import render
from pipeline.scaffold.workspace import Workspace, read_workspace

_SCHEMA = "service.schema.json"
# Rust's keywords, then what cargo refuses: the standard library's crates and its own folders.
_RESERVED = re.compile(
    "abstract|as|async|await|become|box|break|const|continue|crate|do|dyn|else|enum|extern|false|final|fn|for|gen|if|"
    "impl|in|let|loop|macro|match|mod|move|mut|override|priv|pub|ref|return|self|static|struct|super|trait|true|try|"
    "type|typeof|unsafe|unsized|use|virtual|where|while|yield|"
    "alloc|core|proc-macro|std|test|build|deps|examples|incremental"
)
_CRATES = frozenset(crate.replace("_", "-") for crate in CRATES)


@dataclass(frozen=True)
class Scaffold:
    """A service to be: its folder below the project's root, its files, and what to do once they are there."""

    service: str
    kind: str
    root: Path
    folder: PurePosixPath
    files: Mapping[str, str]
    edition: str
    next: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The files as seen from the project's root."""
        return tuple((self.folder / path).as_posix() for path in self.files)


def plan(project: Project, name: str, kind: str) -> Scaffold:
    """The whole of the new service; raises UsageError for whatever would make it wrong."""
    _check_name(project, name)
    folder, manifest = place(project.services_glob, name)
    pattern = (folder.parent / "*").as_posix()
    workspace = read_workspace(project.root, pattern)
    _check_free(project, name, folder, workspace)
    if not workspace.covers(folder):
        raise UsageError(
            f"no member of the workspace covers {folder}",
            where=str(project.root / "Cargo.toml"),
            hint=f'add "{pattern}" to its `members`, then the same again',
        )
    schema = _schema(project.root, folder)
    files = render(name, kind, workspace, schema)
    named = {manifest if path == "service.yaml" else path: text for path, text in files.items()}
    steps = next_steps(project.root, name, files["service.yaml"], schema=schema is not None)
    return Scaffold(name, kind, project.root, folder, named, workspace.edition, steps)


def place(glob: str, name: str) -> tuple[PurePosixPath, str]:
    """The folder that `services:` leaves for a service of that name, and the manifest's file name in it."""
    *folders, file = PurePosixPath(glob).parts
    open_parts = [index for index, part in enumerate(folders) if _is_open(part)]
    plain = not any(character in glob for character in "?[")
    if len(open_parts) != 1 or not plain or folders[open_parts[0]].count("*") not in {1, len(folders[open_parts[0]])}:
        raise UsageError(
            f"`services: {glob}` does not tell where a new service goes",
            where=PROJECT_FILE,
            hint="it does with one `*` for the service's folder, for example `services/*/service.yaml`",
        )
    index = open_parts[0]
    folders[index] = name if folders[index] == "**" else folders[index].replace("*", name)
    return PurePosixPath(*folders), "service.yaml" if _is_open(file) else file


def _is_open(part: str) -> bool:
    return "*" in part


def _check_name(project: Project, name: str) -> None:
    from pydantic import ValidationError

    from pipeline.manifest.models import Manifest

    try:
        Manifest.model_validate({"name": name})
    except ValidationError as error:
        found = next((one for one in error.errors() if one["loc"][:1] == ("name",)), None)
        if found is not None:
            ctx = found.get("ctx", {})
            raise UsageError(str(ctx.get("what", found["msg"])), hint=str(ctx.get("instead", "")) or None) from None
    if _RESERVED.fullmatch(name) or name in _CRATES:
        raise UsageError(
            f"`{name}` cannot be a package: Rust, cargo or a crate it needs is called that", hint="choose another name"
        )
    function = project.function_name(max(project.environment_names, key=len), name)
    if len(function) > MAX_FUNCTION_NAME:
        raise UsageError(
            f"the function's name `{function}` would take {len(function)} characters",
            hint=f"Lambda takes {MAX_FUNCTION_NAME}: shorten it by {len(function) - MAX_FUNCTION_NAME}",
        )


def _check_free(project: Project, name: str, folder: PurePosixPath, workspace: Workspace) -> None:
    if os.path.lexists(project.root / folder):
        raise UsageError(f"{folder} exists already", hint="choose another name, or move it out of the way")
    for file in sorted(project.root.glob(project.services_glob)):
        document = read_document(file, file.name, [])
        written = document.mapping.get("name") if document is not None and document.mapping else None
        if written is not None and written.value == name:
            raise UsageError(f"the name `{name}` is taken", where=file.relative_to(project.root).as_posix())
    if name in workspace.packages:
        raise UsageError(f"the workspace has a package `{name}`", where=f"{workspace.packages[name]}/Cargo.toml")


def _schema(root: Path, folder: PurePosixPath) -> str | None:
    """The way from the service's folder to the schema that `check --schema` writes, where it lies."""
    for above in folder.parents:
        if (root / above / _SCHEMA).is_file():
            return os.path.relpath(root / above / _SCHEMA, root / folder)
    return None
