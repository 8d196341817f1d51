"""A walk in words, for lines and panels alike. Must not import rich: off a terminal nothing does."""

from __future__ import annotations

from pipeline.release.judge.judge import Counts
from pipeline.release.judge.verdict import VERBS
from pipeline.release.walk.view import WalkView


def phase_words(view: WalkView) -> str:
    """The phase as it is read aloud."""
    return "nobody walks it" if view.phase == "left" else view.phase.replace("-", " ")


def failed(counts: Counts, signal: str) -> str:
    """How many there were and how many of them were bad, in the signal's own words."""
    return f"{counts.bad:,} of {counts.n:,} {VERBS.get(signal, 'failed')}"
