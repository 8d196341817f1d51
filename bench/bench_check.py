"""`crabwalk check` on 1,000 manifests beside its floor: the same files through CSafeLoader, and importing pydantic.

    python bench/bench_check.py [--services 1000] [--runs 7]

Whole processes, interleaved, medians; then the work alone in one process. Each manifest has an overlay, a crate of its
own and every tenth a reference to the next. Targets: at most 2 s, and at most four times the bare parse.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from pipeline.manifest import check_all

CRABWALK = str(Path(sys.executable).with_name("crabwalk"))
PARSE = "import pathlib, yaml; [yaml.load(p.read_bytes(), yaml.CSafeLoader) for p in pathlib.Path().glob('*/*/*.yaml')]"
MANIFEST = """crabwalk: 1
name: s{number}
description: Number {number} of many.
architecture: arm64
target: musl
runtime: provided.al2023
memory: 256 MB
timeout: 20 s
environment:
  RUST_LOG: info
  TABLE: "${{services.s{number}.table.name}}"{reference}
log_retention: 7 days
resources:
  table: {{dynamodb: {{partition_key: id, ttl: expires}}}}
triggers:
  - http: {{routes: ["GET /things", "POST /things", "GET /things/{{id}}"]}}
access:
  - {{to: table, allow: [read, write]}}
release:
  steps: [{{traffic: 10 %, bake: 10 min}}, {{traffic: 50 %, bake: 10 min}}]
  min_requests: 100
  deadline: 2 h
overlays:
  staging:
    memory: 512 MB
    environment: {{RUST_LOG: debug}}
"""
CRATE = """[package]
name = "s{number}"
version = "0.1.0"
edition = "2024"
[dependencies]
shared = {{ path = "../../shared/c{shared}" }}
"""
LIBRARY = '[package]\nname = "c{number}"\nversion = "0.1.0"\nedition = "2024"\n'
SOURCE = "//! A service.\n" + "fn handler(value: u64) -> u64 {\n    value + 1\n}\n" * 20 + "fn main() {}\n"


def generate(root: Path, services: int) -> None:
    """Writes the project."""
    account = '{account: "123456789012", region: eu-west-1}'
    (root / "crabwalk.yaml").write_text(f"crabwalk: 1\nproject: many\nenvironments: {{staging: {account}}}\n")
    for number in range(10):
        write(root / "shared" / f"c{number}", LIBRARY.format(number=number), "lib.rs")
    for number in range(services):
        home = root / "services" / f"s{number}"
        write(home, CRATE.format(number=number, shared=number % 10), "main.rs")
        other = f'\n  NEXT: "${{services.s{number + 1}.function.name}}"'
        refers = number % 10 == 0 and number + 1 < services
        (home / "service.yaml").write_text(MANIFEST.format(number=number, reference=other if refers else ""))


def write(home: Path, manifest: str, source: str) -> None:
    """Writes one crate."""
    (home / "src").mkdir(parents=True)
    (home / "Cargo.toml").write_text(manifest)
    (home / "src" / source).write_text(SOURCE)


def processes(root: Path, runs: int) -> dict[str, float]:
    """Medians of whole processes, interleaved."""
    commands = {
        "crabwalk check": (CRABWALK, "check"),
        "yaml.load(CSafeLoader)": (sys.executable, "-c", PARSE),
        "import pydantic": (sys.executable, "-c", "import pydantic"),
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, cwd=root, check=True, capture_output=True)
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in taken.items()}


def work(root: Path, runs: int) -> dict[str, float]:
    """Medians of the work alone, interleaved."""
    files = sorted(root.glob("services/*/service.yaml"))
    tasks: dict[str, Callable[[], object]] = {
        "check_all": lambda: check_all(root, []),
        "yaml.load(CSafeLoader)": lambda: [yaml.load(file.read_bytes(), yaml.CSafeLoader) for file in files],
    }
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(runs):
        for name, task in tasks.items():
            started = time.perf_counter()
            task()
            taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    memory = Path("/dev/shm")  # noqa: S108 - a disk would time itself
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        root = Path(folder)
        generate(root, arguments.services)
        for title, measured in (
            (f"{arguments.services} manifests, whole processes", processes(root, arguments.runs)),
            ("the work alone", work(root, arguments.runs)),
        ):
            print(title)
            for name, median in measured.items():
                print(f"  {name:28} {median * 1000:6.0f} ms")
            ours, parse, *_ = measured.values()
            print(f"  ratio to the bare parse {ours / parse:.2f}")


if __name__ == "__main__":
    main()
