"""How long a bad version has traffic: judged by the second, beside the same walk on one-minute metrics.

    python bench/bench_seconds.py [--runs 5] [--weight 0.5] [--noise 200]

By the second: real versions on the embedded AWS, 100 real requests a second through the alias, the real engine; from
the first answer of the new version to the moment the alias is back. By the minute: the same traffic simulated and the
same engine's decisions, with AWS's period of 60 s, its lag of 120 s and a tick of 15 s, on a clock that nobody waits
for. The old version never fails; `outage`: every request of the new one does, `5 points`: one in twenty. `--noise`: how
often a good version is rolled back, by simulation (`tests/kit/judge_kit.py` says what happens to it).
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kit"))

import release_kit as values
from embedded import embedded
from judge_kit import by_the_second, failures, some
from told_kit import TIMEOUT_S, Callers, Place, service

from pipeline import local
from pipeline.aws.metrics import Series
from pipeline.release.decide import observe
from pipeline.release.decide.decide import decide
from pipeline.release.decide.decision import Observation
from pipeline.release.decide.seconds import COLD_S
from pipeline.release.judge.judge import Counts, Minute, judge
from pipeline.release.ledger.copies import NOTHING_KEPT
from pipeline.release.model import Rollout, StepSpec
from pipeline.release.terms import Checks, Pace, Terms

RATE = 100.0
FAULTS = {"outage": 1.0, "5 points": 0.05}
STARTED = values.START - values.START % 60
LONGEST_S = 3600
ATTEMPTS = 3
AWS_FINE = Pace(1, 10)


def real(name: str, share: float, weight: float) -> float:
    """Seconds from the first answer of the bad version to the alias being back.

    A walk that lost its lease or its traffic to a busy machine says nothing: it is named and walked again.
    """
    for attempt in range(ATTEMPTS):
        place = Place(local.up(), f"{name}-{attempt}")
        place.make(service(share=share))
        with Callers(place.url, RATE) as callers:
            while callers.sent < 3 * RATE:
                time.sleep(0.1)
            walk = place.walk(place.rollout(weight))
        if walk.rollout.phase == "rolled-back" and walk.rollout.ended is not None:
            return walk.rollout.ended - min(callers.answered["2"])
        why = walk.decision.sentence if walk.decision else walk.rollout.sentence
        print(f"{name}: {walk.rollout.phase}: {why}", file=sys.stderr, flush=True)
    sys.exit(f"{name}: not once rolled back")


class Simulated:
    """Requests and failures of both versions by the second, Poisson, as every metric there is would show them."""

    def __init__(self, rng: random.Random, share: float, weight: float) -> None:
        self._rng, self._share, self._weight = rng, share, weight
        self._begun = STARTED + rng.uniform(0.0, 60.0)
        self._counts: dict[tuple[str, int], tuple[int, int]] = {}

    @property
    def begun(self) -> float:
        """When the new version got its share."""
        return self._begun

    def read(self, series: Sequence[Series], start: float, end: float) -> Mapping[Series, Mapping[float, float]]:
        """As `Metrics.read`, of the environment's period and finer ones."""
        return {one: dict(self._points(one, start, end)) for one in series}

    def _points(self, one: Series, start: float, end: float) -> Iterator[tuple[float, float]]:
        period = one.period_s or 60
        for at in range(int(start) // period * period, int(end), period):
            found = [self._of(one.version, second) for second in range(at, at + period)]
            bad = one.metric == "Failures"  # an answer of 500 is a success for Lambda
            amount = 0 if one.metric in {"Errors", "Throttles"} else sum(pair[bad] for pair in found)
            if amount or one.metric in {"Errors", "Failures"}:
                yield float(at), float(amount)

    def _of(self, version: str | None, second: int) -> tuple[int, int]:
        if version is None:
            both = [self._of(each, second) for each in "12"]
            return both[0][0] + both[1][0], both[0][1] + both[1][1]
        if (version, second) not in self._counts:
            new = self._weight if second >= self._begun else 0.0
            weight, share = (new, self._share) if version == "2" else (1.0 - new, 0.0)
            counts = failures(self._rng, some(self._rng, RATE * weight), share)
            self._counts[version, second] = counts.n, counts.bad
        return self._counts[version, second]


def simulated(rng: random.Random, share: float, weight: float, fine: Pace | None, tick_s: float) -> float:
    """Seconds from the first traffic to the tick that goes back, on AWS's figures."""
    world = Simulated(rng, share, weight)
    rollout: Rollout = replace(
        values.walking(0),
        steps=(StepSpec(weight, LONGEST_S),),
        started=world.begun,
        step_starts=(world.begun,),
        deadline_s=2 * LONGEST_S,
        timeout_s=TIMEOUT_S,
        period_s=60,
        lag_s=120,
        terms=Terms(checks=Checks(), evidence=fine),
    )
    now = world.begun + rng.uniform(0.0, tick_s)
    while now < world.begun + LONGEST_S:
        found, _ = observe.read(world, [rollout], now)  # type: ignore[arg-type]
        seen = Observation(
            values.own_alias(rollout),
            observe.minutes(rollout, found, now),
            told=observe.told(rollout, found, now, NOTHING_KEPT),
        )
        if decide(rollout, seen, now).kind == "roll-back":
            return now - world.begun
        now += tick_s
    return float("inf")


def row(what: str, times: Sequence[float]) -> str:
    """Median, slowest, how many."""
    ordered = sorted(times)
    return f"| {what} | {statistics.median(ordered):.1f} s | {ordered[-1]:.1f} s | {len(ordered)} |"


def table(title: str, found: Mapping[str, Callable[[], Sequence[float]]]) -> None:
    """Print a row each, as soon as it is known."""
    print(f"\n| {title} | median | slowest | walks |\n| --- | --- | --- | --- |", flush=True)
    for what, times in found.items():
        print(row(what, times()), flush=True)


NOISE = ("nothing", "shared", "minutes", "seconds", "cold")


def coarser(rows: Sequence[Minute], length: int) -> list[Minute]:
    """The same walk counted by so many seconds."""
    found = [row for row in rows if row.step < 0]
    walked = [row for row in rows if row.step >= 0]
    for at in range(0, len(walked), length):
        some_rows = walked[at : at + length]
        canary = sum((row.canary for row in some_rows), Counts(0, 0))
        baseline = sum((row.baseline for row in some_rows), Counts(0, 0))
        found.append(Minute(walked[at].t, walked[at].step, canary, baseline))
    return found


def noise(walks: int) -> None:
    """False rollbacks of a version that is as good, in %, mean and worst of twelve cells, by resolution."""
    cells = [(rps, rate) for rps in (1.0, 10.0, 100.0) for rate in (0.0005, 0.01, 0.05, 0.3)]
    print(f"\n| {walks} walks a cell | 1 s | 5 s | 10 s |\n| --- | --- | --- | --- |", flush=True)
    for kind in NOISE:
        rng = random.Random(7)  # noqa: S311
        failed: dict[int, list[float]] = {1: [], 5: [], 10: []}
        for rps, rate in cells:
            made = [by_the_second(rng, rps, rate, kind, 600) for _ in range(walks)]
            for length, shares in failed.items():
                opening = math.ceil(COLD_S / length)
                bad = sum(judge(coarser(one, length), steps=2, opening=opening).outcome == "FAIL" for one in made)
                shares.append(100 * bad / walks)
        shown = " | ".join(f"{statistics.mean(shares):.2f} / {max(shares):.1f}" for shares in failed.values())
        print(f"| {kind} | {shown} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--walks", type=int, default=100, help="of each simulated row")
    parser.add_argument("--weight", type=float, action="append", help="of the new version; may be given again")
    parser.add_argument("--noise", type=int, metavar="WALKS", help="only how often a good version is rolled back")
    options = parser.parse_args()
    if options.noise:
        noise(options.noise)
        return
    weights = options.weight or [0.5, 0.25, 0.1]
    with embedded():
        table(
            "real traffic on the embedded AWS, by the second",
            {
                f"{fault}, {weight:.0%}": lambda fault=fault, weight=weight, share=share: [
                    real(f"{fault.replace(' ', '-')}-{weight * 100:.0f}-{run}", share, weight)
                    for run in range(options.runs)
                ]
                for weight in weights
                for fault, share in FAULTS.items()
            },
        )
    ways = {"by the minute, AWS's lag": (None, 15.0), "by the second, AWS's lag": (AWS_FINE, 5.0)}
    for title, (fine, tick_s) in ways.items():
        table(
            f"simulated, {title}",
            {
                f"{fault}, {weight:.0%}": lambda share=share, weight=weight, fine=fine, tick_s=tick_s: [
                    simulated(random.Random(seed), share, weight, fine, tick_s)  # noqa: S311
                    for seed in range(options.walks)
                ]
                for weight in weights
                for fault, share in FAULTS.items()
            },
        )


if __name__ == "__main__":
    main()
