"""A judged walk drawn with characters: both sides' rates, and the evidence against its limit, minute by minute. Pure.

Lines are runs of text and style, so that nothing here needs rich: off a terminal the text is enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.release.judge.judge import Counts
from pipeline.release.judge.replay import Look
from pipeline.report.text import odds, percent

Line = list[tuple[str, str]]

HEIGHT = 6  # lines of each chart
LABEL = 8  # columns before the charts
BARS = " ▁▂▃▄▅▆▇█"
NEW, OLD, DIM = "bold cyan", "blue", "bright_black"


@dataclass(frozen=True)
class _Column:
    """One or several minutes next to each other."""

    canary: Counts
    baseline: Counts
    log_e: float
    step: int
    failed: bool


def draw(looks: Sequence[Look], log_limit: float, width: int) -> list[Line]:
    """Both charts at most `width` columns wide; more minutes than columns share one, the highest evidence shown."""
    if not looks:
        return []
    columns = _columns(looks, max(10, width - LABEL - 1))
    lines = [*_rates(columns), _steps(columns), [], *_evidence(columns, log_limit), *_axis(columns, looks)]
    return [_joined(line) for line in lines]


def _joined(line: Line) -> Line:
    """Neighbours of one style as one run."""
    runs: Line = []
    for text, style in line:
        if runs and runs[-1][1] == style:
            runs[-1] = (runs[-1][0] + text, style)
        else:
            runs.append((text, style))
    return runs


def plain(line: Line) -> str:
    """A line without its styles."""
    return "".join(text for text, _ in line).rstrip()


def _columns(looks: Sequence[Look], room: int) -> list[_Column]:
    each = math.ceil(len(looks) / room)
    columns = []
    for start in range(0, len(looks), each):
        part = looks[start : start + each]
        canary, baseline = Counts(0, 0), Counts(0, 0)
        for look in part:
            canary, baseline = canary + look.row.canary, baseline + look.row.baseline
        top = max(look.log_e for look in part)
        failed = any(look.verdict.failed_at == look.row.t for look in part)
        columns.append(_Column(canary, baseline, top, part[0].row.step, failed))
    return columns


def _rates(columns: Sequence[_Column]) -> list[Line]:
    """A scatter of both rates from 0 to the largest."""
    top = max((side.rate or 0.0 for one in columns for side in (one.canary, one.baseline)), default=0.0) or 0.01
    lines: list[Line] = [[("rate", DIM), ("    ● new version", NEW), ("  ○ old version", OLD), ("  ◉ both", DIM)]]
    for level in range(HEIGHT, -1, -1):
        named = {HEIGHT: percent(top), HEIGHT // 2: percent(top / 2), 0: "0 %"}
        line: Line = [(f"{named.get(level, ''):>{LABEL - 1}}┤" if level in named else " " * (LABEL - 1) + "│", DIM)]
        for one in columns:
            new, old = _level(one.canary, top) == level, _level(one.baseline, top) == level
            line.append(("◉", NEW) if new and old else ("●", NEW) if new else ("○", OLD) if old else (" ", ""))
        lines.append(line)
    return lines


def _level(counts: Counts, top: float) -> int:
    """The line of a rate; a rate above 0 is never on the line of 0."""
    rate = counts.rate
    if rate is None:
        return -1
    return 0 if rate == 0 else max(1, round(rate / top * HEIGHT))


def _steps(columns: Sequence[_Column]) -> Line:
    """Where each step begins."""
    line, last = "", -1
    for i, one in enumerate(columns):
        if one.step != last:
            line = f"{line[:i]:<{i}}│step {one.step + 1} "
        last = one.step
    return [(" " * LABEL + line[: max(len(columns), len("│step 1"))], DIM)]


def _evidence(columns: Sequence[_Column], log_limit: float) -> list[Line]:
    """Bars of the evidence's logarithm, the limit as a line; below no evidence there is nothing to see."""
    top = max(log_limit * 1.25, min(3 * log_limit, max(one.log_e for one in columns)))
    at = math.ceil(log_limit / top * HEIGHT)  # the line that holds the limit
    lines: list[Line] = [[("e-value", DIM), (f" (logarithmic), worse at {odds(math.exp(log_limit))}", DIM)]]
    for level in range(HEIGHT, 0, -1):
        name = _short(log_limit) if level == at else _short(top) if level == HEIGHT else ""
        line: Line = [(f"{name:>{LABEL - 1}}{'┤' if name else '│'}", DIM)]
        for one in columns:
            eighths = min(8, max(0, round((one.log_e / top * HEIGHT - (level - 1)) * 8)))
            style = "bold red" if one.log_e >= log_limit or one.failed else "cyan"
            mark = BARS[eighths]
            line.append(("─", "red") if mark == " " and level == at else (mark, style))
        lines.append(line)
    return lines


def _short(log_e: float) -> str:
    e_value = math.exp(min(log_e, 700.0))
    return odds(e_value) if e_value < 1e5 else f"{e_value:.0e}"


def _axis(columns: Sequence[_Column], looks: Sequence[Look]) -> list[Line]:
    """Minutes of the walk under the charts, and the one that failed."""
    each = math.ceil(len(looks) / len(columns))
    ruler, numbers = "", ""
    for i in range(len(columns)):
        mark = (i * each) % (10 * each) == 0
        ruler += "┴" if mark else "─"
        if mark:
            numbers = f"{numbers:<{i}}{looks[i * each].minute}"
    lines: list[Line] = [[("1".rjust(LABEL - 1) + "┴" + ruler[1:], DIM)], [(" " * LABEL + numbers + " minute", DIM)]]
    failed = next((i for i, one in enumerate(columns) if one.failed), None)
    if failed is not None:
        lines.insert(1, [(" " * (LABEL + failed) + "▲ FAIL", "bold red")])
    return lines
