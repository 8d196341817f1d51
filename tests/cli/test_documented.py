"""Every command that the documentation or a message names exists, with its options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline.cli import VERBS, cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
WHOLE = [ROOT / "docs" / "runbook.md", ROOT / "docs" / "rollback.md", *sorted(ROOT.glob("docs/day-of-*.md"))]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
WORD = re.compile(r"[a-z]+")


def commands(text: str) -> Iterator[str]:
    """What a page has between backticks, its indented lines and those after a `$`; without the comment that follows."""
    for line in text.splitlines():
        typed = line.startswith(("    ", "$ "))
        spans = [line.strip()] if typed else re.findall(r"`([^`]+)`", line)
        for span in spans:
            said = span.removeprefix("$ ").split("  #")[0].split(" | ")[0]
            first, _, rest = said.partition(" ")
            if first == "crabwalk" and WORD.fullmatch(rest.split(" ")[0]):
                yield rest
            elif first in VERBS and OPTION.search(rest):
                yield said


def options(said: str) -> set[str]:
    """What may follow this verb, or this verb's verb."""
    words = said.split()
    found = cli.get_command(click.Context(cli), words[0])
    assert found is not None, f"there is no verb {words[0]}"
    if isinstance(found, click.Group) and words[1:]:
        found = found.commands[words[1]]
    return {"--help"} | {option for one in found.params for option in one.opts}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_says_to_type_can_be_typed(page: Path) -> None:
    for said in commands(page.read_text()):
        unknown = set(OPTION.findall(said)) - options(said)
        assert not unknown, said


def test_the_pages_name_every_verb() -> None:
    text = "".join(page.read_text() for page in PAGES)
    assert [verb for verb in VERBS if not re.search(rf"(`|crabwalk |make ){verb}\b", text)] == []


def typed(text: str) -> Iterator[list[str]]:
    """The command lines of a page that stand on lines of their own, without what a shell does with them."""
    for line in text.splitlines():
        said = line.removeprefix("    ").removeprefix("$ ")
        if said != line and said.startswith("crabwalk "):
            yield shlex.split(said.split(" > ")[0].split(" | ")[0].split(" >> ")[0], comments=True)[1:]


@pytest.mark.parametrize("page", WHOLE, ids=lambda page: page.stem)
def test_what_is_typed_in_a_hurry_parses_as_it_stands(page: Path) -> None:
    found = list(typed(page.read_text()))
    assert found
    for words in found:
        verb = cli.get_command(click.Context(cli), words[0])
        assert verb is not None, words
        try:
            verb.make_context(words[0], words[1:])
        except click.UsageError as error:
            pytest.fail(f"{' '.join(words)}: {error.format_message()}")
