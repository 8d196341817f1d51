"""How long the judge takes over one walk of 20 minutes (target: about 100 µs). Run: python bench/bench_judge.py"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from pipeline.release.judge import Counts, Minute, judge

ROUNDS, CALLS = 15, 200


def walk(canary: Counts, baseline: Counts) -> list[Minute]:
    """Two steps of ten minutes."""
    return [Minute(t, t // 10, canary, baseline) for t in range(20)]


def microseconds(minutes: Sequence[Minute]) -> float:
    """Median of several rounds, each the mean of many calls."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            judge(minutes, steps=2, bake=10)
        rounds.append((time.perf_counter() - start) / CALLS * 1e6)
    return statistics.median(rounds)


def main() -> None:
    """Print one line a case."""
    cases = {
        "no failures": walk(Counts(100, 0), Counts(900, 0)),
        "1 % on both sides": walk(Counts(100, 1), Counts(900, 9)),
        "30 % on both sides": walk(Counts(100, 30), Counts(900, 270)),
        "a billion requests": walk(Counts(10**8, 10**6), Counts(9 * 10**8, 9 * 10**6)),
    }
    for name, minutes in cases.items():
        print(f"{name:22} {microseconds(minutes):7.0f} µs for 20 minutes")


if __name__ == "__main__":
    main()
