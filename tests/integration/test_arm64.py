"""Every service as production runs it: built for both architectures, the arm64 one executed under qemu."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import environment_kit
import pytest
from tiny_kit import packed

from pipeline.build import Artifact, elf, execute_build, plan_build
from pipeline.build.targets import Architecture
from pipeline.local.executables import spawn_command
from pipeline.local.runtime_api import Environment, Function
from pipeline.manifest import load_services
from pipeline.manifest.project import load_project

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {service.name: service for service in load_services(load_project(ROOT), None)}
PATIENCE = 120
ARCHITECTURES: tuple[Architecture, ...] = ("arm64", "x86_64")
EVERY = [
    pytest.param(name, marks=() if name == "health" else pytest.mark.exhaustive, id=name) for name in sorted(SERVICES)
]
# Of those that need nothing of AWS to answer; the others' own triggers are used in services/test_catalogue_arm64.py. An
# extension has no events, it registers.
SAMPLES = [
    pytest.param(name, event, marks=() if name == "health" else pytest.mark.exhaustive, id=f"{name}-{event.stem}")
    for name, service in sorted(SERVICES.items())
    if not (service.resources or service.access)
    for event in (
        sorted((service.directory / "events").glob("*.json")) if service.kind == "function" else [Path("register")]
    )
]


@cache
def artifacts(names: tuple[str, ...], architecture: Architecture) -> dict[str, Artifact]:
    """Packages of services, by one run; the user's cache makes it quick from the second time on."""
    services = [SERVICES[name].model_copy(update={"architecture": architecture}) for name in names]
    lines: list[str] = []
    return {artifact.service: artifact for artifact in execute_build(plan_build(ROOT, services), lines.append)}


def artifact(name: str, architecture: Architecture) -> Artifact:
    """`health` by itself in the quick tests, all in one run otherwise."""
    names = ("health",) if name == "health" else tuple(sorted(SERVICES))
    return artifacts(names, architecture)[name]


def program(name: str, folder: Path) -> Path:
    path = folder / SERVICES[name].binary
    path.write_bytes(packed(artifact(name, "arm64")))
    path.chmod(0o755)
    return path


@contextmanager
def emulated(name: str, folder: Path) -> Iterator[Environment]:
    """The service under qemu, initialised: a function, or an extension beside one of this machine's own."""
    service, path = SERVICES[name], program(name, folder)
    function = Function(name, version="7", timeout_s=PATIENCE)
    own = {key: value for key, value in service.environment.items() if isinstance(value, str) and "${" not in value}
    command = spawn_command(path, "arm64", platform.machine())
    beside = {} if service.kind == "function" else {path.name: command}
    if beside:
        command = environment_kit.bootstrap(folder, "def handle(event, headers): return event")
    variables = function.environment(str(folder), own)
    with Environment(function, command, variables, extensions=beside) as environment:
        environment.start(PATIENCE)
        yield environment


def mapped_executables(process: int) -> set[Path]:
    """The files a process has mapped. Under qemu `exe` is the emulator; the guest's own is among these."""
    lines = Path(f"/proc/{process}/maps").read_text().splitlines()
    return {Path(parts[5]) for line in lines if len(parts := line.split(maxsplit=5)) == 6 and parts[5].startswith("/")}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", EVERY)
def test_a_service_is_built_for_both_architectures(name: str, architecture: Architecture) -> None:
    made = artifact(name, architecture)
    found = elf.read(packed(made))
    assert elf.MACHINES[found.machine] == made.architecture == architecture
    assert found.stripped
    assert found.static or SERVICES[name].target != "musl"


@pytest.mark.parametrize(("name", "event"), SAMPLES)
def test_a_service_answers_its_sample_on_arm64(name: str, event: Path, tmp_path: Path) -> None:
    function = SERVICES[name].kind == "function"
    with emulated(name, tmp_path) as environment:
        answer = environment.invoke(event.read_bytes() if function else b"{}")
        assert answer.error_type is None, answer.body.decode(errors="replace")
        json.loads(answer.body)
        assert environment.pid is not None
        assert not function or tmp_path / SERVICES[name].binary in mapped_executables(environment.pid)


def test_health_says_so_and_logs_its_request_on_arm64(tmp_path: Path) -> None:
    with emulated("health", tmp_path) as environment:
        event = (ROOT / "services/health/events/health.json").read_bytes()
        done = environment.invoke(event, request_id="request-1")
        environment.close()
        log = [*done.lines, *environment.lines()]
    answer = json.loads(done.body)
    assert (answer["statusCode"], answer["body"]) == (200, "healthy")
    (line,) = [json.loads(line) for line in log]
    assert (line["event"], line["request_id"], line["version"]) == ("request", "request-1", "7")
    assert (line["outcome"], line["status"]) == ("ok", 200)
