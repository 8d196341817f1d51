"""`health` as production runs it: built for arm64, executed under qemu, answering through the Runtime API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import ClassVar

import pytest

from pipeline.build import elf, execute_build, plan_build
from pipeline.manifest import load_services
from pipeline.manifest.project import load_project

ROOT = Path(__file__).resolve().parents[2]
API = "/2018-06-01/runtime"
EM_AARCH64 = 183
PATIENCE = 60


class RuntimeApi(BaseHTTPRequestHandler):
    """The smallest Runtime API: hands out the events of a queue, collects what comes back."""

    protocol_version = "HTTP/1.1"
    events: ClassVar[Queue[bytes]]
    answers: ClassVar[Queue[tuple[str, bytes]]]
    idle: ClassVar[Event]
    over: ClassVar[Event]

    def do_GET(self) -> None:
        assert self.path == f"{API}/invocation/next"
        if self.events.empty():
            self.idle.set()
            self.over.wait()
            self.close_connection = True
            return
        self.reply(200, self.events.get())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or self.chunks()
        self.answers.put((self.path, body))
        self.reply(202, b"{}")

    def chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        return b"".join(parts)

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "request-1")
        self.send_header("Lambda-Runtime-Deadline-Ms", "32503680000000")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:health")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def api() -> Iterator[type[RuntimeApi]]:
    class Api(RuntimeApi):
        events, answers, idle, over = Queue(), Queue(), Event(), Event()
        address: ClassVar[str]

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Api.address = f"127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Api
    Api.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


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


def test_health_answers_an_event_on_arm64(bootstrap: Path, api) -> None:
    api.events.put((ROOT / "services/health/events/health.json").read_bytes())
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": "health",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
    }
    qemu = shutil.which("qemu-aarch64-static")
    assert qemu is not None, "apt-get install qemu-user-static"
    with subprocess.Popen([qemu, bootstrap], env=environment, stdout=subprocess.PIPE, text=True) as process:
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
