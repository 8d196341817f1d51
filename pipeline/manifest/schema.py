"""The files with the JSON Schemas by which editors complete and check: where they lie, whether they are current.

A manifest's depends on the project, which says what environments its overlays may name.
"""

from __future__ import annotations

import json
import posixpath
from pathlib import Path, PurePosixPath

from pipeline.manifest.project import Project, read_project
from pipeline.manifest.schema_of import Schema
from pipeline.manifest.schema_project import project_schema
from pipeline.manifest.schema_service import service_schema

SERVICE_SCHEMA = "service.schema.json"
PROJECT_SCHEMA = "crabwalk.schema.json"
NEW, CURRENT, OLD = "written", "current", "out of date"
_HEADER = "yaml-language-server: $schema="
_WILD = frozenset("*?[")


def service_schema_path(project: Project) -> str:
    """Where the manifests' schema lies: in the folder they are searched below."""
    folders = PurePosixPath(project.services_glob).parts[:-1]
    wild = next((index for index, part in enumerate(folders) if _WILD & set(part)), len(folders))
    return PurePosixPath(*folders[:wild], SERVICE_SCHEMA).as_posix()


def states(root: Path) -> dict[str, str]:
    """The schemas the project has by path, each `current` or `out of date`."""
    project = read_project(root, [])
    if project is None:
        return {}
    known = {service_schema_path(project): lambda: service_schema(project), PROJECT_SCHEMA: project_schema}
    return {
        name: CURRENT if _read(project.root / name) == _text(schema()) else OLD
        for name, schema in known.items()
        if (project.root / name).is_file()
    }


def write(root: Path) -> dict[str, str]:
    """Writes both schemas where they differ; each path with `written` or `current`."""
    project = read_project(root, [])
    if project is None:
        return {}
    done = {}
    for name, schema in ((service_schema_path(project), service_schema(project)), (PROJECT_SCHEMA, project_schema())):
        path, text = project.root / name, _text(schema)
        done[name] = CURRENT if _read(path) == text else NEW
        if done[name] == NEW:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return done


def without_header(root: Path) -> list[tuple[str, str]]:
    """The manifests in which editors find no schema, each with the first line that it lacks."""
    project = read_project(root, [])
    if project is None:
        return []
    schema, found = service_schema_path(project), []
    for path in sorted(project.root.glob(project.services_glob)):
        text = _read(path) if path.is_file() else None
        if text is not None and _HEADER not in text:
            file = path.relative_to(project.root)
            up = posixpath.relpath(schema, file.parent.as_posix())
            found.append((file.as_posix(), f"# {_HEADER}{up}"))
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
