"""Start-up: `crabwalk --help` beside `python -c "import click"`, interleaved. Target: at most twice its time."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 21
CRABWALK = str(Path(sys.executable).with_name("crabwalk"))
PAIRS = {
    "python -c 'import click'": (sys.executable, "-c", "import click"),
    "crabwalk --help": (CRABWALK, "--help"),
}


def seconds(command: tuple[str, ...]) -> float:
    """Wall time of one run of a command."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print the medians and their ratio."""
    taken: dict[str, list[float]] = {name: [] for name in PAIRS}
    for _ in range(RUNS):
        for name, command in PAIRS.items():
            taken[name].append(seconds(command))
    medians = {name: statistics.median(values[1:]) for name, values in taken.items()}
    for name, median in medians.items():
        print(f"{name:28} {median * 1000:6.0f} ms")
    one, other = medians.values()
    print(f"ratio {other / one:.2f}")


if __name__ == "__main__":
    main()
