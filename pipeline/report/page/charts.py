"""Curves as SVG, each with its numbers as a table. Pure: the same values give the same bytes.

A picture has a title and a description for those who do not see it, tells its lines apart without colour, and has the
same numbers beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.report.page.html import Safe, el, join, table

WIDTH, HEIGHT = 600, 230
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 30, 34
MOST_POINTS = 300  # of a line; more are thinned by taking the extreme of each stretch
MOST_ROWS = 200  # of a table
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A curve. `kind`: its class in the style sheet; `stairs`: a value holds until the next."""

    name: str
    kind: str
    points: tuple[Point, ...]
    stairs: bool = False


@dataclass(frozen=True)
class Chart:
    """What one picture shows. `start`, `end`: epoch seconds; `band`: time, from, to; `marks`: moments with a label."""

    key: str
    title: str
    description: str
    start: float
    end: float
    lines: tuple[Line, ...]
    value: Callable[[float], str]
    band: tuple[tuple[float, float, float], ...] = ()
    band_name: str = ""
    marks: tuple[tuple[float, str], ...] = ()
    top: float | None = None  # of the scale, where it is not the largest value
    filled: bool = False
    clock: Callable[[float], str] | None = None  # how a moment is written, where that is not time since the start

    def time(self, at: float) -> str:
        """A moment, as the axis has it."""
        return elapsed(at - self.start) if self.clock is None else self.clock(at)


def figure(chart: Chart) -> Safe:
    """The picture with its caption and its numbers."""
    return el(
        "figure",
        el("figcaption", chart.title),
        el("p", chart.description, class_="soft"),
        el("div", draw(chart), class_="scroll", role="region", aria_label=f"{chart.title}, chart", tabindex=0),
        el("details", el("summary", f"Numbers of: {chart.title}"), numbers(chart)),
    )


def draw(chart: Chart) -> Safe:
    """The picture alone."""
    scale = _Scale.of(chart)
    parts = [
        el("title", chart.title, id=f"{chart.key}-t"),
        el("desc", f"{chart.description} {_spoken(chart)}", id=f"{chart.key}-d"),
        *_grid(chart, scale),
        *_marks(chart, scale),
        _band(chart, scale),
        *(_line(one, scale, filled=chart.filled and number == 0) for number, one in enumerate(chart.lines)),
        *_legend(chart),
    ]
    return el(
        "svg",
        join(parts),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_labelledby=f"{chart.key}-t",
        aria_describedby=f"{chart.key}-d",
        xmlns="http://www.w3.org/2000/svg",
    )


def numbers(chart: Chart) -> Safe:
    """What the picture shows as a table: one row a moment; of many moments evenly spaced ones."""
    moments = sorted({t for one in chart.lines for t, _ in one.points})
    each = math.ceil(len(moments) / MOST_ROWS) or 1
    known = [dict(one.points) for one in chart.lines]
    band = {t: (low, high) for t, low, high in chart.band}
    rows = []
    for t in moments[::each]:
        cells = [chart.time(t), *(chart.value(one[t]) if t in one else "" for one in known)]
        if band:
            cells.append(" to ".join(chart.value(edge) for edge in band[t]) if t in band else "")
        rows.append(cells)
    headings = ["time", *(one.name for one in chart.lines), *([chart.band_name] if band else [])]
    every = f", every {each}th" if each > 1 else ""
    return table(f"{chart.title}: {len(moments):,} moments{every}", headings, rows)


def elapsed(seconds: float) -> str:
    """Time since the beginning as axes have it: `0:05`, `12:00`, `3:02:00`."""
    whole = round(abs(seconds))
    hours, rest = divmod(whole, 3600)
    said = f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
    return f"-{said}" if seconds < 0 and whole else said


@dataclass(frozen=True)
class _Scale:
    """From values to places."""

    start: float
    span: float
    top: float

    @classmethod
    def of(cls, chart: Chart) -> _Scale:
        values = [v for one in chart.lines for _, v in one.points] + [high for _, _, high in chart.band]
        largest = max(values, default=0.0) if chart.top is None else chart.top
        return cls(chart.start, max(chart.end - chart.start, 1.0), nice(largest))

    def x(self, t: float) -> float:
        share = min(1.0, max(0.0, (t - self.start) / self.span))
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = min(1.0, max(0.0, value / self.top))
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def nice(largest: float) -> float:
    """The end of a scale: 1, 2, 2.5 or 5 times a power of ten, at least `largest`."""
    if not largest > 0 or not math.isfinite(largest):
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next((step * power for step in (1.0, 2.0, 2.5, 5.0) if step * power >= largest * 0.9999), 10.0 * power)


def _grid(chart: Chart, scale: _Scale) -> list[Safe]:
    parts = []
    for part in range(5):
        value, y = scale.top * part / 4, scale.y(scale.top * part / 4)
        parts.append(el("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="axis" if part == 0 else "grid"))
        if part % 2 == 0:
            parts.append(el("text", chart.value(value), x=LEFT - 6, y=y + 4, text_anchor="end"))
    for part in range(5):
        at = scale.start + scale.span * part / 4
        anchor = "start" if part == 0 else "end" if part == 4 else "middle"
        parts.append(el("text", chart.time(at), x=scale.x(at), y=HEIGHT - 12, text_anchor=anchor))
    return parts


def _marks(chart: Chart, scale: _Scale) -> list[Safe]:
    """Where steps begin; labels that would lie on each other are left out."""
    parts, free = [], -math.inf
    for at, label in chart.marks:
        x = scale.x(at)
        parts.append(el("line", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM, class_="step"))
        width = 8 * len(label)
        if x >= free and x + width < WIDTH - RIGHT:
            parts.append(el("text", label, x=x + 3, y=TOP + 12))
            free = x + width + 8
    return parts


def _band(chart: Chart, scale: _Scale) -> Safe | None:
    if len(chart.band) < 2:
        return None
    some = chart.band[:: math.ceil(len(chart.band) / MOST_POINTS)]
    upper = [f"{scale.x(t)},{scale.y(high)}" for t, _, high in some]
    lower = [f"{scale.x(t)},{scale.y(low)}" for t, low, _ in reversed(some)]
    return el("path", d=f"M{' L'.join([*upper, *lower])} Z", class_="band")


def _line(line: Line, scale: _Scale, *, filled: bool) -> Safe | None:
    points = thinned(line.points)
    if not points:
        return None
    places = [(scale.x(t), scale.y(value)) for t, value in points]
    if len(places) == 1:  # a line of no length would not be seen
        (x, y) = places[0]
        places = [(x - 4, y), (x + 4, y)]
    path = f"M{places[0][0]},{places[0][1]}"
    for (_, before), (x, y) in pairwise(places):
        path += f" L{x},{before} L{x},{y}" if line.stairs and before != y else f" L{x},{y}"
    drawn = el("path", d=path, class_=line.kind)
    if not filled:
        return drawn
    floor = scale.y(0)
    return join((el("path", d=f"{path} L{places[-1][0]},{floor} L{places[0][0]},{floor} Z", class_="area"), drawn))


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most `MOST_POINTS`, of each stretch the one that is farthest from the stretch's mean; ends stay."""
    if len(points) <= MOST_POINTS:
        return list(points)
    inner, each = points[1:-1], (len(points) - 2) / (MOST_POINTS - 2)
    found = [points[0]]
    for part in range(MOST_POINTS - 2):
        stretch = inner[math.floor(part * each) : math.floor((part + 1) * each)]
        if stretch:
            mean = sum(value for _, value in stretch) / len(stretch)
            found.append(max(stretch, key=lambda one: abs(one[1] - mean)))
    return [*found, points[-1]]


def _legend(chart: Chart) -> list[Safe]:
    parts, x = [], float(LEFT)
    kinds = [(one.name, one.kind) for one in chart.lines]
    for name, kind in [*kinds, *([(chart.band_name, "band")] if chart.band else [])]:
        if kind == "band":
            parts.append(el("rect", x=x, y=8, width=22, height=10, class_="band"))
        else:
            parts.append(el("line", x1=x, x2=x + 22, y1=13, y2=13, class_=kind))
        parts.append(el("text", name, x=x + 27, y=17))
        x += 27 + 7.2 * len(name) + 14
    return parts


def _spoken(chart: Chart) -> str:
    """The lines in words: where each ends and how high it came."""
    said = [
        f"{one.name}: last {chart.value(one.points[-1][1])}, at most {chart.value(max(v for _, v in one.points))}."
        for one in chart.lines
        if one.points
    ]
    return " ".join(said)
