"""Cold starts side by side in one run: process start, first `next` on the Runtime API, first answer; and instructions.

    python bench/bench_coldstart.py [--rounds 21] [--services health hello todos] [--no-default] [--no-callgrind]

Three services as they are released, the same with cargo's default release profile, and handlers that do the same work
in Python (Lambda's own awslambdaric, and boto3, from PyPI into a throw-away folder) and Node (a small runtime of its
own: aws-lambda-ric compiles curl on installation). All speak to the same emulated Runtime API, in turns, each time a
new process on warm files; the other services are only started. Instructions are callgrind's, of a start and one
answer. Targets: without SDK at most 1/8 of Python's and 1/15 of Node's time to the first answer, with SDK 1/3 of
Python's with boto3.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from coldstart_peers import (
    CASES,
    DEFAULT,
    NODE,
    OURS,
    PYTHON,
    Case,
    Runner,
    built,
    given,
    others,
    python_packages,
    runners,
    rust,
)
from embedded import embedded

from pipeline.local.runtime_api import Environment, Function

PATIENCE_S = 120.0
SETTLE_S = 0.5
TARGETS = {(False, PYTHON): 8, (False, NODE): 15, (True, PYTHON): 3}
ROOT = Path(__file__).parents[1]
# Credentials and an endpoint at which nobody answers, for services that are not asked anything.
NOWHERE = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


def once(runner: Runner, case: Case, own: dict[str, str], *, wrap: tuple[str, ...] = ()) -> tuple[float, float]:
    """Milliseconds from the process's start to its first `next`, and to its first answer; nan where it gives none."""
    event = case.read()
    function = Function(case.service, version="1", memory=128, timeout_s=PATIENCE_S)
    variables = {**function.environment(str(Path(runner.command[0]).parent), own), **runner.variables}
    with Environment(function, [*wrap, *runner.command], variables, folder=ROOT) as environment:
        environment.start(PATIENCE_S)
        times = environment.times
        if event is not None:
            answer = environment.invoke(event)
            if answer.error_type is not None or b'"statusCode":200' not in answer.body.replace(b" ", b""):
                raise SystemExit(f"{case.service} in {runner.name} answered {answer.body[:200]!r}")
        if wrap:  # callgrind writes what it counted when the process ends by a signal that can be caught
            time.sleep(SETTLE_S)  # it asks for the next event first
            os.kill(environment.pid or 0, signal.SIGTERM)
            environment.wait(PATIENCE_S)
    started, asked, answered = times.started or 0.0, times.first_next or math.nan, times.first_answer or math.nan
    return (asked - started) * 1000, (answered - started) * 1000


def instructions(runner: Runner, case: Case, own: dict[str, str]) -> int | None:
    """How many instructions a start and one answer take; None without valgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind"
        quiet = ("-q", "--tool=callgrind", f"--callgrind-out-file={out}")
        once(runner, case, own, wrap=(valgrind, *quiet))
        found = _TOTAL.search(out.read_text())
    return int(found[1]) if found else None


@contextmanager
def world(cases: list[Case]) -> Iterator[dict[str, str]]:
    """What the services see beside Lambda's own variables: a table where one of them needs it."""
    if not any(case.sdk for case in cases):
        yield {}
        return
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with embedded() as (_folder, endpoint):
        names = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        boto3.client("dynamodb", endpoint_url=endpoint, **names).create_table(
            TableName="coldstart",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield {**keys, "TABLE": "coldstart", "AWS_ENDPOINT_URL": endpoint}


def measure(case: Case, each: list[Runner], own: dict[str, str], rounds: int) -> dict[str, tuple[float, float]]:
    """Medians of both times by runner, in turns; the first round warms the files and is not counted."""
    taken: dict[str, list[tuple[float, float]]] = {runner.name: [] for runner in each}
    for _ in range(rounds + 1):
        for runner in each:
            taken[runner.name].append(once(runner, case, own))
    counted = {name: values[1:] for name, values in taken.items()}
    return {
        name: (statistics.median(next_ for next_, _ in values), statistics.median(answer for _, answer in values))
        for name, values in counted.items()
    }


def show(case: Case, each: list[Runner], found: dict[str, tuple[float, float]], counts: dict[str, int | None]) -> None:
    """A table, and whether the targets are met."""
    print(f"\n{case.service}{' (with SDK)' if case.sdk else ''}")
    print(f"  {'':24}{'first next':>12}{'first answer':>14}{'x rust':>8}{'binary':>10}{'zip':>9}{'instructions':>15}")
    ours = found[OURS][1]
    for runner in each:
        next_ms, answer_ms = found[runner.name]
        sizes = (f"{one / 1e6:.2f} MB" if one else "" for one in (runner.size, runner.zipped))
        size = "{:>10}{:>9}".format(*sizes)
        count = counts.get(runner.name)
        told = f"{count:15,}" if count else ""
        print(f"  {runner.name:24}{next_ms:9.2f} ms{answer_ms:11.2f} ms{answer_ms / ours:8.1f}{size}{told}".rstrip())
    for (sdk, peer), times in TARGETS.items():
        if sdk == case.sdk and peer in found:
            ratio = found[peer][1] / ours
            print(f"  at most 1/{times} of {peer}: 1/{ratio:.1f}, {'met' if ratio >= times else 'missed'}")


def show_starts(cases: list[Case], released: dict[str, tuple[Path, int]], rounds: int) -> None:
    """The services that only start, in turns: what they answer needs more of AWS than a table."""
    if not cases:
        return
    each = [(case, rust(OURS, *released[case.service])) for case in cases]
    taken: dict[str, list[float]] = {case.service: [] for case in cases}
    for _ in range(rounds + 1):
        for case, runner in each:
            taken[case.service].append(once(runner, case, {**NOWHERE, **dict.fromkeys(case.names, "coldstart")})[0])
    print(f"\n{'only started':26}{'first next':>12}{'binary':>10}{'zip':>9}")
    for case, runner in each:
        sizes = (f"{one / 1e6:.2f} MB" if one else "" for one in (runner.size, runner.zipped))
        print("  {:24}{:9.2f} ms{:>10}{:>9}".format(case.service, statistics.median(taken[case.service][1:]), *sizes))


def main() -> None:
    """Build, measure in turns, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--services", nargs="*", help="only these  [default: all of the repository]")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the peer")
    parser.add_argument("--bootstrap", nargs="*", default=[], metavar="SERVICE=FILE", help="built already")
    parser.add_argument("--no-default", action="store_true", help="without cargo's default profile, which is compiled")
    parser.add_argument("--no-callgrind", action="store_true")
    asked = parser.parse_args()
    wanted = [case for case in (*CASES, *others()) if not asked.services or case.service in asked.services]
    cases, starting = [case for case in wanted if case.event], [case for case in wanted if not case.event]
    names = [case.service for case in wanted]
    with tempfile.TemporaryDirectory() as temporary, world(cases) as own:
        folder = Path(temporary)
        released = given(asked.bootstrap)
        missing = [name for name in names if name not in released]
        released |= built(missing, folder, default_profile=False) if missing else {}
        default = {} if asked.no_default else built([case.service for case in cases], folder, default_profile=True)
        packages = python_packages(folder, asked.python)
        if packages is None:
            print("no Python peer: awslambdaric could not be installed")
        for case in cases:
            node = shutil.which("node")
            each = list(
                runners(case, released[case.service], default.get(case.service), packages, (asked.python, node))
            )
            mine = own if case.sdk else {}
            found = measure(case, each, mine, asked.rounds)
            counts: dict[str, int | None] = {}
            if not asked.no_callgrind and not case.sdk:
                rust = [runner for runner in each if runner.name in {OURS, DEFAULT}]
                counts = {runner.name: instructions(runner, case, mine) for runner in rust}
            show(case, each, found, counts)
        show_starts(starting, released, asked.rounds)


if __name__ == "__main__":
    main()
