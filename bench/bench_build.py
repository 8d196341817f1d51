"""Builds side by side, in one run: one cargo run for N services beside N runs, and what a no-op and a leaf change cost.

    python bench/bench_build.py [--services 3] [--many 50] [--rounds 3]

First part: N services over serde_json. crabwalk builds them in one run; beside it `cargo lambda build` is called once a
service, in a target folder they share and in one each (as tools do that build every function by itself). Cold is
without any target folder, warm after a change in every service. Second part: a workspace of many services over shared
crates, where nothing changed, and where one leaf crate changed that one service uses.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TARGET = f"{platform.machine()}-unknown-linux-musl"
MACHINE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
SCRIPTS = Path(sys.executable).parent
CRATE = '[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n[dependencies]\n{dependencies}\n'
SERDE = 'serde_json = "1"'
QUICK = '[profile.release]\nlto = false\npanic = "unwind"\n'  # what is timed is the way to the linker, not LTO


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def service(name: str, dependencies: str, body: str) -> dict[str, str]:
    """The files of one service."""
    return {
        f"services/{name}/Cargo.toml": CRATE.format(name=name, dependencies=dependencies),
        f"services/{name}/src/main.rs": f"fn main() {{\n    {body}\n}}\n",
        f"services/{name}/service.yaml": f"crabwalk: 1\nname: {name}\narchitecture: {MACHINE}\n",
    }


def few(root: Path, count: int) -> tuple[str, ...]:
    """Services over one crate of the registry, with cargo-lambda's own release profile."""
    names = tuple(f"service-{number}" for number in range(count))
    for name in names:
        body = f'let v: serde_json::Value = serde_json::from_str("{{}}").unwrap(); println!("{name} {{v}}");'
        write(root, service(name, SERDE, body))
    write(root, {"Cargo.toml": '[workspace]\nresolver = "3"\nmembers = ["services/*"]\n'})
    finish(root)
    return names


def many(root: Path, count: int) -> tuple[str, ...]:
    """Services over shared crates, each with a leaf crate of its own."""
    names = tuple(f"service-{number}" for number in range(count))
    shared = [f"shared-{number}" for number in range(5)]
    for name in (*shared, *(f"leaf-{name}" for name in names)):
        write(root, {f"crates/{name}/Cargo.toml": CRATE.format(name=name, dependencies="")})
        write(root, {f"crates/{name}/src/lib.rs": f'pub const NAME: &str = "{name}";\n'})
    for number, name in enumerate(names):
        uses = [shared[number % len(shared)], f"leaf-{name}"]
        dependencies = "\n".join(f'{one} = {{ path = "../../crates/{one}" }}' for one in uses)
        body = " ".join(f'println!("{{}}", {one.replace("-", "_")}::NAME);' for one in uses)
        write(root, service(name, dependencies, body))
    write(root, {"Cargo.toml": f'[workspace]\nresolver = "3"\nmembers = ["services/*", "crates/*"]\n{QUICK}'})
    finish(root)
    return names


def finish(root: Path) -> None:
    """A project with a lock file and one commit."""
    write(root, {"crabwalk.yaml": 'crabwalk: 1\nproject: bench\nbuild: {deny: "off"}\n'})
    subprocess.run(("cargo", "generate-lockfile", "--quiet"), cwd=root, check=True)
    for words in (("init", "-q"), ("add", "."), ("-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", "b")):
        subprocess.run(("git", *words), cwd=root, check=True)


def touch(root: Path, names: tuple[str, ...], number: int) -> None:
    """Change every service."""
    for name in names:
        with (root / f"services/{name}/src/main.rs").open("a") as file:
            file.write(f"#[used]\nstatic CHANGE_{number}: u32 = {number};\n")


@dataclass(frozen=True, order=True)
class Cost:
    """Wall time, and the time of all processors."""

    wall: float
    work: float

    def __str__(self) -> str:
        return f"{self.wall:7.2f} s {self.work:7.2f} s"

    def beside(self, other: Cost) -> str:
        """How many times the other one this is."""
        return f"{self.wall / other.wall:5.2f} times the time, {self.work / other.work:5.2f} times the work"


def timed(work: Callable[[], None]) -> Cost:
    """What one run of something costs."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - started, worked)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each."""
    return Cost(statistics.median(one.wall for one in costs), statistics.median(one.work for one in costs))


class Ways:
    """The same services built by crabwalk, and by cargo-lambda service by service."""

    def __init__(self, root: Path, names: tuple[str, ...], scratch: Path) -> None:
        self.root, self.names, self.scratch = root, names, scratch
        path = os.pathsep.join((str(SCRIPTS), os.environ["PATH"]))
        self.env = {**os.environ, "PATH": path, "CRABWALK_CACHE": str(scratch / "cache")}

    def crabwalk(self) -> None:
        """All of them, in one run."""
        self.run(str(SCRIPTS / "crabwalk"), "build")

    def one_by_one(self) -> None:
        """A run each, in one target folder."""
        for name in self.names:
            self.cargo_lambda(name, self.scratch / "shared")

    def apart(self) -> None:
        """A run and a target folder each."""
        for name in self.names:
            self.cargo_lambda(name, self.scratch / f"own-{name}")

    def cargo_lambda(self, name: str, folder: Path) -> None:
        """One service, with cargo-lambda's zip."""
        where = ("--target", TARGET, "--lambda-dir", str(folder / "lambda"), "--output-format", "zip")
        command = (str(SCRIPTS / "cargo-lambda"), "lambda", "build", "--release", *where, "--package", name)
        self.run(*command, "--bin", name, CARGO_TARGET_DIR=str(folder))

    def run(self, *command: str, **more: str) -> None:
        """One command, silent unless it fails."""
        done = subprocess.run(
            command, cwd=self.root, env={**self.env, **more}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)

    def all_at_once(self) -> None:
        """One run of cargo-lambda over all binaries, with its zips."""
        bins = [part for name in self.names for part in ("--bin", name)]
        where = ("--target", TARGET, "--lambda-dir", str(self.scratch / "all/lambda"), "--output-format", "zip")
        command = (str(SCRIPTS / "cargo-lambda"), "lambda", "build", "--release", *where, *bins)
        self.run(*command, CARGO_TARGET_DIR=str(self.scratch / "all"))


def compare(count: int, rounds: int, scratch: Path) -> None:
    """One run beside N."""
    root = scratch / "few"
    names = few(root, count)
    ways = Ways(root, names, scratch)
    work = {
        "crabwalk, one run": ways.crabwalk,
        "cargo lambda, one target folder": ways.one_by_one,
        "cargo lambda, a folder each": ways.apart,
    }
    print(f"{count} services over serde_json           wall      work")
    table("cold", {name: timed(one) for name, one in work.items()})
    warm: dict[str, list[Cost]] = {name: [] for name in work}
    for number in range(rounds):
        touch(root, names, number)
        for name, one in work.items():
            warm[name].append(timed(one))
    table("every service changed", {name: middle(costs) for name, costs in warm.items()})


def large(count: int, rounds: int, scratch: Path) -> None:
    """Nothing changed, and one leaf crate changed."""
    root = scratch / "many"
    ways = Ways(root, many(root, count), scratch)
    work = {"crabwalk": ways.crabwalk, "cargo lambda, one run": ways.all_at_once}
    print(f"{count} services over {count + 5} crates           wall      work")
    table("cold", {name: timed(one) for name, one in work.items()})
    same: dict[str, list[Cost]] = {name: [] for name in work}
    leaf: dict[str, list[Cost]] = {name: [] for name in work}
    for number in range(rounds):
        for name, one in work.items():
            same[name].append(timed(one))
        write(root, {"crates/leaf-service-1/src/lib.rs": f'pub const NAME: &str = "changed {number}";\n'})
        for name, one in work.items():
            leaf[name].append(timed(one))
    table("nothing changed", {name: middle(costs) for name, costs in same.items()})
    table("one leaf crate changed", {name: middle(costs) for name, costs in leaf.items()})


def table(title: str, costs: Mapping[str, Cost]) -> None:
    """Costs, each beside the first one."""
    print(f"  {title}")
    first = next(iter(costs.values()))
    for name, cost in costs.items():
        print(f"    {name:32}{cost}   {cost.beside(first) if cost is not first else ''}".rstrip())


def main() -> None:
    """Both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=3)
    parser.add_argument("--many", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="bench-build-"))
    try:
        compare(asked.services, asked.rounds, scratch)
        large(asked.many, asked.rounds, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
