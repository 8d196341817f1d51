"""Words that the pages share: outcomes, times, people. Pure."""

from __future__ import annotations

from pipeline.release import words
from pipeline.report.page.frame import badge
from pipeline.report.page.html import Safe, el
from pipeline.report.text import one_line

GOOD = frozenset({"promoted", "live", "adopted"})
BAD = frozenset({"rolled-back", "rejected", "aborted", "failed", "conflict", "changed-by-somebody-else"})


def outcome(word: str) -> Safe:
    """How something ended or stands, as a badge."""
    kind = "good" if word in GOOD else "bad" if word in BAD else "wait"
    return badge(word.replace("-", " "), kind)


def moment(at: float, *, seconds: bool = False) -> Safe:
    """A time that programs can read, too."""
    said = words.moment(at, seconds=seconds)
    return el("time", said, datetime=words.moment(at, seconds=True).replace(" UTC", "Z").replace(" ", "T"))


def who(actor: str, claimed: str | None) -> str:
    """Who it was: what STS says, shortened, and what GitHub says."""
    return words.who(one_line(actor), one_line(claimed) if claimed else None) if actor else ""


def command(label: str, line: str) -> Safe:
    """A line to copy: it takes the focus, and one key selects it all."""
    return el("input", type="text", readonly=True, value=line, class_="command", aria_label=label)
