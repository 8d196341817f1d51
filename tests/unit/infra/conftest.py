"""A project with services, and a stand-in for Terraform that says what a test tells it to."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.manifest.models import HttpTrigger, Service
from pipeline.manifest.project import Environment, Project

MODULES = Path(__file__).parents[3] / "modules"

# Reads the lines to print and the exit code from the file named after the command; logs how it was called.
FAKE = """\
#!{python}
import json, os, pathlib, signal, sys, time
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(json.dumps({{"arguments": sys.argv[1:], "pid": os.getpid(), "group": os.getpgid(0),
                             "environment": dict(os.environ), "cwd": os.getcwd()}}) + "\\n")
told = json.loads((here / (sys.argv[1] + ".json")).read_text())
if told.get("plan"):
    pathlib.Path("plan.tfplan").write_bytes(b"plan")
if told.get("hang"):
    def interrupted(*_):
        with (here / "interrupts").open("a") as interrupts:
            interrupts.write("x")
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN if told["hang"] == "deaf" else interrupted)
    print('{{"@message": "hanging"}}', flush=True)
    while True:
        signal.pause()
sys.stderr.buffer.write(told.get("stderr", "").encode() * told.get("times", 1))
sys.stdout.buffer.write(told.get("raw", "").encode("latin-1"))
for line in told.get("lines", []):
    print(line if isinstance(line, str) else json.dumps(line), flush=True)
sys.exit(told.get("code", 0))
"""


class FakeTerraform:
    """The stand-in: `tell` what a command prints, `calls` afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        binary = folder / "terraform"
        binary.write_text(FAKE.format(python=sys.executable))
        binary.chmod(0o755)
        self.environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}

    def tell(self, command: str, *lines: Mapping[str, Any] | str, **more: Any) -> None:
        (self.folder / f"{command}.json").write_text(json.dumps({"lines": list(lines), **more}))

    @property
    def calls(self) -> list[dict[str, Any]]:
        log = self.folder / "calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    @property
    def commands(self) -> list[str]:
        return [call["arguments"][0] for call in self.calls]

    @property
    def interrupts(self) -> int:
        log = self.folder / "interrupts"
        return len(log.read_text()) if log.exists() else 0


@pytest.fixture
def terraform(tmp_path: Path) -> FakeTerraform:
    return FakeTerraform(tmp_path / "fake")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project("shop", tmp_path)


@pytest.fixture
def staging() -> Environment:
    return Environment("staging", "123456789012", "eu-west-1", "crabwalk-shop-staging-123456789012")


@pytest.fixture
def embedded_environment() -> Environment:
    return Environment(
        "local",
        "000000000000",
        "us-east-1",
        "crabwalk-shop-local",
        endpoint="http://127.0.0.1:1",
        credentials=("test", "test"),
        embedded=True,
    )


@pytest.fixture
def service(tmp_path: Path) -> Callable[..., Service]:
    def make(name: str = "hello", **fields: Any) -> Service:
        folder = tmp_path / "services" / name
        defaults = {"stack": "web", "triggers": (HttpTrigger(routes=("GET /",)),)}
        return Service(name=name, directory=folder, file=folder / "service.yaml", **{**defaults, **fields})

    return make
