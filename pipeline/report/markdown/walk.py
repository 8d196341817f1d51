"""A walk as Markdown: its weights as a Mermaid chart, which GitHub draws, and its verdicts over time as a table. Pure.

Mermaid refuses a diagram of more than 50,000 characters (its `maxTextSize`) and slows a page down when there are many;
so a chart has a fixed number of points, and only the most important walks get one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.release.judge.judge import Counts
from pipeline.release.walk.view import WalkView
from pipeline.report.markdown.blocks import Block
from pipeline.report.markdown.text import code, escaped, row
from pipeline.report.text import duration, odds, percent
from pipeline.report.walk_words import failed, phase_words

POINTS = 48  # of a chart
CHARTS = 12  # in one document
ROWS = 12  # of a table
KEPT = 240  # samples of one walk
# Mermaid's own colour of a first line can hardly be seen on white.
COLOURED = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#2f81f7"}}}}%%'
HEADINGS = ("after", "new version's share", "verdict", "new version", "old version", "e-value")


@dataclass(frozen=True)
class Sample:
    """A walk at one moment, as its controller saw it."""

    at_s: float  # since the release began
    share: float  # of the traffic, 0..1
    verdict: str
    canary: Counts
    baseline: Counts
    signal: str
    e_value: float | None
    limit: float | None

    @property
    def told(self) -> tuple[float, str]:
        """What makes a row of its own."""
        return self.share, self.verdict


@dataclass
class Track:
    """What was seen of one release, thinned where it went on for long; every change is kept."""

    service: str
    release: str
    candidate: str
    stable: str
    samples: list[Sample] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Keep one more, in the place of the last where that told nothing of its own."""
        self.samples.append(sample)
        if len(self.samples) > KEPT:
            self.samples = list(_thinned(self.samples))


class Tracks:
    """The walks of a run as they were shown; `update` takes what a live view takes."""

    def __init__(self) -> None:
        self._tracks: dict[str, Track] = {}

    def update(self, views: Iterable[WalkView]) -> None:
        """See all of them once more."""
        for one in views:
            track = self._tracks.get(one.release_id)
            if track is None:
                track = Track(one.service, one.release_id, one.candidate, one.stable)
                self._tracks[one.release_id] = track
            track.add(sample_of(one))

    def of(self, release: str) -> Track | None:
        """What was seen of a release."""
        return self._tracks.get(release)


def sample_of(view: WalkView) -> Sample:
    """What a summary keeps of one look."""
    verdict = view.verdict
    said = phase_words(view) if verdict is None or verdict.reason == "baking" else f"{verdict.outcome} {verdict.reason}"
    return Sample(
        at_s=view.elapsed_s,
        share=view.weight,
        verdict=said,
        canary=view.canary,
        baseline=view.baseline,
        signal=view.signal,
        e_value=None if verdict is None else verdict.e_value,
        limit=None if verdict is None else verdict.limit,
    )


def blocks(track: Track, *, chart: bool) -> Iterator[Block]:
    """The chart, where there is one, and the table."""
    if not track.samples:
        return
    title = f"Walk of {code(track.service)} onto version {escaped(track.candidate)}"
    if chart and len(track.samples) > 1:
        yield Block(title, tuple(mermaid(track)), whole=True)
    yield Block(f"{title}: verdicts over time", tuple(table(track.samples)), HEADINGS, fold=True)


def mermaid(track: Track) -> Iterator[str]:
    """The new version's share of the traffic over time."""
    last = max(one.at_s for one in track.samples)
    unit, each = ("minutes", 60.0) if last > 180 else ("seconds", 1.0)
    shares = ", ".join(f"{share * 100:.4g}" for share in _evenly(track.samples, last))
    yield "```mermaid"
    yield COLOURED
    yield "xychart-beta"
    yield f'    title "{_plain(track.service)}: traffic on version {_plain(track.candidate)}"'
    yield f'    x-axis "{unit}" 0 --> {max(last / each, 0.1):.4g}'
    yield '    y-axis "%" 0 --> 100'
    yield f"    line [{shares}]"
    yield "```"


def table(samples: Sequence[Sample]) -> Iterator[str]:
    """A row wherever the share or the verdict changed, and the last look of each; the middle left out of many."""
    changed = [
        one for one, after in zip(samples, [*samples[1:], None], strict=True) if after is None or _ends(one, after)
    ]
    left = len(changed) - ROWS
    if left > 0:
        changed = [*changed[: ROWS // 3], *changed[left + ROWS // 3 :]]
    for number, one in enumerate(changed):
        if left > 0 and number == ROWS // 3:
            yield row((f"… {left:,} more", *[""] * (len(HEADINGS) - 1)))
        evidence = "-" if one.e_value is None or one.limit is None else f"{odds(one.e_value)} of {odds(one.limit)}"
        yield row(
            (
                duration(one.at_s),
                percent(one.share),
                escaped(one.verdict),
                _side(one.canary, one.signal),
                _side(one.baseline, one.signal),
                evidence,
            )
        )


def _ends(one: Sample, after: Sample) -> bool:
    """Whether it is the last look before something changed."""
    return one.told != after.told


def _side(counts: Counts, signal: str) -> str:
    return f"{failed(counts, signal)} ({percent(counts.rate)})" if counts.n else "no requests"


def _evenly(samples: Sequence[Sample], last: float) -> Iterator[float]:
    """The share at evenly spaced moments; what a chart with one distance between its points needs."""
    ordered, index = sorted(samples, key=lambda one: one.at_s), 0
    for point in range(POINTS):
        at = last * point / (POINTS - 1)
        while index + 1 < len(ordered) and ordered[index + 1].at_s <= at:
            index += 1
        yield ordered[index].share if ordered[index].at_s <= at else 0.0


def _thinned(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Every other of those that tell the same as their neighbours."""
    for number, one in enumerate(samples):
        edge = number in {0, len(samples) - 1} or samples[number - 1].told != one.told
        if edge or _ends(one, samples[number + 1]) or number % 2:
            yield one


def _plain(text: str) -> str:
    """A name inside of a diagram, where there is no way to escape: only what cannot end it."""
    return re.sub(r"[^A-Za-z0-9 ._-]", "", text)[:60]
