"""One walk as a panel: where the traffic is, what both versions did, what the judge thinks, what comes next. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pipeline.release.judge.judge import Counts
from pipeline.release.walk.view import WalkView
from pipeline.report.text import clock, duration, odds, one_line, percent, points
from pipeline.report.walk_words import failed, phase_words

PANEL_LINES = 15  # of a terminal; more walks than fit become one line each
LABEL = 9
FULL_BAR = 0.05  # error rate that fills a bar while nothing is worse
COLOURS = {"walking": "cyan", "promoted": "green", "rolled-back": "red", "held": "yellow", "inconclusive": "yellow"}
COLOURS |= {"paused": "yellow", "left": "yellow"}
BAD = {name: (name, f"{name.removesuffix('s')} rate") for name in ("errors", "failures", "timeouts")}  # and its rate
BAD |= {"slow": ("slow", "slow requests")}
BLOCKS = "▁▂▃▄▅▆▇█"
NEW, OLD, TRACK = "cyan", "blue", "bright_black"


def render(views: Sequence[WalkView], width: int, height: int | None = None) -> RenderableType:
    """All walks; a panel each if they fit into `height`, else a line each."""
    if height is not None and len(views) > 1 and len(views) * PANEL_LINES > height:
        return Group(*(_compact(view) for view in views))
    return Group(*(_panel(view, min(width, 110)) for view in views))


def _panel(view: WalkView, width: int) -> Panel:
    colour = COLOURS.get(view.phase, "cyan")
    room = width - 4 - LABEL
    grid = Table.grid(padding=0)
    grid.add_column(width=LABEL, style="dim")
    grid.add_column(width=room, overflow="fold")
    grid.add_row("change", _change(view, room))
    grid.add_row("", "")
    grid.add_row("traffic", _split(view, room))
    grid.add_row("steps", _steps(view, room))
    grid.add_row("", "")
    grid.add_row("evidence", _evidence(view, room))
    grid.add_row("", "")
    grid.add_row("judge", _judge(view, room))
    grid.add_row("next", Text(one_line(view.next), "bold"))
    name = Text.assemble((one_line(view.service), "bold"), (f" · {one_line(view.environment)}", "dim"))
    state = Text.assemble((phase_words(view), f"bold {colour}"), (f" · {clock(view.elapsed_s)}", "dim"))
    return Panel(
        grid,
        box=box.ROUNDED,
        border_style=colour,
        title=_title(name, state, width - 6, colour),
        title_align="left",
        width=width,
        padding=(0, 1),
    )


def _title(left: Text, right: Text, room: int, colour: str) -> Text:
    """Name on the left, state on the right, the frame between them."""
    gap = max(1, room - left.cell_len - right.cell_len - 2)
    return Text.assemble(left, " ", ("─" * gap, colour), " ", right)


def _change(view: WalkView, room: int) -> Text:
    text = Text.assemble(
        ("version ", "dim"), (view.stable, OLD), (" → ", "dim"), (view.candidate, f"bold {NEW}"), ("  ", "")
    )
    text.append(one_line(view.commit)[:7], "yellow").append(f" {one_line(view.subject)}")
    text.truncate(room, overflow="ellipsis")
    return text


def _split(view: WalkView, room: int) -> Text:
    """The alias's weights: the new version's share against the old one's."""
    share, whose = f"  {percent(view.weight)}", f" on version {view.candidate}"
    length = max(10, room - len(share) - len(whose))
    new = round(view.weight * length)
    if 0 < view.weight < 1:
        new = min(max(new, 1), length - 1)
    return Text.assemble(
        ("━" * new, f"bold {NEW}"),
        ("━" * (length - new), OLD if view.weight < 1 else NEW),
        (share, f"bold {NEW}"),
        (whose, "dim"),
    )


def _steps(view: WalkView, room: int) -> Text:
    """The declared weights one after the other, each filled as far as it has been baked."""
    names = [percent(step) for step in (*view.steps, 1.0)]
    used = sum(len(name) for name in names) + 4 * len(names)
    length = max(3, min(22, (room - used) // max(1, len(view.steps))))
    text = Text()
    stopped = view.phase in {"rolled-back", "held", "paused", "left", "inconclusive"}
    colour = COLOURS.get(view.phase, "cyan")
    for i, name in enumerate(names):
        current = i == view.step
        done = view.step > i or view.phase == "promoted"
        mark, style = ("✓", "green") if done else ("●", f"bold {colour}") if current else ("○", TRACK)
        if current and stopped:
            mark = "✗" if view.phase == "rolled-back" else "‖"
        text.append(f"{mark} {name} ", style)
        if i < len(view.steps):
            share = 1.0 if done else min(1.0, view.baked_s / view.bake_s) if current and view.bake_s > 0 else 0.0
            full = int(share * length)
            text.append("━" * full, style).append("─" * (length - full), TRACK).append("  ")
    return text


def _evidence(view: WalkView, room: int) -> Table:
    """Both versions side by side, whole walk, with the recent periods as bars on one scale."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", collapse_padding=True)
    table.add_column("", no_wrap=True)
    bad, rate = BAD.get(view.signal, (view.signal, f"{view.signal} rate"))
    for heading in ("requests", bad, "rate"):
        table.add_column(heading, justify="right", no_wrap=True)
    periods = min(30, room - 46)
    if periods >= 8:
        unit = {1: "second", 60: "minute"}.get(view.period_s, duration(view.period_s))
        table.add_column(f"{rate} per {unit}" if periods >= 22 else "recent", no_wrap=True)
    recent = view.recent[-periods:] if periods >= 8 else ()
    top = max((counts.rate or 0.0 for pair in recent for counts in pair), default=0.0)
    top = max(top, FULL_BAR)
    for name, counts, side, colour in (
        (f"version {view.candidate}", view.canary, 0, f"bold {NEW}"),
        (f"version {view.stable}", view.baseline, 1, OLD),
    ):
        shade = "red" if counts.bad else "green"
        cells = [Text(name, colour), Text(f"{counts.n:,}"), Text(f"{counts.bad:,}", shade)]
        cells.append(Text(percent(counts.rate), shade))
        if periods >= 8:
            cells.append(_sparkline([pair[side] for pair in recent], top))
        table.add_row(*cells)
    return table


def _sparkline(periods: Sequence[Counts], top: float) -> Text:
    text = Text()
    for counts in periods:
        rate = counts.rate
        if rate is None:
            text.append("·", TRACK)
        elif rate == 0:
            text.append(BLOCKS[0], "green")
        else:
            text.append(BLOCKS[max(1, math.ceil(rate / top * (len(BLOCKS) - 1)))], "red")
    return text


def _judge(view: WalkView, room: int) -> RenderableType:
    verdict = view.verdict
    if verdict is None:
        over = view.phase in {"promoted", "rolled-back"}
        return Text("it was not the judge that ended it" if over else "nothing to judge yet", "dim")
    colour = {"FAIL": "red", "PASS": "green"}.get(verdict.outcome, "yellow" if verdict.e_value >= 10 else NEW)
    length = max(8, min(20, room - 52))
    share = min(1.0, max(0.0, verdict.log_e / math.log(verdict.limit)))
    full = length if share >= 1 else int(share * length)
    low, high = verdict.interval
    numbers = Text.assemble(
        ("━" * full, f"bold {colour}"),
        ("─" * (length - full), TRACK),
        ("  e-value ", "dim"),
        (odds(verdict.e_value), f"bold {colour}"),
        (f", worse at {odds(verdict.limit)}", "dim"),
    )
    spread = f"   difference {points(low)} to {points(high)} points"
    if (low > -1 or high < 1) and numbers.cell_len + len(spread) <= room:
        numbers.append(spread, "dim")
    name = "BAKING" if verdict.reason == "baking" else verdict.outcome
    return Group(numbers, Text.assemble((name, f"bold {colour}"), f"  {one_line(verdict.sentence)}"))


def _compact(view: WalkView) -> Text:
    colour = COLOURS.get(view.phase, "cyan")
    text = Text.assemble((one_line(view.service), "bold"), " ", (phase_words(view), colour), " ")
    text.append(f"{percent(view.weight)} on version {view.candidate}, ", "dim")
    text.append(failed(view.canary, view.signal), "red" if view.canary.bad else "green")
    text.append(f", {clock(view.elapsed_s)}", "dim")
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
