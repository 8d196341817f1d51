"""What the telemetry extension adds to a warm invocation: with it, with a collector that never answers, and without.

    python bench/bench_extension.py EXTENSION [--rounds 20] [--calls 200]

EXTENSION is its executable (`crabwalk build telemetry-extension`, unpacked). The function is the silent C program of
`bench_invoke.py`; all environments are asked in turns, one call after the other, so that the machine is the same for
all. An invocation lasts until the next one could begin: what an extension does after the answer counts too.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "tests" / "kit")]

import bench_invoke  # noqa: E402
from collector_kit import collector  # noqa: E402

from pipeline.local.executables import HOST_NAMES, spawn_command  # noqa: E402
from pipeline.local.runtime_api import Environment, Function  # noqa: E402


def measured(environment: Environment, calls: int) -> float:
    """Milliseconds a call, the end of everything an extension does with it included."""
    begun = time.perf_counter()
    for _ in range(calls):
        if environment.invoke(b"{}").body != b"{}":
            raise SystemExit("the function answered something else")
    return (time.perf_counter() - begun) * 1000 / calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extension", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args()
    host = HOST_NAMES[platform.machine()]
    beside = {options.extension.name: spawn_command(options.extension.resolve(), host, platform.machine())}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench_invoke.package(folder)
        healthy, stuck = stack.enter_context(collector()), stack.enter_context(collector())
        stuck.hold.clear()
        running = {}
        for name, to in (("without", None), ("with it", healthy), ("collector stuck", stuck)):
            function = Function("bench", timeout_s=30)
            own = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
            own |= {"OTEL_EXPORTER_OTLP_ENDPOINT": to.endpoint} if to else {}
            variables = function.environment(str(folder), own)
            command = [str(folder / "bootstrap")]
            environment = Environment(function, command, variables, extensions=beside if to else {})
            running[name] = stack.enter_context(environment)
            environment.start()
            measured(environment, options.calls)
        found: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(options.rounds):
            for name, environment in running.items():
                found[name].append(measured(environment, options.calls))
        base = statistics.median(found["without"])
        print(f"a warm invocation, median of {options.rounds} interleaved rounds of {options.calls}")
        for name, times in found.items():
            took = statistics.median(times)
            print(f"  {name:<16} {took:7.3f} ms   {took - base:+7.3f} ms")


if __name__ == "__main__":
    main()
