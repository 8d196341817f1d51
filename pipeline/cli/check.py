"""`crabwalk check`: the project file and all manifests with all overlays, every problem at once. Asks nobody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, output_option
from pipeline.errors import ManifestError

if TYPE_CHECKING:
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Project


@click.command()
@output_option
def command(output: str) -> int:
    """Validate the project file and all services' manifests, with the overlays of every environment.

    Every problem of every file is named at once with its file, line and column. Ends with 0 when all are valid, 2 when
    they are not. Needs neither git nor AWS.
    """
    from pipeline.manifest import check_all
    from pipeline.manifest.project import PROJECT_FILE, find_project

    console = Here(json=output == "json").console
    root = find_project(Path.cwd())
    try:
        project, services = check_all(root)
    except ManifestError as error:
        if output == "json":
            console.json({"valid": False, "services": [], "problems": error.problems})
        raise
    if not services:
        console.line(f"{PROJECT_FILE} is valid; no manifest matches {project.services_glob}")
    else:
        count = f"{len(services)} manifest{'' if len(services) == 1 else 's'}"
        console.good(f"{PROJECT_FILE} and {count} are valid: {', '.join(service.name for service in services)}")
    if output == "json":
        listed = [_listed(project, service) for service in services]
        console.json({"valid": True, "services": listed, "problems": []})
    return 0


def _listed(project: Project, service: Service) -> dict[str, str]:
    return {
        "name": service.name,
        "file": service.file.relative_to(project.root).as_posix(),
        "package": service.package,
        "stack": service.stack,
    }
