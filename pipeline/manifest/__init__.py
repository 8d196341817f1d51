"""Manifests: YAML in, frozen typed models out, every problem of every file at once with file, line and column.

`project.py` is light (no pydantic), so importing this package must never import the models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Project


def load_services(project: Project, environment: str | None) -> tuple[Service, ...]:
    """All services sorted by name, with that environment's overlay applied; raises ManifestError."""
    from pipeline.manifest.services import load

    return load(project, environment)
