"""Where a project's manifests lie. Reads none of them; light, because `affected` looks without the typed models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.manifest.project import Project


@dataclass(frozen=True)
class Found:
    """What lies where manifests are searched, each part sorted."""

    files: tuple[Path, ...]
    unreadable: tuple[Path, ...]  # folders and links to nothing that have a manifest's name
    misnamed: tuple[Path, ...]  # with YAML's other suffix, so that nobody reads them


def manifests(project: Project) -> Found:
    """What matches the project's glob; what tools leave behind (`target`, hidden folders) is not searched."""
    found = {path for path in project.root.glob(project.services_glob) if _searched(project, path)}
    misnamed = set()
    pattern = PurePosixPath(project.services_glob)
    if not any(sign in pattern.name for sign in "*?["):
        parent = pattern.parent.as_posix()
        other = pattern.with_suffix(".yml" if pattern.suffix == ".yaml" else ".yaml").name
        for folder in [project.root] if parent == "." else project.root.glob(parent):
            if not _searched(project, folder / other):
                continue
            if (folder / pattern.name).is_symlink():
                found.add(folder / pattern.name)  # also one that leads nowhere, which a glob does not find
            if (folder / other).is_file():
                misnamed.add(folder / other)
    files = {path for path in found if path.is_file()}
    return Found(tuple(sorted(files)), tuple(sorted(found - files)), tuple(sorted(misnamed)))


def _searched(project: Project, path: Path) -> bool:
    folders = path.relative_to(project.root).parts[:-1]
    return not any(folder == "target" or folder.startswith(".") for folder in folders)
