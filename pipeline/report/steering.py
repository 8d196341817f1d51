"""What came of an order, for people: the headline, then what comes next. Decides no exit code."""

from __future__ import annotations

from pipeline.release.verbs.steering import Steered
from pipeline.report.console import Console
from pipeline.report.text import one_line

GOOD = frozenset({"done", "promoted", "nothing"})


def show_steered(console: Console, steered: Steered) -> None:
    """Two lines, the first in the colour of the outcome; a third where somebody else carried it out."""
    words = "" if steered.outcome in {"done", "nothing"} else f"{steered.outcome.replace('-', ' ')}: "
    head = f"{one_line(steered.service)}: {words}{one_line(steered.sentence)}"
    if steered.outcome == "nothing":
        console.title(head)
    elif steered.outcome in GOOD:
        console.good(head)
    else:
        console.bad(head)
    if steered.by is not None and steered.outcome != "stands":
        console.words(f"  by      {one_line(steered.by)}")
    console.words(f"  next    {one_line(steered.next)}")
