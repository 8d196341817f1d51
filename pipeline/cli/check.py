"""`crabwalk check`: the project file and all manifests with all overlays, every problem at once. Asks nobody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import Here, output_option
from pipeline.errors import ManifestError

if TYPE_CHECKING:
    from pipeline.errors import Problem
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Project
    from pipeline.report.console import Console

_WRITE = "write"
_NAMED = 5  # manifests in one line


@click.command()
@click.option(
    "--schema",
    is_flag=False,
    flag_value=_WRITE,
    metavar="[-]",
    help="Write the JSON Schemas that editors complete and check by; `-` prints the manifests' instead.",
)
@output_option
def command(schema: str | None, output: str) -> int:
    """Validate the project file and all services' manifests, with the overlays of every environment.

    Every problem of every file is named at once with its file, line and column; what is only unwise is a warning. Ends
    with 0 when all are valid, 2 when they are not. Needs neither git nor AWS.
    """
    from pipeline.manifest import check_all
    from pipeline.manifest.project import find_project

    if schema not in (None, _WRITE, "-"):
        raise click.UsageError("--schema takes nothing, or `-` for standard output.")
    console = Here(json=output == "json").console
    root = find_project(Path.cwd())
    if schema == "-":
        return _print_schema(root, console)
    schemas = _schemas(root, write=schema == _WRITE, console=console)
    warnings: list[Problem] = []
    try:
        project, services = check_all(root, warnings)
    except ManifestError as error:
        _warn(console, warnings)
        console_json(console, services=[], problems=error.problems, warnings=warnings, schemas=schemas)
        raise
    _warn(console, warnings)
    _say_valid(console, project, services)
    listed = [_listed(project, service) for service in services]
    console_json(console, services=listed, problems=(), warnings=warnings, schemas=schemas)
    return 0


def _print_schema(root: Path, console: Console) -> int:
    from pipeline.manifest.project import load_project
    from pipeline.manifest.schema_service import service_schema

    console.json(service_schema(load_project(root)))
    return 0


def _schemas(root: Path, *, write: bool, console: Console) -> dict[str, str]:
    """The schemas the project has, and whether they are what this crabwalk would write."""
    from pipeline.manifest import schema

    states = schema.write(root) if write else schema.states(root)
    for name, state in states.items():
        if write:
            console.line(f"{state} {name}")
        elif state == schema.OLD:
            console.note(f"{name} is out of date: crabwalk check --schema")
    if write:
        _say_header(root, console)
    return states


def _say_header(root: Path, console: Console) -> None:
    """Which manifests editors do not know the schema of."""
    from pipeline.manifest import schema

    lacking = schema.without_header(root)
    if lacking:
        shown, more = lacking[:_NAMED], len(lacking) - _NAMED
        names = ", ".join(f"{file} (`{line}`)" for file, line in shown) + (f" and {more} more" if more > 0 else "")
        console.note(f"editors find it by a first line, which is missing in {names}")


def _warn(console: Console, warnings: list[Problem]) -> None:
    warnings.sort()
    for warning in warnings:
        console.caution(warning)


def _say_valid(console: Console, project: Project, services: tuple[Service, ...]) -> None:
    from pipeline.manifest.project import PROJECT_FILE

    if not services:
        console.line(f"{PROJECT_FILE} is valid; no manifest matches {project.services_glob}")
        return
    count = f"{len(services)} manifest{'' if len(services) == 1 else 's'}"
    console.good(f"{PROJECT_FILE} and {count} are valid: {', '.join(service.name for service in services)}")


def console_json(console: Console, *, problems: Any, **parts: Any) -> None:
    """The result for machines, when they are who asked."""
    if console.wants_json:
        console.json({"valid": not problems, **parts, "problems": problems})


def _listed(project: Project, service: Service) -> dict[str, str]:
    return {
        "name": service.name,
        "file": service.file.relative_to(project.root).as_posix(),
        "kind": service.kind,
        "package": service.package,
        "stack": service.stack,
    }
