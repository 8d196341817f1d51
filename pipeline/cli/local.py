"""`crabwalk local`: the embedded AWS, up, down and status."""

from __future__ import annotations

import click

from pipeline.cli.options import Here, output_option


@click.group()
def command() -> None:
    """Start, stop or show the embedded AWS: a whole small AWS on this machine's loopback, with no account behind it."""


@command.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="A fixed port; 0 = any free one.")
@click.option("--seed", type=int, help="Makes the alias's dice repeatable.")
@output_option
def up(port: int, seed: int | None, output: str) -> int:
    """Start it; does nothing when it runs already."""
    from pipeline import local

    here = Here("local", json=output == "json")
    before = local.running()
    now = local.up(seed=seed, port=port)
    if output == "json":
        here.console.json(now)
    else:
        word = "runs already" if before is not None else "is up"
        here.console.line(f"the embedded AWS {word} at {now.endpoint} (process {now.pid}, data in {now.data_dir})")
        here.console.note("next: crabwalk bootstrap local, then crabwalk deploy")
    return 0


@command.command()
def down() -> int:
    """Stop it and every function it runs."""
    from pipeline import local

    stopped = local.down()
    Here("local").console.line("the embedded AWS is stopped" if stopped else "the embedded AWS was not running")
    return 0


@command.command()
@output_option
def status(output: str) -> int:
    """Say whether it runs, and where."""
    from pipeline import local

    here = Here("local", json=output == "json")
    found = local.running()
    if output == "json":
        here.console.json({"running": found is not None, "endpoint": found.endpoint if found else None})
    elif found is None:
        here.console.line("the embedded AWS is not running; start it with: crabwalk local up")
    else:
        here.console.line(f"the embedded AWS runs at {found.endpoint} (process {found.pid}, data in {found.data_dir})")
    return 0
