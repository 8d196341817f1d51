"""Manifests: YAML in, frozen typed models out, every problem of every file at once with file, line and column.

`project.py` is light (no pydantic), so importing this package must never import the models.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.errors import Problem
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Project


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: manifests have none, and it would look through all of them a hundred times."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_uncollected()
def load_services(project: Project, environment: str | None) -> tuple[Service, ...]:
    """All services sorted by name, with that environment's overlay applied; raises ManifestError."""
    from pipeline.manifest.services import load

    return load(project, environment)


@_uncollected()
def check_all(root: Path, warnings: list[Problem] | None = None) -> tuple[Project, tuple[Service, ...]]:
    """The project file and every manifest with every overlay; raises one ManifestError with all problems of all.

    What is only unwise goes to `warnings`, also when it raises.
    """
    from pipeline.errors import ManifestError
    from pipeline.manifest.project import read_project
    from pipeline.manifest.services import read_services
    from pipeline.manifest.sources import check_sources
    from pipeline.manifest.telling import check_evidence, check_failures

    problems: list[Problem] = []
    warnings = [] if warnings is None else warnings
    project = read_project(root, problems)
    services = read_services(project, None, problems, warnings) if project is not None else ()
    if project is not None:
        check_sources(project.root, services, warnings)  # of those without faults
        check_failures(project.root, services, warnings)
        check_evidence(project.root, services, problems)
    if project is None or problems:
        raise ManifestError(problems)
    return project, services
