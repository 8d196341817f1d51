"""One release told on a terminal: the entry, what happened, and the judge's charts. Pure but for what it says."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.release import words
from pipeline.release.judge.replay import Look as Drawn
from pipeline.release.judge.verdict import Minute, Verdict
from pipeline.release.verbs.account import Account, Curve
from pipeline.report.console import Console
from pipeline.report.history import entry_lines, who
from pipeline.report.judge_plot import Line, draw, plain
from pipeline.report.text import one_line

PLAIN_WIDTH = 100


def show_account(console: Console, found: Account) -> None:
    """For people."""
    head, *rest = entry_lines(found.entry)
    console.title(head)
    for line in rest:
        console.line(line)
    if found.under_way:
        console.line("  it is under way: this is how it stands")
    console.table(
        "what happened", ("when", "what", "who", "why"), [_event(found, at) for at in range(len(found.events))]
    )
    for one in found.missing:
        console.note(one)
    for curve in found.curves:
        console.line()
        console.title(one_line(curve.signal))
        width = min(110, console.rich.width) if console.terminal else PLAIN_WIDTH
        for row in draw(drawn(curve), curve.log_limit, width):
            _say(console, row)


def drawn(curve: Curve) -> Sequence[Drawn]:
    """A curve as the judge's charts take it."""
    failed = next((one.t for one in curve.looks if one.outcome == "FAIL"), None)
    verdict = Verdict("INCONCLUSIVE", "baking", "", failed_at=failed)
    return [
        Drawn(number, Minute(one.t, one.step, one.canary, one.baseline), one.log_e, verdict)
        for number, one in enumerate(curve.looks, 1)
    ]


def _event(found: Account, at: int) -> tuple[str, ...]:
    one = found.events[at]
    by = who(one.actor, one.claimed_actor) if one.actor else "crabwalk"
    return words.moment(one.at, seconds=True), one_line(one.what), by, one_line(one.reason)


def _say(console: Console, row: Line) -> None:
    if console.terminal:
        from rich.text import Text

        console.rich.print(Text.assemble(*row), no_wrap=True, crop=True)
    else:
        console.line(plain(row))
