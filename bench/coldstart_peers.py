"""What `bench_coldstart.py` starts: each service as it is released, with cargo's own release profile, and its peers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.manifest import load_services
from pipeline.manifest.project import load_project

HERE = Path(__file__).parent
ROOT = HERE.parent
# What cargo (since 1.77) does without a `[profile.release]`, spelled out: cargo-lambda fills in other values for what
# is missing.
DEFAULT_PROFILE = (
    '[profile.release]\nopt-level = 3\nlto = false\ncodegen-units = 16\npanic = "unwind"\nstrip = "none"\n'
)
OURS, DEFAULT, PYTHON, NODE = "rust", "rust, cargo's default", "python", "node"


@dataclass(frozen=True)
class Case:
    """A service and the event it answers; `sdk`: it needs a table of the embedded AWS, whose name is in TABLE.

    Without an event only its start is measured, and `names` are the variables it wants to see then.
    """

    service: str
    event: str = ""
    sdk: bool = False
    names: tuple[str, ...] = ()

    def read(self) -> bytes | None:
        """The event, if there is one."""
        return (ROOT / "services" / self.service / self.event).read_bytes() if self.event else None


CASES = (
    Case("health", "events/health.json"),
    Case("hello", "events/hello.json"),
    Case("todos", "events/list.json", sdk=True),
)


def others() -> tuple[Case, ...]:
    """All other services of this repository: what they answer needs queues, buckets and buses, so they only start."""
    known = {case.service for case in CASES}
    services = load_services(load_project(ROOT), "local")
    return tuple(
        Case(one.name, names=(*one.environment, *one.secrets))
        for one in services
        if one.kind == "function" and one.name not in known
    )


@dataclass(frozen=True)
class Runner:
    """One way to run a service: its command, and what its process sees besides Lambda's own variables."""

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    size: int = 0  # bytes of the binary
    zipped: int = 0


def built(services: list[str], folder: Path, *, default_profile: bool) -> dict[str, tuple[Path, int]]:
    """The bootstrap of each service for this machine, and how large its zip is."""
    root = _with_default_profile(folder) if default_profile else ROOT
    command = [sys.executable, "-m", "pipeline", "build", *services, "--env", "local", "--output", "json"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=root, env=environ, stdout=subprocess.PIPE, check=True)
    found = {}
    for one in json.loads(done.stdout)["artifacts"]:
        with zipfile.ZipFile(one["path"]) as archive:
            target = folder / ("default" if default_profile else "released") / one["service"]
            archive.extract("bootstrap", target)
        bootstrap = target / "bootstrap"
        bootstrap.chmod(0o755)
        found[one["service"]] = bootstrap, Path(one["path"]).stat().st_size
    return found


def given(named: list[str]) -> dict[str, tuple[Path, int]]:
    """Bootstraps that are built already, from `SERVICE=FILE`."""
    pairs = (one.partition("=") for one in named)
    return {service: (Path(file).resolve(), 0) for service, _, file in pairs}


def _with_default_profile(folder: Path) -> Path:
    """A clone of the committed repository without its release profile."""
    clone = folder / "clone"
    if not clone.exists():
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
        manifest = clone / "Cargo.toml"
        head, _, rest = manifest.read_text().partition("[profile.release]")
        _, _, tail = rest.partition("\n[")
        manifest.write_text(f"{head}{DEFAULT_PROFILE}\n[{tail}")
    return clone


def runners(
    case: Case,
    ours: tuple[Path, int],
    default: tuple[Path, int] | None,
    packages: Path | None,
    interpreters: tuple[str, str | None],
) -> Iterator[Runner]:
    """Every way to run it. `packages`: where awslambdaric and boto3 lie; `interpreters`: Python and, if there, Node."""
    python, node = interpreters
    yield rust(OURS, *ours)
    if default is not None:
        yield rust(DEFAULT, *default)
    if packages is not None:
        path = os.pathsep.join([str(packages), str(HERE / "peers" / "python")])
        module = f"{case.service}.handle"
        variables = {"PYTHONPATH": path, "LAMBDA_TASK_ROOT": str(HERE / "peers" / "python"), "_HANDLER": module}
        yield Runner(PYTHON, (python, "-m", "awslambdaric", module), variables)
    handler = HERE / "peers" / "node" / f"{case.service}.mjs"
    if node is not None and handler.exists():
        yield Runner(NODE, (node, str(handler.with_name("bootstrap.mjs")), str(handler)))


def rust(name: str, bootstrap: Path, zipped: int) -> Runner:
    """A bootstrap as it is."""
    return Runner(name, (str(bootstrap),), size=bootstrap.stat().st_size, zipped=zipped)


def python_packages(folder: Path, python: str) -> Path | None:
    """Lambda's own runtime for Python and boto3, installed into a throw-away folder; None where that fails."""
    target = folder / "packages"
    command = [python, "-m", "pip", "install", "-q", "--target", str(target), "awslambdaric", "boto3"]
    try:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return None
    subprocess.run([python, "-m", "compileall", "-q", str(target)], check=False, stdout=subprocess.DEVNULL)
    return target
