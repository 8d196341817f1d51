"""docs/tutorial.md as a list of blocks: what is typed, how it ends, and what it prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
FENCE = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"# ends with (\d+)$", re.MULTILINE)
ANYTHING = "…"


@dataclass
class Block:
    """Lines for a shell; `shown` are lines of what it prints, in order, in which … stands for anything."""

    script: str
    shown: list[str]

    @property
    def code(self) -> int:
        found = CODE.search(self.script)
        return int(found[1]) if found else 0

    def missing(self, said: str) -> str | None:
        """The first line of `shown` that was not printed after the one before it."""
        lines = iter(said.splitlines())
        for wanted in self.shown:
            form = re.compile(".*".join(map(re.escape, wanted.split(ANYTHING))))
            if not any(form.fullmatch(line.rstrip()) for line in lines):
                return wanted
        return None


def blocks(page: str) -> Iterator[Block]:
    """Every block for a shell with the text below it."""
    found: list[Block] = []
    for kind, text in FENCE.findall(page):
        if kind == "sh":
            found.append(Block(text, []))
        else:
            found[-1].shown += text.splitlines()
    yield from found
