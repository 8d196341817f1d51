"""`crabwalk completion`: the lines by which a shell completes verbs, options, services and environments."""

from __future__ import annotations

import click

from pipeline.cli.options import Here

VARIABLE = "_CRABWALK_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def command(shell: str) -> int:
    """Print what makes SHELL complete crabwalk: verbs, options, and the services and environments of the project.

    bash (4.4 or newer) and zsh read it at their start, from ~/.bashrc or ~/.zshrc; fish has a folder for it. Nothing
    of AWS is asked when a key is pressed.
    """
    from click.shell_completion import get_completion_class

    from pipeline.cli import cli

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    made = found(cli, {}, "crabwalk", VARIABLE)
    Here().console.document(made.source_template % made.source_vars())
    return 0
