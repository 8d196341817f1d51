"""`crabwalk affected` on 1,000 crates and 200 commits, beside cargo, in one run: whole processes, medians, ratios.

    python bench/bench_affected.py [--rounds 7] [--commits 2]

Beside it, in turns: one full `cargo metadata`, and what a naive tool does: two worktrees, a full `cargo metadata` in
each. "cold" has an empty cache, "next" the cache of a run on the commit before, "warm" that of the same question.
Processor time is given too: on a busy machine it says more than the clock. Everything lies on tmpfs where there is one.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from large_workspace import COMMITS, LIBRARIES, SERVICES, THIRD_PARTY, generate, git

CRABWALK = str(Path(sys.executable).with_name("crabwalk"))
METADATA = ("cargo", "metadata", "--offline", "--locked", "--format-version", "1")
KINDS = ("sources", "manifests", "versions")
TARGETS = {"cold": 1.0, "next": 1.0, "warm": 0.5}  # against one full `cargo metadata`


class Bench:
    """A generated workspace, and what is timed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = folder / "repo"
        self.cache = folder / "cache"
        self.primed = folder / "primed"
        self.history = generate(folder)
        self.env = {**os.environ, "CARGO_HOME": str(folder / "cargo"), "CRABWALK_CACHE": str(self.cache)}

    def run(self, *command: str, cwd: Path | None = None) -> None:
        subprocess.run(command, cwd=cwd or self.repo, env=self.env, check=True, stdout=subprocess.DEVNULL)

    def affected(self, base: str) -> None:
        """The verb, as a person or a job calls it."""
        self.run(CRABWALK, "affected", "--base", base, "--output", "json")

    def forget(self) -> None:
        shutil.rmtree(self.cache, ignore_errors=True)

    def prime(self, number: int) -> None:
        """Puts a cache aside as a run on the commit before leaves it."""
        self.forget()
        git(self.repo, "checkout", "-q", "--detach", self.history[number - 1][1])
        self.affected(self.history[number - 2][1])
        shutil.rmtree(self.primed, ignore_errors=True)
        self.cache.rename(self.primed)

    def remember(self) -> None:
        """The cache of the commit before."""
        self.forget()
        shutil.copytree(self.primed, self.cache)

    def worktrees(self, *commits: str) -> None:
        """Both commits checked out, and cargo asked in each."""
        for side, commit in enumerate(commits):
            place = self.folder / f"tree-{side}"
            self.run("git", "worktree", "add", "-q", "--detach", str(place), commit)
            self.run(*METADATA, cwd=place)

    def remove_worktrees(self) -> None:
        for side in range(2):
            shutil.rmtree(self.folder / f"tree-{side}", ignore_errors=True)
        self.run("git", "worktree", "prune")


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock and of the processor, of child processes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    elapsed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


Times = dict[str, list[tuple[float, float]]]


def measure(bench: Bench, number: int, base: str, rounds: int) -> Times:
    """All contenders on one commit, in turns."""
    head = bench.history[number][1]
    bench.prime(number)
    git(bench.repo, "checkout", "-q", "--detach", head)
    taken: Times = {name: [] for name in ("cold", "warm", "next", "metadata", "worktrees")}
    for _ in range(rounds):
        bench.forget()
        taken["cold"].append(timed(lambda: bench.affected(base)))
        taken["warm"].append(timed(lambda: bench.affected(base)))
        taken["metadata"].append(timed(lambda: bench.run(*METADATA)))
        bench.remember()
        taken["next"].append(timed(lambda: bench.affected(base)))
        taken["worktrees"].append(timed(lambda: bench.worktrees(base, head)))
        bench.remove_worktrees()
    return taken


def shown(what: str, times: Times) -> bool:
    """Prints one row for each contender; whether the targets are met, by processor time."""
    medians = {name: [statistics.median(column) for column in zip(*runs, strict=True)] for name, runs in times.items()}
    wall, processor = medians["metadata"]
    good = True
    for name, (clock, cpu) in medians.items():
        ratio, target = cpu / processor, TARGETS.get(name)
        good = good and (target is None or ratio <= target)
        print(
            f"{what:22} {name:10} {clock * 1000:7.0f} ms {cpu * 1000:7.0f} ms"
            f" {clock / wall:7.2f} x {ratio:7.2f} x   {f'<= {target} x' if target else ''}"
        )
    return good


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on tmpfs where there is one."""
    memory = Path("/dev/shm")  # noqa: S108 - ext4 would make checking out thousands of files look bad
    folder = Path(tempfile.mkdtemp(prefix="affected-", dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def main() -> int:
    """Print the table; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="runs of each contender on each commit")
    parser.add_argument("--commits", type=int, default=2, help="commits of each kind")
    options = parser.parse_args()
    with scratch() as folder:
        bench = Bench(folder)
        print(f"{SERVICES} services, {LIBRARIES} libraries, {THIRD_PARTY} third-party packages, {COMMITS} commits")
        print(f"{'a commit that changes':22} {'':10} {'clock':>10} {'processor':>10} {'against metadata':>18}   target")
        good = True
        for kind in KINDS:
            numbers = [number for number, (what, _) in enumerate(bench.history) if what == kind][-options.commits :]
            times: Times = {}
            for number in numbers:
                for name, runs in measure(bench, number, bench.history[number - 1][1], options.rounds).items():
                    times.setdefault(name, []).extend(runs)
            good = shown(kind, times) and good
        last = len(bench.history) - 1
        good = shown(f"all {COMMITS} commits", measure(bench, last, bench.history[0][1], options.rounds)) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
