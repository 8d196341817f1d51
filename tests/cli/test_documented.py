"""Every command that the documentation or a message names exists, with its options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline.cli import VERBS, cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
WORD = re.compile(r"[a-z]+")


def commands(text: str) -> Iterator[str]:
    """What a page has between backticks, and its indented lines; without the comment that follows."""
    for line in text.splitlines():
        spans = [line.strip()] if line.startswith("    ") else re.findall(r"`([^`]+)`", line)
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
