"""Fifty walks in one process: what a round asks of AWS and how long it takes. Run: python bench/bench_many.py

A round that only looks, and a round that moves every alias, with one thread (as a loop over services would) and with
the engine's own; on loopback and with 20 ms added to each call, which is what a runner in the same continent sees.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kit"))

import many_kit
from many_kit import Fleet, counting

from pipeline import abreast, aws, local
from pipeline.aws.budget import LIMITS, Bucket, Budget
from pipeline.release.walk import walk

SERVICES, ROUNDS, NETWORK_S = 50, 5, 0.020


@contextmanager
def network(fleet: Fleet, seconds: float) -> Iterator[None]:
    """Every call takes so much longer."""
    clients = [aws.client(fleet.env, name, retries=again) for name in ("lambda", "s3") for again in (True, False)]

    def wait(**_: object) -> None:
        time.sleep(seconds)

    for one in clients:
        one.meta.events.register("before-send", wait)
    try:
        yield
    finally:
        for one in clients:
            one.meta.events.unregister("before-send", wait)


def rounds(fleet: Fleet, running: local.Running) -> dict[tuple[str, int], float]:
    """Medians in milliseconds of a round that looks and of one that begins the first step of each, by threads."""
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(ROUNDS):
        for threads in (1, abreast.AT_ONCE):
            fresh = fleet.again(running, f"bench-{time.time_ns()}")
            walks = fresh.begun()
            walk.abreast = partial(abreast.abreast, at_once=threads)
            try:
                for what in ("moves all", "looks"):
                    start = time.perf_counter()
                    walks = walk.tick(fresh.engine, walks)
                    found.setdefault((what, threads), []).append((time.perf_counter() - start) * 1000)
                    fresh.at += 1
            finally:
                walk.abreast = abreast.abreast
    return {case: statistics.median(times) for case, times in found.items()}


def paced() -> float:
    """Seconds a round of fifty looks is spread over by Lambda's 15 calls a second, when all of them ask at once."""
    waits: list[float] = []
    at = time.monotonic()
    budget = Budget(LIMITS, lambda limit: Bucket(limit, lambda: at, waits.append))
    for _ in range(SERVICES):
        budget.take("lambda", "GetAlias")
    return max(waits)


def main() -> None:
    """Print one line a case."""
    os.environ["CRABWALK_LOCAL_DIR"] = tempfile.mkdtemp()
    running = local.up(seed=1)
    try:
        fleet = many_kit.fleet(running, "bench", SERVICES)
        walks = walk.tick(fleet.engine, fleet.begun())
        with counting(fleet.env) as counts:
            fleet.at += 1
            walk.tick(fleet.engine, walks)
        calls = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        print(f"{SERVICES} walks, a round that looks: {calls}; the metrics in one read")
        print(f"{'':28} {'one thread':>16} {'side by side':>16} {'ratio':>6}")
        for seconds in (0.0, NETWORK_S):
            with network(fleet, seconds):
                took = rounds(fleet, running)
            where = "loopback" if not seconds else f"{seconds * 1000:.0f} ms a call"
            for what in ("looks", "moves all"):
                before, after = took[what, 1], took[what, abreast.AT_ONCE]
                print(f"{where + ', ' + what:28} {before:13.0f} ms {after:13.0f} ms {after / before:6.2f}")
        print(f"Lambda's 15 calls a second: the last of {SERVICES} looks waits {paced():.1f} s")
    finally:
        local.down()


if __name__ == "__main__":
    main()
