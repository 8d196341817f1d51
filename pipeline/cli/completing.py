"""What a shell completes beside verbs and options: services, environments, and ids of releases seen last.

Loaded only while a shell asks, between two key strokes: reads the project file and the names in its manifests, never
AWS, and says nothing where anything is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from pipeline.errors import CrabwalkError

Names = Callable[[], Iterable[str]]

_NAME = re.compile(r"^name:[ \t]*[\"']?([a-z][a-z0-9-]*)", re.MULTILINE)


def services() -> list[str]:
    """The names in the project's manifests."""
    from pipeline.manifest.project import find_project, load_project

    project = load_project(find_project(Path.cwd()))
    texts = (path.read_text("utf-8", "replace") for path in sorted(project.root.glob(project.services_glob)))
    return sorted({found[1] for text in texts if (found := _NAME.search(text))})


def environments() -> tuple[str, ...]:
    """What `--env` may say in the project."""
    from pipeline.manifest.project import find_project, load_project

    return load_project(find_project(Path.cwd())).environment_names


def releases() -> list[str]:
    """Those that verbs showed last on this machine, and services: `report` takes the latest of one."""
    return [*_seen("releases"), *services()]


def plans() -> list[str]:
    """The saved plans that were made last on this machine."""
    return _seen("plans")


def _seen(kind: str) -> list[str]:
    from pipeline.cli.seen import seen
    from pipeline.manifest.project import find_project

    return list(seen(find_project(Path.cwd())).get(kind, ()))


def verbs() -> tuple[str, ...]:
    """Those that `doctor` can look for."""
    from pipeline.doctor.needs import VERBS

    return tuple(VERBS)


# By the name that the verbs give a parameter.
_BY_PARAMETER: Mapping[str, Names] = {
    "service": services,
    "services": services,
    "names": services,
    "stack": services,
    "target": services,
    "env_name": environments,
    "environment": environments,
    "release": releases,
    "plan_id": plans,
    "verb": verbs,
}


def attach(command: click.Command) -> None:
    """Make the parameters of a verb complete by what is at hand."""
    for parameter in command.params:
        names = _BY_PARAMETER.get(str(parameter.name))
        if names is not None and isinstance(parameter.type, click.types.StringParamType):
            parameter.shell_complete = partial(_complete, names)  # type: ignore[method-assign]


def _complete(names: Names, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Those that fit and do not stand on the line yet."""
    try:
        found = names()
    except (CrabwalkError, OSError):
        return []
    said = {word for value in ctx.params.values() if isinstance(value, tuple) for word in value}
    return [CompletionItem(name) for name in found if name.startswith(incomplete) and name not in said]
