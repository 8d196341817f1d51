"""Every service as production runs it: built for both architectures, the arm64 one executed under qemu."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from runtime_kit import API, EXTENSIONS, RuntimeApi, environment, runtime_api
from tiny_kit import packed

from pipeline.build import Artifact, elf, execute_build, plan_build
from pipeline.build.targets import Architecture
from pipeline.manifest import load_services
from pipeline.manifest.models import Service
from pipeline.manifest.project import load_project

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {service.name: service for service in load_services(load_project(ROOT), None)}
PATIENCE = 120
ARCHITECTURES: tuple[Architecture, ...] = ("arm64", "x86_64")
EVERY = [
    pytest.param(name, marks=() if name == "health" else pytest.mark.exhaustive, id=name) for name in sorted(SERVICES)
]
SAMPLES = [  # an extension has no events, it registers
    pytest.param(name, event, marks=() if name == "health" else pytest.mark.exhaustive, id=f"{name}-{event.stem}")
    for name, service in sorted(SERVICES.items())
    for event in (
        sorted((service.directory / "events").glob("*.json")) if service.kind == "function" else [Path("register")]
    )
]


@pytest.fixture
def api() -> Iterator[type[RuntimeApi]]:
    with runtime_api() as running:
        yield running


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


def emulated(path: Path, api: type[RuntimeApi], service: Service) -> subprocess.Popen[str]:
    qemu = shutil.which("qemu-aarch64-static")
    assert qemu is not None, "apt-get install qemu-user-static"
    given = environment(api, service.name) | {
        name: value for name, value in service.environment.items() if isinstance(value, str) and "${" not in value
    }
    return subprocess.Popen([qemu, path], env=given, stdout=subprocess.PIPE, text=True)


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
def test_a_service_answers_its_sample_on_arm64(name: str, event: Path, tmp_path: Path, api: type[RuntimeApi]) -> None:
    path, function = program(name, tmp_path), SERVICES[name].kind == "function"
    if function:
        api.events.put(event.read_bytes())
    with emulated(path, api, SERVICES[name]) as process:
        try:
            where, body = api.answers.get(timeout=PATIENCE)
            assert api.idle.wait(PATIENCE), "ready for the next event"
            assert path in mapped_executables(process.pid)
        finally:
            process.terminate()
    expected = f"{API}/invocation/request-1/response" if function else f"{EXTENSIONS}/register"
    assert where == expected, body.decode(errors="replace")
    json.loads(body)


def test_health_says_so_and_logs_its_request_on_arm64(tmp_path: Path, api: type[RuntimeApi]) -> None:
    api.events.put((ROOT / "services/health/events/health.json").read_bytes())
    with emulated(program("health", tmp_path), api, SERVICES["health"]) as process:
        try:
            _, body = api.answers.get(timeout=PATIENCE)
            assert api.idle.wait(PATIENCE)
        finally:
            process.terminate()
        log = process.stdout.read() if process.stdout else ""
    answer = json.loads(body)
    assert (answer["statusCode"], answer["body"]) == (200, "healthy")
    (line,) = [json.loads(line) for line in log.splitlines()]
    assert (line["event"], line["request_id"], line["version"]) == ("request", "request-1", "7")
    assert (line["outcome"], line["status"]) == ("ok", 200)
