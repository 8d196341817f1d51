"""Services that a base has and the work tree has no more: nothing of them is built, and what runs of them stays."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable

from pipeline.errors import Problem
from pipeline.manifest.document import compose
from pipeline.manifest.project import Project
from pipeline.workspace.git import Repository
from pipeline.workspace.graph import shape


def removed(repo: Repository, project: Project, base: str, known: Collection[str]) -> tuple[str, ...]:
    """The names of the base's services whose manifest is gone; one that only moved is among the `known`."""
    gone = [path for path in manifests(repo, project, repo.differing(base)) if not (repo.root / path).is_file()]
    found = (_name(repo.text(base, path), path) for path in gone)
    return tuple(sorted({name for name in found if name is not None}.difference(known)))


def manifests(repo: Repository, project: Project, paths: Iterable[str]) -> list[str]:
    """Those of these paths, relative to the repository, that the project takes for manifests."""
    prefix = posixpath.relpath(project.root.as_posix(), repo.root.as_posix())
    glob = posixpath.normpath(posixpath.join(prefix, project.services_glob))
    shapes = [re.compile(shape(pattern)) for pattern in {glob, glob.replace("**/", "")}]  # `**` is also no folder
    return [path for path in sorted(paths) if any(one.match(path) for one in shapes)]


def _name(text: str | None, path: str) -> str | None:
    """What a manifest calls its service; the folder's name where it does not say."""
    if text is None:
        return None
    problems: list[Problem] = []
    node = compose(text, path, problems)
    name = node.plain().get("name") if node is not None and node.mapping is not None else None
    return name if isinstance(name, str) else posixpath.basename(posixpath.dirname(path))
