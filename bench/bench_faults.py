"""The fault table: what every fault at every call of AWS comes to, by verb. Run: python bench/bench_faults.py

Real runs of the engine against an AWS in memory that answers as the embedded one does (tests/integration/test_cloud):
each verb is run once to count its calls, then once for each call and each fault. A run that ends otherwise than it
would have without the fault, or in which an invariant of docs/faults.md is violated, ends the bench with its story.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS / "kit"), str(TESTS / "integration")]

from boundary_kit import FAULTS, Process  # noqa: E402
from hypothesis import settings  # noqa: E402
from hypothesis.stateful import run_state_machine_as_test  # noqa: E402
from kill_kit import SCENARIOS, Run, clouds, deaths, matrix, play, troubles  # noqa: E402
from test_engine_model import Interleavings  # noqa: E402

VERBS = {
    "release": ("release", "release of a bad version", "takeover"),
    "rollback": ("rollback in mid-walk", "rollback after promotion"),
    "promote": ("promote", "promote --full"),
    "pause, resume": ("pause", "resume"),
    "abort": ("abort",),
}
INTERLEAVINGS = 500
# How many more processes a scenario takes when nothing happens: what was paused is resumed, for example.
UNDISTURBED = {name: play(one, next(clouds()), Process("first")).processes for name, one in SCENARIOS.items()}


def cell(runs: Sequence[Run]) -> str:
    """How they ended, and how many needed another run."""
    if not runs:
        return "-"
    ended = Counter("back" if run.back else run.ended for run in runs)
    again = sum(run.processes > UNDISTURBED[run.scenario] for run in runs)
    return ", ".join(f"{count} {how}" for how, count in sorted(ended.items())) + (f" ({again})" if again else "")


def table(runs: Sequence[Run]) -> Iterator[str]:
    """A row a fault, a column a verb."""
    yield "| fault | " + " | ".join(VERBS) + " |"
    yield "|---" * (len(VERBS) + 1) + "|"
    for fault in FAULTS:
        of = [[run for run in runs if run.fault == fault and run.scenario in names] for names in VERBS.values()]
        yield f"| {fault} | " + " | ".join(map(cell, of)) + " |"


MET: Counter[tuple[str, str]] = Counter()
SUMS: Counter[str] = Counter()


class Counted(Interleavings):
    """Random interleavings, with what happened in them counted."""

    def teardown(self) -> None:
        """Ends what is left, then counts."""
        faced = [(actor.name.partition("-")[0], fault) for actor in self.model.actors for fault in actor.met_faults]
        super().teardown()
        referee, releases = self.model.referee, self.model.referee.releases.values()
        MET.update(faced)
        SUMS["interleavings"] += 1
        SUMS["releases"] += len(releases)
        SUMS["alias writes accepted"] += referee.accepted
        SUMS["of these by hand"] += self.model.by_hand
        SUMS["takeovers"] += sum(max(0, len(one.holders) - 1) for one in releases)
        SUMS["holders fenced out while alive or dead"] += sum(len(one.fenced) for one in releases)
        SUMS["releases promoted"] += sum(one.promoted for one in releases)
        SUMS["violations"] += len(referee.violations)


def interleaved() -> Iterator[str]:
    """What the random interleavings did."""
    run_state_machine_as_test(
        Counted, settings=settings(Counted.TestCase.settings, max_examples=INTERLEAVINGS, derandomize=False)
    )
    yield ", ".join(f"{count:,} {what}" for what, count in SUMS.items())
    verbs = [*sorted({verb for verb, _ in MET})]
    yield "| fault | " + " | ".join(verbs) + " |"
    yield "|---" * (len(verbs) + 1) + "|"
    for fault in sorted({fault for _, fault in MET}):
        yield f"| {fault} | " + " | ".join(str(MET[verb, fault]) for verb in verbs) + " |"


def main() -> None:
    """Run everything, then print."""
    runs = [
        run
        for scenario in SCENARIOS.values()
        for faults in (deaths, troubles)
        for run in matrix(scenario, clouds(), faults)
    ]
    print(f"{len(runs):,} runs, each with one fault at one call, no invariant violated.")
    print("In brackets: how many of them were gone on with by one run more than it takes without a fault.\n")
    print("\n".join(table(runs)))
    print("\nrandom interleavings:", *interleaved(), sep="\n")


if __name__ == "__main__":
    main()
