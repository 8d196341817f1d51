"""Recorded incidents as the judge saw them, drawn as SVG: both versions' rates, and the evidence against its limit.

Pure: a replay in, text out, the same text for the same replay. Nothing is fetched by a picture; it follows the reader's
preference of light or dark by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise

from pipeline.release.judge.judge import Counts
from pipeline.release.judge.replay import Look, Replay
from pipeline.report.text import percent

WIDTH, LEFT, RIGHT = 720, 64, 16
RATES, EVIDENCE, AXIS = (44, 150), (196, 110), 306  # top and height of each chart; the axis's line
HEIGHT = 366
HIGHEST = 2.2  # of the limit's logarithm: what is far above it is cut off
STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.small { font-size: 12px; fill: #59636e }
.paper { fill: #ffffff }
.frame { stroke: #d1d9e0; fill: none }
.step { stroke: #8b949e; stroke-dasharray: 3 3 }
.new { fill: #c2410c; stroke: #c2410c }
.old { fill: #1d5fa8; stroke: #1d5fa8 }
.evidence { fill: #c2410c; fill-opacity: .25; stroke: #c2410c }
.limit { stroke: #1f2328; stroke-dasharray: 6 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .paper { fill: #0d1117 } .frame { stroke: #3d444d }
  .new { fill: #ff9b5e; stroke: #ff9b5e } .old { fill: #6cb6ff; stroke: #6cb6ff }
  .evidence { fill: #ff9b5e; stroke: #ff9b5e } .limit { stroke: #e6edf3 }
}"""


def picture(title: str, told: Replay) -> str:
    """The signal that spoke last, minute by minute, with the verdict below."""
    last = told.last
    looks = told.looks[last.signal]
    verdict = last.verdict
    said = f"{verdict.outcome} ({verdict.reason}) in minute {last.minute}: {verdict.sentence}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(said)}</desc>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
        *_legend(looks),
        *_steps(looks),
        *_rates(looks),
        *_evidence(looks, verdict.limit),
        *(_failed(looks, last.minute) if verdict.outcome == "FAIL" else ()),
        *_axis(looks),
        *_lines(said),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(looks: Sequence[Look], minute: float) -> float:
    """Where a minute begins; minutes count from 1."""
    return LEFT + (WIDTH - LEFT - RIGHT) * (minute - 1) / len(looks)


def _legend(looks: Sequence[Look]) -> Iterator[str]:
    canary, baseline = sum(look.row.canary.n for look in looks), sum(look.row.baseline.n for look in looks)
    yield f'<circle class="new" cx="{LEFT + 6}" cy="20" r="4"/>'
    yield f'<text x="{LEFT + 16}" y="24">new version, {canary:,} requests</text>'
    yield f'<circle class="old" cx="{LEFT + 246}" cy="20" r="4"/>'
    yield f'<text x="{LEFT + 256}" y="24">old version, {baseline:,} requests</text>'


def _rates(looks: Sequence[Look]) -> Iterator[str]:
    top, height = RATES
    most = max([_rate(side) or 0.0 for look in looks for side in (look.row.canary, look.row.baseline)] + [1e-4])
    yield f'<rect class="frame" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{height}"/>'
    yield f'<text class="small" x="{LEFT - 6}" y="{top + 12}" text-anchor="end">{percent(most)}</text>'
    yield f'<text class="small" x="{LEFT - 6}" y="{top + height}" text-anchor="end">0 %</text>'
    for kind in ("old", "new"):
        dots = []
        for look in looks:
            rate = _rate(look.row.canary if kind == "new" else look.row.baseline)
            if rate is not None:
                dots.append((_x(looks, look.minute + 0.5), top + height - (height - 8) * rate / most - 2))
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        yield f'<polyline class="{kind}" style="fill:none;stroke-opacity:.5" points="{line}"/>'
        yield "".join(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in dots)


def _evidence(looks: Sequence[Look], limit: float) -> Iterator[str]:
    """The e-value on a logarithmic scale from 1 on; below 1 there is no evidence to see."""
    top, height = EVIDENCE
    mark = math.log10(limit)
    values = [min(max(0.0, look.log_e / math.log(10)), mark * HIGHEST) for look in looks]
    most = mark * HIGHEST
    base = top + height
    points = [
        (_x(looks, look.minute + 1), base - height * value / most) for look, value in zip(looks, values, strict=True)
    ]
    steps = f"M{_x(looks, 1):.1f} {base} " + " ".join(f"V{y:.1f} H{x:.1f}" for x, y in points) + f" V{base} Z"
    at = base - height * mark / most
    yield f'<rect class="frame" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{height}"/>'
    yield f'<path class="evidence" d="{steps}"/>'
    yield f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
    yield f'<text class="small" x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{limit:,.0f}</text>'
    yield f'<text class="small" x="{LEFT - 6}" y="{base}" text-anchor="end">1</text>'
    yield f'<text class="small" x="{LEFT + 6}" y="{at - 5:.1f}">e-value; at this line the new version is worse</text>'


def _steps(looks: Sequence[Look]) -> Iterator[str]:
    """A line where a step begins."""
    starts = [looks[0], *(after for before, after in pairwise(looks) if after.row.step != before.row.step)]
    for look in starts:
        x = _x(looks, look.minute)
        if look.minute > 1:
            yield f'<line class="step" x1="{x:.1f}" x2="{x:.1f}" y1="{RATES[0]}" y2="{AXIS}"/>'
        yield f'<text class="small" x="{x + 4:.1f}" y="{RATES[0] + 14}">step {look.row.step + 1}</text>'


def _failed(looks: Sequence[Look], minute: int) -> Iterator[str]:
    """Where the walk goes back; what was recorded after it was not to be."""
    x = _x(looks, minute + 1)
    size = f'width="{WIDTH - RIGHT - x:.1f}" height="{AXIS - RATES[0]}"'
    yield f'<rect class="paper" style="opacity:.65" x="{x:.1f}" y="{RATES[0]}" {size}/>'
    yield f'<line class="limit" style="stroke-dasharray:none" x1="{x:.1f}" x2="{x:.1f}" y1="{RATES[0]}" y2="{AXIS}"/>'
    yield f'<text x="{x + 5:.1f}" y="{RATES[0] + 32}">FAIL: back</text>'


def _axis(looks: Sequence[Look]) -> Iterator[str]:
    every = max(1, len(looks) // 10)
    for look in looks:
        if look.minute == 1 or look.minute % every == 0:
            x = _x(looks, look.minute + 0.5)
            yield f'<text class="small" x="{x:.1f}" y="{AXIS + 16}" text-anchor="middle">{look.minute}</text>'
    yield f'<text class="small" x="{LEFT - 6}" y="{AXIS + 16}" text-anchor="end">minute</text>'


def _lines(said: str) -> Iterator[str]:
    """The sentence in lines of what fits."""
    for number, line in enumerate(_wrapped(said.split(), 100)):
        yield f'<text class="small" x="{LEFT}" y="{AXIS + 36 + 16 * number}">{escape(line)}</text>'


def _wrapped(words: Iterable[str], room: int) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _rate(side: Counts) -> float | None:
    return side.bad / side.n if side.n else None
