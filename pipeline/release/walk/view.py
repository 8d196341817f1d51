"""What the release engine hands to the report: one walk as it stands, one release as it ended. Plain values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.release.judge.judge import Counts, Verdict

ReleaseOutcome = Literal[
    "promoted", "rolled-back", "rejected", "aborted", "held", "conflict", "skipped", "no-op", "failed", "handed-over"
]


@dataclass(frozen=True)
class WalkView:
    """One walk at one instant, for the live view; every number is recomputed from raw periods."""

    service: str
    environment: str
    release_id: str
    commit: str
    subject: str
    stable: str  # version numbers
    candidate: str
    weight: float  # of the candidate, 0..1, as the alias has it
    steps: tuple[float, ...]  # declared traffic fractions
    step: int  # -1 before the first, len(steps) = 100 %
    bake_s: float  # of the current step
    baked_s: float
    canary: Counts  # the whole walk so far, of `signal`
    baseline: Counts
    recent: tuple[tuple[Counts, Counts], ...]  # the last <= 30 periods: (canary, baseline)
    verdict: Verdict | None
    phase: str  # walking | promoted | rolled-back | held | paused | left (nobody walks it) | inconclusive
    next: str  # one sentence: what happens next
    elapsed_s: float
    period_s: int
    signal: str = "errors"  # whose numbers these are: the one that decided last


@dataclass(frozen=True)
class ReleaseResult:
    """How the release of one service ended, as a person is told it."""

    service: str
    environment: str
    release_id: str
    outcome: ReleaseOutcome
    stable: str | None  # the version that carried the traffic before; None = never released
    candidate: str | None  # the version this release was about; None = none was published
    commit: str
    duration_s: float
    sentence: str  # the judge's, or why there was nothing to judge
    check: str | None  # what decided: "errors", "smoke", ...
    canary: Counts | None
    baseline: Counts | None
    next: str  # what to do, or what happens, next
    url: str | None  # where the service answers
