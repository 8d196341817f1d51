"""The alternatives for `[profile.release]`: sizes of binary and zip, and the time from process start to first `next`.

Each alternative is built by `crabwalk build` in a copy of this repository, with a cache of its own, so that nobody's
builds are evicted. Sizes are exact whatever else the machine does; start times are medians of interleaved runs of all
binaries in one run, so that their ratios hold. A build of everything takes an hour on two cores: what `--folder` has
already is not built again, and `--only` names some alternatives.

    .venv/bin/python bench/bench_profile.py --folder /tmp/profiles --services health --only s-unwind-fat,z-abort-thin
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("Cargo.toml", "Cargo.lock", "crabwalk.yaml", "rust_shared", "services")
RUNS = 40
PATIENCE_S = 30
REFERENCES = ("APPROVERS", "BUS", "DRAFTS", "KEYS", "RUNS", "SENDER", "TABLE", "THUMBNAILS")  # what services ask for
PROFILE = re.compile(r"\[profile\.release\]\n.*?\n\n", re.DOTALL)


@dataclass(frozen=True)
class Alternative:
    """One release profile; one codegen unit in all of them."""

    level: str
    panic: str
    lto: str
    strip: bool = True

    @property
    def name(self) -> str:
        return "-".join((self.level, self.panic, self.lto, *(() if self.strip else ("symbols",))))

    @property
    def profile(self) -> str:
        level = self.level if self.level.isdigit() else f'"{self.level}"'
        lines = (f"opt-level = {level}", f'lto = "{self.lto}"', "codegen-units = 1", f'panic = "{self.panic}"')
        return "\n".join(("[profile.release]", *lines, f"strip = {str(self.strip).lower()}", "\n"))


ALTERNATIVES = (
    *(Alternative(*parts) for parts in itertools.product("sz3", ("unwind", "abort"), ("fat", "thin"))),
    Alternative("s", "unwind", "fat", strip=False),
)
BASE = ALTERNATIVES[0]


def build(alternative: Alternative, services: tuple[str, ...], folder: Path) -> None:
    """Leaves `folder/NAME/SERVICE` and its sizes, unless they are there."""
    done = folder / alternative.name
    missing = [name for name in services if not (done / f"{name}.json").is_file()]
    if not missing:
        return
    copy = folder / "repository"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
    workspace = copy / "Cargo.toml"
    workspace.write_text(PROFILE.sub(lambda _: alternative.profile, workspace.read_text(), count=1))
    subprocess.run(("git", "init", "--quiet", str(copy)), check=True)
    command = (sys.executable, "-m", "pipeline", "build", *missing, "--env", "local", "--output", "json")
    env = {**os.environ, "CRABWALK_CACHE": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
    said = subprocess.run(command, cwd=copy, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    done.mkdir(exist_ok=True)
    for artifact in json.loads(said)["artifacts"]:
        path, name = Path(artifact["path"]), artifact["service"]
        if name in missing:
            with zipfile.ZipFile(path) as archive:
                (done / name).write_bytes(archive.read("bootstrap"))
            (done / name).chmod(0o755)
            sizes = {"binary": (done / name).stat().st_size, "zip": path.stat().st_size}
            (done / f"{name}.json").write_text(json.dumps(sizes))


def start(program: Path, listener: socket.socket) -> float:
    """Seconds from the start of a process to the arrival of its first `next`."""
    host, port = listener.getsockname()
    env = {
        "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "it",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        **dict.fromkeys(REFERENCES, "it"),
    }
    began = time.perf_counter()
    with subprocess.Popen([program], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(PATIENCE_S)
                if not connection.recv(4096).startswith(b"GET /2018-06-01/runtime/invocation/next "):
                    raise ValueError(f"{program} does not ask for its first event")
            return time.perf_counter() - began
        finally:
            process.kill()


def starts(programs: list[Path]) -> dict[Path, float]:
    """The median of each, in milliseconds, one after the other in turn."""
    found: dict[Path, list[float]] = {program: [] for program in programs}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        for _ in range(RUNS):
            for program in programs:
                found[program].append(start(program, listener))
    return {program: statistics.median(times) * 1000 for program, times in found.items()}


def table(service: str, built: list[Alternative], folder: Path) -> Iterator[str]:
    """Lines of Markdown, the chosen profile first."""
    times = starts([folder / one.name / service for one in built])
    base = times[folder / BASE.name / service]
    yield f"| `{service}`: opt-level, panic, lto | binary | zip | start | of the chosen |"
    yield "|---|---|---|---|---|"
    for one in built:
        sizes = json.loads((folder / one.name / f"{service}.json").read_text())
        took = times[folder / one.name / service]
        kept = "" if one.strip else ", with symbols"
        binary, packed = (f"{sizes[kind] / 1000:,.0f} kB" for kind in ("binary", "zip"))
        profile = f"{one.level}, {one.panic}, {one.lto}{kept}"
        yield f"| {profile} | {binary} | {packed} | {took:.2f} ms | {took / base:.2f} |"


def main() -> None:
    """Builds what is missing, then measures all that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="what is built stays here")
    parser.add_argument("--services", default="health,todos", help="without an SDK and with one")
    parser.add_argument("--only", default=",".join(one.name for one in ALTERNATIVES))
    given = parser.parse_args()
    services, only = tuple(given.services.split(",")), set(given.only.split(","))
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for alternative in ALTERNATIVES:
        if alternative.name in only | {BASE.name}:
            build(alternative, services, folder)
    for service in services:
        built = [one for one in ALTERNATIVES if (folder / one.name / f"{service}.json").is_file()]
        print("\n".join(table(service, built, folder)), end="\n\n")


if __name__ == "__main__":
    main()
