"""The judge beside peers' rules on the same simulated traffic in the same run, and how long it takes.

Run: python bench/bench_judge.py [--walks N] [--only speed|table|held]. Prints Markdown. N walks a cell (1,500 by
default, about two minutes on two idle cores); the seed is fixed. Traffic is Poisson and wobbles by 20 %; an hour of
history, then 10 % and 50 % for ten minutes each, looked at every minute. What each column simulates stands in
`Scenario`.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing import Pool

from judge_peers import PEERS

from pipeline.release.judge.judge import Counts, Minute, judge

RPM = (10, 100, 1_000, 10_000)
NONE = Counts(0, 0)
STEP = 10  # minutes


@dataclass(frozen=True)
class Scenario:
    """One cell: requests a minute, the rates of both versions, and what happens besides.

    same: nothing. incident: both fail 30 % more for four minutes across the change of weight. bursts: each version
    has, in one minute in twenty and in its history too, 10 to 30 % more failures. stuck: each version has, beginning in
    one minute in a hundred, 10 to 30 % more failures for three to five minutes. cold start: up to 20 % of the new
    version's requests fail in the first minute; both steps: and up to 10 % in the first minute at 50 %.
    """

    group: str
    name: str
    rpm: int
    old: float
    new: float


def scenarios() -> list[Scenario]:
    """All cells."""
    rates = (0.001, 0.01, 0.05)
    same = [Scenario("same", "", rpm, rate, rate) for rpm in RPM for rate in (*rates, 0.2)]
    kinds = ("incident", "bursts", "stuck", "cold start", "both steps")
    other = [Scenario(kind, "", rpm, rate, rate) for kind in kinds for rpm in RPM for rate in rates]
    worse = (
        ("×1.5 at 1 %", 0.01, 0.015),  # noqa: RUF001
        ("×2 at 1 %", 0.01, 0.02),  # noqa: RUF001
        ("×5 at 1 %", 0.01, 0.05),  # noqa: RUF001
        ("×20 at 0.1 %", 0.001, 0.02),  # noqa: RUF001
        ("+5 points at 0.1 %", 0.001, 0.051),
        ("outage", 0.001, 1.0),
    )
    return same + other + [Scenario("worse", name, rpm, old, new) for rpm in RPM for name, old, new in worse]


def poisson(rng: random.Random, mean: float) -> int:
    """By multiplication for small means, normal above 60."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    floor, k, product = math.exp(-mean), 0, rng.random()
    while product > floor:
        k += 1
        product *= rng.random()
    return k


def failures(rng: random.Random, n: int, rate: float) -> Counts:
    """Binomial: by skipping from one failure to the next, normal where more than 60 are expected."""
    rate = min(1.0, rate)
    if n == 0 or rate <= 0 or rate >= 1:
        return Counts(n, n if rate >= 1 else 0)
    if rate > 0.5:
        return Counts(n, n - failures(rng, n, 1 - rate).bad)
    if n * rate > 60:
        return Counts(n, min(n, max(0, round(rng.gauss(n * rate, math.sqrt(n * rate * (1 - rate)))))))
    bad, at, skip = 0, 0, math.log1p(-rate)
    while (at := at + int(math.log(1 - rng.random()) / skip) + 1) <= n:
        bad += 1
    return Counts(n, bad)


def walk(rng: random.Random, cell: Scenario) -> list[Minute]:
    """An hour of the old version alone, then both for twenty minutes."""
    minutes = []
    stuck = [0, 0]
    for t in range(-60, 2 * STEP):
        weight = 0.0 if t < 0 else 0.1 if t < STEP else 0.5
        traffic = cell.rpm * rng.uniform(0.8, 1.2)
        extra = [0.0, 0.0]
        for side in (0, 1):
            if cell.group == "bursts" and rng.random() < 0.05:
                extra[side] = rng.uniform(0.1, 0.3)
            if cell.group == "stuck":
                if stuck[side] == 0 and rng.random() < 0.01:
                    stuck[side] = rng.randint(3, 5)
                if stuck[side]:
                    stuck[side] -= 1
                    extra[side] = rng.uniform(0.1, 0.3)
        if cell.group == "incident" and 8 <= t < 12:
            extra = [0.3, 0.3]
        if cell.group in {"cold start", "both steps"} and t == 0:
            extra[0] = rng.uniform(0.0, 0.2)
        if cell.group == "both steps" and t == STEP:
            extra[0] = rng.uniform(0.0, 0.1)
        canary = failures(rng, poisson(rng, traffic * weight), cell.new + extra[0]) if weight else NONE
        baseline = failures(rng, poisson(rng, traffic * (1 - weight)), cell.old + extra[1])
        minutes.append(Minute(t, -1 if t < 0 else t // STEP, canary, baseline))
    return minutes


@dataclass(frozen=True)
class Result:
    """What a rule did in one cell."""

    found: float  # share of walks rolled back
    median: float  # minute
    served: float  # bad requests the new version answered, until the rollback or, missed, until the walk's end


def measure(job: tuple[int, Scenario, int]) -> dict[str, Result]:
    """All rules on the same walks of one cell."""
    seed, cell, walks = job
    rng = random.Random(seed)  # noqa: S311
    minutes: dict[str, list[int]] = {name: [] for name in PEERS}
    served = dict.fromkeys(PEERS, 0)
    for _ in range(walks):
        rows = walk(rng, cell)
        bad = [row.canary.bad for row in rows if row.step >= 0]
        for name, rule in PEERS.items():
            at = rule(rows)
            served[name] += sum(bad[:at])
            if at is not None:
                minutes[name].append(at)
    return {
        name: Result(len(found) / walks, statistics.median(found) if found else 0.0, served[name] / walks)
        for name, found in minutes.items()
    }


def table(walks: int) -> None:
    """Print both tables."""
    cells = scenarios()
    with Pool(os.cpu_count()) as pool:
        results = pool.map(measure, [(seed, cell, walks) for seed, cell in enumerate(cells)], chunksize=1)
    both = list(zip(cells, results, strict=True))
    groups = ("same", "incident", "bursts", "stuck", "cold start", "both steps")
    print(f"False rollbacks in %, mean / worst cell, {walks} walks a cell:\n")
    _row("judge", "nothing changed", "shared incident", "bursts in one version", "stuck for minutes")
    _row(*["---"] * 5)
    for name in PEERS:
        _row(name, *(_mean_worst(both, group, name) for group in groups[:4]))
    print()
    _row("judge", "cold start", "cold start at both steps", "bad requests served, this judge = 1")
    _row(*["---"] * 4)
    worse = [(cell, result) for cell, result in both if cell.group == "worse"]
    for name in PEERS:
        ratios = [
            math.log(max(result[name].served, 0.01) / max(result["this judge"].served, 0.01)) for _, result in worse
        ]
        relative = math.exp(statistics.fmean(ratios))
        _row(name, *(_mean_worst(both, group, name) for group in groups[4:]), f"{relative:.2f}")
    print("\nRegressions found, share of walks and median minute:")
    for name in PEERS:
        print(f"\n{name}\n")
        names = list(dict.fromkeys(cell.name for cell, _ in worse))
        _row("requests a minute", *names)
        _row(*["---"] * (len(names) + 1))
        for rpm in RPM:
            _row(f"{rpm:,}", *(_found(result[name]) for cell, result in worse if cell.rpm == rpm))


def _mean_worst(both: Iterable[tuple[Scenario, dict[str, Result]]], group: str, name: str) -> str:
    return _shares([100 * result[name].found for cell, result in both if cell.group == group])


def _shares(percents: Sequence[float]) -> str:
    return f"{statistics.fmean(percents):.2f} / {max(percents):.2f}"


def _found(result: Result) -> str:
    share = f"{100 * result.found:.1f}".rstrip("0").rstrip(".") if result.found < 0.1 else f"{100 * result.found:.0f}"
    return f"{share} %, {result.median:.0f}" if result.found >= 0.1 else f"{share} %"


def _row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


# held


def held(job: tuple[int, Scenario, int]) -> tuple[int, int]:
    """Steps that baked longer, and those of them that FAIL in that time, where the traffic goes on alike."""
    seed, cell, walks = job
    rng = random.Random(seed)  # noqa: S311
    longer = worse = 0
    for _ in range(walks):
        rows = [row for row in walk(rng, cell) if row.t < STEP]
        verdict = judge(rows, steps=1, bake=STEP)
        longer += verdict.reason == "suspicious"
        while verdict.reason == "suspicious":
            new = failures(rng, poisson(rng, cell.rpm * 0.1), cell.new)
            rows.append(Minute(len(rows), 0, new, failures(rng, poisson(rng, cell.rpm * 0.9), cell.old)))
            verdict = judge(rows, steps=1, bake=STEP)
            worse += verdict.outcome == "FAIL"
    return longer, worse


def suspicion(walks: int) -> None:
    """Print what baking longer costs and brings: one step of 10 % for ten minutes."""
    cells = scenarios()
    with Pool(os.cpu_count()) as pool:
        results = pool.map(held, [(seed, cell, walks) for seed, cell in enumerate(cells)], chunksize=1)
    print(f"One step of 10 % for ten minutes, {walks} walks a cell, mean / worst cell in %:\n")
    _row("walks", "bake longer", "and are found worse then")
    _row(*["---"] * 3)
    for group in dict.fromkeys(cell.group for cell in cells):
        found = [result for cell, result in zip(cells, results, strict=True) if cell.group == group]
        _row(group, *(_shares([100 * one[side] / walks for one in found]) for side in (0, 1)))


# speed

ROUNDS, CALLS = 15, 100


def microseconds(minutes: Sequence[Minute]) -> float:
    """Median of several rounds, each the mean of many calls; CPU time, whatever else runs."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(CALLS):
            judge(minutes, steps=2, bake=10)
        rounds.append((time.process_time() - start) / CALLS * 1e6)
    return statistics.median(rounds)


def speed() -> None:
    """Print one line a case: 20 minutes, simulated at 1,000 requests a minute, and the same with an hour of history."""
    print("CPU time of one call in µs, 20 minutes in two steps (and with an hour of history):\n")
    rng = random.Random(1)  # noqa: S311
    for rate in (0.0, 0.001, 0.01, 0.3):
        rows = walk(rng, Scenario("same", "", 1000, rate, rate))
        alone = [row for row in rows if row.step >= 0]
        print(f"{100 * rate:5.1f} % fail on both sides {microseconds(alone):7.0f} {microseconds(rows):7.0f}")
    huge = [Minute(t, t // 10, Counts(10**8, 10**6), Counts(9 * 10**8, 9 * 10**6)) for t in range(20)]
    print(f"a billion requests a minute  {microseconds(huge):5.0f}")


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=int, default=1500)
    parser.add_argument("--only", choices=("speed", "table", "held"))
    options = parser.parse_args()
    if options.only in {None, "speed"}:
        speed()
    if options.only in {None, "table"}:
        print()
        table(options.walks)
    if options.only in {None, "held"}:
        print()
        suspicion(options.walks)


if __name__ == "__main__":
    main()
