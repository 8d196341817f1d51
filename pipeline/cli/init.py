"""`crabwalk init`: a repository from nothing, in which a first service can be made and deployed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, output_option

if TYPE_CHECKING:
    from pipeline.scaffold.repository import Beginning, Placed


@click.command()
@click.argument("directory", default=".", type=click.Path(path_type=Path), metavar="[DIRECTORY]")
@click.option("--name", metavar="NAME", help="The project's name. Default: the folder's.")
@click.option(
    "--ci",
    "system",
    type=click.Choice(("github", "gitlab", "buildkite", "none")),
    default="github",
    show_default=True,
    help="Whose pipeline files are written, too.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be written.")
@output_option
def command(directory: Path, name: str | None, system: str, *, dry_run: bool, output: str) -> int:
    """Begin a repository in DIRECTORY (here, without it): project file, Cargo workspace, rust_shared, CI files.

    Works in an empty folder, in one that is not there yet, and in a git repository that exists. A file that exists is
    never changed: README.md and .gitignore stay as they are, any other is a reason to refuse. Where there is no git
    repository, one is begun with the branch main; nothing is committed. Either everything is written or nothing.
    """
    from pipeline.scaffold.repository import place, plan

    here = Here(json=output == "json")
    beginning = plan(directory, name, system)
    placed = None if dry_run else place(beginning)
    files = placed.files if placed else tuple(sorted(beginning.files))
    steps = _next(beginning, placed, directory)
    if output == "json":
        here.console.json(
            {
                "project": beginning.project,
                "directory": str(beginning.root),
                "ci": system,
                "files": files,
                "kept": beginning.kept,
                "git": "begun" if beginning.git is None else "there",
                "written": not dry_run,
                "next": steps,
            }
        )
        return 0
    _show(here, beginning, files, written=not dry_run)
    for step in steps:
        here.console.line(f"next: {step}")
    return 0


def _show(here: Here, beginning: Beginning, files: tuple[str, ...], *, written: bool) -> None:
    verb = "began" if written else "would begin"
    here.console.title(f"{verb} {beginning.root}, the project {beginning.project}")
    for line in _summary(files):
        here.console.line(f"  {line}")
    for path in beginning.kept:
        here.console.line(f"  {path} was there and stays as it is")
    if beginning.git is None:
        here.console.line(f"  a git repository{'' if written else ', too'}, with nothing committed")


def _summary(files: tuple[str, ...]) -> list[str]:
    """Files one a line; of a folder of many only how many."""
    found: dict[str, list[str]] = {}
    for file in files:
        top = file.split("/", 1)[0] if file.startswith("rust_shared/") else file
        found.setdefault(top, []).append(file)
    return [top if inside == [top] else f"{top}/ ({len(inside)} files)" for top, inside in found.items()]


def _next(beginning: Beginning, placed: Placed | None, directory: Path) -> list[str]:
    """What to type now; nothing is advised that was not written."""
    if placed is None:
        return []
    steps = [] if beginning.root == Path.cwd() else [f"cd {directory}"]
    if ".gitignore" in beginning.kept:
        steps.append("let .gitignore name target/ and .crabwalk/: git would commit what is built")
    if placed.unlocked:
        steps.append(f"cargo update --workspace, which settles Cargo.lock: {placed.unlocked}")
    return [
        *steps,
        "crabwalk new hello --kind http",
        "git add --all, then git commit",
        "crabwalk doctor, which says what this machine lacks",
        "crabwalk local up, then crabwalk bootstrap local",
        "crabwalk deploy --env local",
    ]
