"""A document under a limit: blocks that are complete in themselves, the most important first, none ever cut. Pure.

What does not fit is counted and said. GitHub refuses a comment or an issue of more than 65,536 characters, and a step's
summary of more than 1 MiB ("Workflow commands for GitHub Actions", adding a job summary: isolation and limits).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pipeline.report.markdown.text import row

COMMENT = 65_536  # characters
SUMMARY = 1024 * 1024  # bytes
_RESERVE = 400  # for the line that says what was left out
_NAMED = 5  # parts of it that are named


@dataclass(frozen=True)
class Block:
    """A heading with lines below it, of which as many are shown as fit.

    `table`: headings, where the lines are rows. `fold`: behind a triangle. `whole`: all the lines or nothing, as of a
    diagram.
    """

    title: str
    lines: tuple[str, ...]
    table: tuple[str, ...] = ()
    fold: bool = False
    whole: bool = False

    def render(self, count: int) -> str:
        """The block with its first `count` lines; how many there are besides is said."""
        head = f"### {self.title}\n\n" if self.title else ""
        if self.fold:
            head = f"<details><summary>{self.title or 'More'}</summary>\n\n"
        tail = "\n</details>\n\n" if self.fold else "\n"
        body = list(self.lines[:count])
        if self.table:
            body = [row(self.table), row(["---"] * len(self.table)), *body]
        left = len(self.lines) - count
        if left:
            body += ["", f"… and {left:,} more"]
        return head + "\n".join(body) + "\n" + tail


def in_bytes(text: str) -> int:
    """The measure of a summary."""
    return len(text.encode())


def document(
    head: str, blocks: Iterable[Block], *, limit: int, all_of_it: str, measure: Callable[[str], int] = len
) -> str:
    """`head`, then of each block as much as fits under `limit`; `all_of_it`: where the rest is (Markdown)."""
    made, used, left_out = [head], measure(head), []
    for block in blocks:
        room = limit - _RESERVE - used
        shown = _most(block, room, measure)
        if shown is None:
            left_out.append(f"{_plain(block.title)} ({len(block.lines):,})")
            continue
        text = block.render(shown)
        made.append(text)
        used += measure(text)
        if shown < len(block.lines):
            left_out.append(f"{len(block.lines) - shown:,} of {_plain(block.title)}")
    if left_out:
        more = len(left_out) - _NAMED
        said = "; ".join(left_out[:_NAMED])[: _RESERVE // 4] + (f"; and {more:,} more parts" if more > 0 else "")
        made.append(f"> Too long for GitHub; left out: {said}. {all_of_it}\n")
    return "".join(made).rstrip("\n") + "\n"


def _most(block: Block, room: int, measure: Callable[[str], int]) -> int | None:
    """How many of its lines fit; None for not even its frame with one line."""
    everything = len(block.lines)
    if measure(block.render(everything)) <= room:
        return everything
    low, high = 0, 0 if block.whole else everything - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(block.render(middle)) <= room else (low, middle - 1)
    return low or None


def _plain(title: str) -> str:
    """A heading inside of a sentence."""
    return re.sub(r"<[^>]+>|[^\w ,.:'-]", "", title).strip()[:40] or "a part"
