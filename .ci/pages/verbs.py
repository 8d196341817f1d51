"""docs/reference/cli.md: every verb with its arguments, options and examples, from click. Pure: returns the page.

What a verb does stands in its docstring, which `--help` shows too; a paragraph that begins with click's mark for text
that keeps its lines becomes a block of code.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

import click

from pages import RENEW

_AS_IT_IS = "\b"
WIDTH = 1000  # of examples: no line is folded

# What a process of crabwalk ends with; `pipeline/errors.py` decides it.
EXIT_CODES = {
    0: "done, nothing to do, or handed over (`--detach`)",
    1: "failed: a build, Terraform or AWS; the message says what to do next",
    2: "a wrong argument, environment, working directory or manifest; nothing was changed",
    3: "a walk ended rolled back or aborted (the verbs `rollback` and `abort` themselves end with 0)",
    4: "a walk is held: inconclusive, paused, or waiting for an approval or a time",
    5: "somebody else got in between: a lease, a changed alias, a stale plan, an older commit",
    6: "drift was found",
}


def page(group: click.Group) -> str:
    """The whole page."""
    said = [
        "# Every verb",
        "",
        f"<!-- Written by `{RENEW}` from the verbs themselves; edit their docstrings. -->",
        "",
        "What `crabwalk VERB --help` says, on one page.",
        "",
        "| exit code | means |",
        "|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()),
        "| 128 + n | ended by signal n |",
        "",
    ]
    for name in group.list_commands(click.Context(group)):
        said += _verb(group, ("crabwalk", name))
    return "\n".join(said).rstrip("\n") + "\n"


def _verb(group: click.Group, path: Sequence[str]) -> Iterator[str]:
    command = group.get_command(click.Context(group), path[-1])
    if command is None:
        return
    context = click.Context(command, info_name=" ".join(path))
    yield from (f"{'#' * len(path)} {' '.join(path[1:])}", "")
    usage = " ".join(command.collect_usage_pieces(context))
    yield from (f"    {' '.join(path)} {usage}".rstrip(), "")
    yield from _paragraphs(command.help or "")
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        yield from ("| option | says | default |", "|---|---|---|")
        yield from (_row(one, context) for one in options)
        yield ""
    yield from _examples(command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _verb(command, (*path, name))


def _row(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag or option.count else f" `{option.make_metavar(context).strip('[]')}`"
    default = _default(option, context)
    again = " May be repeated." if option.multiple else ""
    needed = " Required." if option.required else ""
    return f"| {_cell(names + value)} | {_cell(option.help or '')}{needed}{again} | {_cell(default)} |"


def _default(option: click.Option, context: click.Context) -> str:
    shown = option.get_help_extra(context).get("default")
    return f"`{shown}`" if shown else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs as one line each; those that keep their lines as code."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text.partition("\f")[0])):
        if paragraph.startswith(_AS_IT_IS):
            yield from _code(paragraph.removeprefix(_AS_IT_IS).strip("\n").splitlines())
        elif paragraph.strip():
            yield from (" ".join(paragraph.split()), "")


def _examples(command: click.Command, context: click.Context) -> Iterator[str]:
    """What stands at the end of `--help`: what is wanted, and indented below it the command."""
    formatter = click.HelpFormatter(width=WIDTH)
    command.format_epilog(context, formatter)
    _, _, rest = formatter.getvalue().strip("\n").partition("\n")
    lines = textwrap.dedent(rest).splitlines()
    if lines:
        yield from _code(
            line.strip() if line.startswith(" ") else f"# {line.rstrip(':')}" if line else "" for line in lines
        )


def _code(lines: Iterable[str]) -> Iterator[str]:
    body = textwrap.dedent("\n".join(lines)).splitlines()
    yield from (*(f"    {line}".rstrip() for line in body), "")
