"""500 walks in one controller: what a round costs, and how late it is. Run: python bench/bench_walks.py [--quick]

On an AWS in memory that answers botocore's own requests, so all of a client's work is done and no connection is made.
The first part has no limits and no network: it is the processor's time. The others add 20 ms to each call, and hold the
caller to AWS's limits (15 calls a second for most of Lambda); the last one says "too many" to a fifth of all calls
besides. The pause between two rounds is skipped, not waited for; calls and waiting for a turn take their real time.
`every alias` looks at each alias in each round, `in turn` is what the engine does (docs/many.md).
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import resource
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kit"))

import release_kit as values
from wire_kit import ACCOUNT, BUCKET, Wire

from pipeline import aws
from pipeline.abreast import abreast
from pipeline.aws.budget import LIMITS, Bucket, Budget, Budgets
from pipeline.manifest.environments import Environment
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import Rollout, StepSpec, new_release_id
from pipeline.release.walk import looking, walk
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import run, tick

MANY, BAD, NETWORK_S = 500, 25, 0.020
STEPS = (StepSpec(0.1, 600), StepSpec(0.5, 600))
SHORT = (StepSpec(0.1, 120), StepSpec(0.5, 120))  # for walks to their ends
ENV = Environment("production", ACCOUNT, "us-east-1", BUCKET, credentials=("bench", "bench"))
ALL, TURNS = float("inf"), looking.SHARE


def answered(bad: frozenset[str]) -> Callable[[str, str | None, str], float]:
    """600 requests a minute to the old version and 60 to the new, 1 in 600 fails; a third of a bad one's."""

    def value(function: str, version: str | None, metric: str) -> float:
        requests = 660.0 if version is None else 60.0 if version == "2" else 600.0
        if metric == "Invocations":
            return requests
        if metric != "Errors":
            return 0.0
        return 20.0 if version == "2" and function in bad else requests // 600

    return value


@dataclass
class Controller:
    """One process with many walks."""

    wire: Wire
    names: tuple[str, ...]
    bad: frozenset[str] = frozenset()
    rounds: list[float] = field(default_factory=list)  # when each began, by AWS's clock
    looked: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by function
    moved: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def make(cls, many: int, bad: int = 0) -> Controller:
        """Functions at version 1 with a version 2 to walk."""
        names = tuple(f"s{number:03}" for number in range(many))
        worse = frozenset(names[:: many // bad][:bad]) if bad else frozenset[str]()
        wire = Wire(feed=answered(worse), network_s=NETWORK_S)
        for name in names:
            wire.function(name)
        made = cls(wire, names, worse)
        wire.watched = made.watch
        return made

    def watch(self, operation: str, subject: str) -> None:
        """When each alias was looked at and written."""
        if operation in {"GetAlias", "UpdateAlias"}:
            which = self.looked if operation == "GetAlias" else self.moved
            which[subject].append(self.wire.clock.now())

    def engine(self) -> Engine:
        """What walks them."""
        return Engine(ENV, now=self.wire.clock.now)

    def rollout(self, name: str, steps: tuple[StepSpec, ...]) -> Rollout:
        """A release of version 2 that has not begun."""
        now = self.wire.clock.now()
        fresh = replace(values.FRESH, service=name, function=name, environment=ENV.name, steps=steps, started=now)
        return replace(fresh, release_id=new_release_id(now), period_s=60, lag_s=120, deadline_s=7200)

    def begun(self, engine: Engine, held: ExitStack, steps: tuple[StepSpec, ...] = STEPS) -> tuple[Walk, ...]:
        """All of them recorded, each with a lease that is renewed by its own thread."""

        def one(name: str) -> Walk:
            lease = Lease(engine.objects, name, ttl_s=ENV.lease_s, doing="bench")
            held.callback(lease.release)
            lease.acquire(lambda _: None)
            rollout = self.rollout(name, steps)
            return Walk(engine.begin(engine.ledger.service(name), rollout), rollout, lease)

        return abreast(one, self.names)

    def budgets(self) -> Budgets:
        """AWS's limits, by AWS's clock."""
        return Budgets(LIMITS, lambda limits: Budget(limits, lambda one: Bucket(one, self.wire.clock.now)))


def memory_mb() -> float:
    """The most this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(many: int, rounds: int, *, profiled: bool) -> None:
    """The processor's time of a round of walks that bake, and its calls, without limits or a network."""
    of = Controller.make(many)
    before = memory_mb()
    with of.wire.instead(), ExitStack() as held:
        engine = of.engine()
        of.wire.network_s = 0.0
        walks = tick(engine, of.begun(engine, held))
        of.wire.clock.skip(540)  # most of a step: nothing is moved in what is measured
        walks = tick(engine, walks)
        times = []
        profile = cProfile.Profile()
        if profiled:  # it sees one thread
            walk.abreast = partial(abreast, at_once=1)
        for _ in range(rounds):
            of.wire.clock.skip(ENV.tick_s)
            of.wire.counts.clear()
            of.wire.spent, start = 0.0, time.process_time()
            if profiled:
                profile.enable()
            walks = tick(engine, walks)
            profile.disable()
            times.append((time.process_time() - start - of.wire.spent) * 1000)
        if any(one.rollout.step != 0 or one.finished for one in walks):
            raise SystemExit("something moved in what was to be measured")
    calls = {name: count for name, count in of.wire.counts.items() if name not in {"PutObject", "metrics"}}
    floor = -(-of.wire.counts["metrics"] // 500)
    print(f"{many} walks: {statistics.median(times):.0f} ms of processor a round, {memory_mb() - before:.0f} MB more")
    print(f"  calls: {calls}; the floor of GetMetricData is {floor}, for {of.wire.counts['metrics']} series")
    if profiled:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def held_to_limits(many: int, rounds: int, share: float, refusing: float = 0.0) -> None:
    """How long rounds take where AWS's limits hold, how far apart looks at one alias are."""
    of = Controller.make(many)
    looking.SHARE = share
    try:
        with of.wire.instead(), ExitStack() as held:
            engine = of.engine()
            of.wire.network_s = 0.0
            walks = tick(engine, of.begun(engine, held))
            of.wire.clock.skip(120)
            of.wire.network_s, of.wire.limited = NETWORK_S, True
            with aws.sharing(of.budgets()):
                walks = tick(engine, walks)  # from here on it is known what is remembered
                of.looked.clear()
                of.wire.counts.clear()
                of.wire.refused.clear()
                of.wire.refusing = refusing
                lasted, begun = [], []
                for _ in range(rounds):
                    begun.append(of.wire.clock.now())
                    walks = tick(engine, walks)
                    lasted.append(of.wire.clock.now() - begun[-1])
                    of.wire.clock.skip(max(0.0, ENV.tick_s - lasted[-1]))
    finally:
        looking.SHARE = TURNS
    apart = [later - at for at, later in pairwise(begun)]
    gaps = [later - at for times in of.looked.values() for at, later in pairwise(times)] or [float("inf")]
    named = ("every alias" if share == ALL else "in turn") + (f", {refusing:.0%} refused" if refusing else "")
    unread = sum(one.metrics_away_since is not None or one.away_since is not None for one in walks)
    print(
        f"  {named:24} a round takes {statistics.median(lasted):5.1f} s (worst {max(lasted):5.1f}), one begins every "
        f"{max(apart):5.1f} s at worst, an alias is looked at every {max(gaps):5.1f} s at worst; "
        f"{of.wire.counts['GetAlias'] / rounds:.0f} GetAlias a round, {sum(of.wire.refused.values())} refused, "
        f"{unread} walks unseen at the end"
    )


def to_their_ends(many: int, bad: int, refusing: float) -> None:
    """Every walk to its end, some of them worse, within AWS's limits: what became of them, and how late things were."""
    of = Controller.make(many, bad)

    def show(_: Sequence[object]) -> None:
        of.rounds.append(of.wire.clock.now())

    with of.wire.instead(), ExitStack() as held:
        engine = of.engine()
        of.wire.limited = True
        real = time.perf_counter()
        with aws.sharing(of.budgets()):
            walks = of.begun(engine, held, SHORT)
            began = of.wire.clock.now()
            of.rounds = [began]
            of.wire.refusing = refusing
            of.wire.counts.clear()
            of.wire.refused.clear()
            after = run(engine, walks, show, of.wire.clock.skip)
        took, real = of.wire.clock.now() - began, time.perf_counter() - real
        of.wire.refusing, of.wire.limited, of.wire.network_s = 0.0, False, 0.0
        ended = [one.rollout for one in after]
        phases = Counter(rollout.phase for rollout in ended)
        wrong = [
            w.rollout.service for w in after if (w.rollout.phase == "rolled-back") != (w.rollout.service in of.bad)
        ]
        lost = [name for name in of.names if len(engine.ledger.history(name, 5)) != 1]
        live = Counter(alias["FunctionVersion"] for alias in of.wire.aliases.values())
    apart = [later - at for at, later in pairwise(of.rounds)]
    gaps = [later - at for times in of.looked.values() for at, later in pairwise(times)]
    first = max(times[0] for times in of.moved.values()) - began
    calls, refused = sum(of.wire.counts.values()) - of.wire.counts["metrics"], sum(of.wire.refused.values())
    print(
        f"{many} walks to their ends, {refusing:.0%} of the calls refused: {dict(phases)}, {len(wrong)} not as their "
        f"evidence says, {len(lost)} without exactly one entry, live versions {dict(live)}\n"
        f"  {took / 60:.1f} min of AWS's time ({real:.0f} s here), {len(of.rounds) - 1} rounds, one every "
        f"{statistics.median(apart):.0f} s, {max(apart):.0f} s at worst, the last first step after {first:.0f} s, an "
        f"alias looked at every {max(gaps):.0f} s at worst\n"
        f"  {calls} calls, {refused} of them refused; {dict(of.wire.counts)}"
    )
    if wrong or lost:
        raise SystemExit(f"not as their evidence says: {wrong}; not exactly one entry: {lost}")


def main() -> None:
    """Print the three parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=int, default=MANY)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--profile", action="store_true", help="where the processor's time of a round goes")
    parser.add_argument("--quick", action="store_true", help="the first part only")
    parser.add_argument("--refusing", type=float, nargs="*", default=[0.0, 0.2], help="shares of calls refused")
    asked = parser.parse_args()
    os.environ |= {"NO_COLOR": "1"}
    alone(asked.walks, asked.rounds, profiled=asked.profile)
    if asked.quick or asked.profile:
        return
    print(f"{asked.walks} walks that bake, within AWS's limits, {NETWORK_S * 1000:.0f} ms a call, a round every 15 s:")
    for share, refusing in ((ALL, 0.0), (TURNS, 0.0), (TURNS, 0.2)):
        held_to_limits(asked.walks, asked.rounds, share, refusing)
    for refusing in asked.refusing:
        to_their_ends(asked.walks, max(1, asked.walks * BAD // MANY), refusing)


if __name__ == "__main__":
    main()
