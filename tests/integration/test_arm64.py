"""`health` as production runs it: built for arm64, executed under qemu, answering through the Runtime API."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from runtime_kit import API, RuntimeApi, environment, runtime_api

from pipeline.build import elf, execute_build, plan_build
from pipeline.manifest import load_services
from pipeline.manifest.project import load_project

ROOT = Path(__file__).resolve().parents[2]
EM_AARCH64 = 183
PATIENCE = 60


@pytest.fixture
def api() -> Iterator[type[RuntimeApi]]:
    with runtime_api() as running:
        yield running


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged binary of `health`; the user's cache makes it quick from the second time on."""
    (health,) = (service for service in load_services(load_project(ROOT), None) if service.name == "health")
    assert health.architecture == "arm64"
    lines: list[str] = []
    (artifact,) = execute_build(plan_build(ROOT, [health]), lines.append)
    with zipfile.ZipFile(artifact.path) as archive:
        path = Path(archive.extract("bootstrap", tmp_path_factory.mktemp("arm64")))
    path.chmod(0o755)
    return path


def mapped_executables(process: int) -> set[Path]:
    """The files a process has mapped. Under qemu `exe` is the emulator; the guest's own is among these."""
    lines = Path(f"/proc/{process}/maps").read_text().splitlines()
    return {Path(parts[5]) for line in lines if len(parts := line.split(maxsplit=5)) == 6 and parts[5].startswith("/")}


def test_health_answers_an_event_on_arm64(bootstrap: Path, api: type[RuntimeApi]) -> None:
    api.events.put((ROOT / "services/health/events/health.json").read_bytes())
    qemu = shutil.which("qemu-aarch64-static")
    assert qemu is not None, "apt-get install qemu-user-static"
    with subprocess.Popen(
        [qemu, bootstrap], env=environment(api, "health"), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            path, body = api.answers.get(timeout=PATIENCE)
            assert api.idle.wait(PATIENCE)
            executables = mapped_executables(process.pid)
        finally:
            process.terminate()
        log = process.stdout.read() if process.stdout else ""
    assert path == f"{API}/invocation/request-1/response"
    answer = json.loads(body)
    assert (answer["statusCode"], answer["body"]) == (200, "healthy")
    assert bootstrap in executables
    assert elf.read(bootstrap).machine == EM_AARCH64
    assert elf.read(bootstrap).static
    (line,) = [json.loads(line) for line in log.splitlines()]
    assert (line["event"], line["request_id"], line["version"]) == ("request", "request-1", "7")
    assert (line["outcome"], line["status"]) == ("ok", 200)
