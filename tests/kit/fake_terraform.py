"""A stand-in for Terraform that says and writes what a test tells it to, and logs how it was called."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Reads the lines to print and the exit code from the file named after the command; logs how it was called.
FAKE = """\
#!{python}
import json, os, pathlib, signal, sys, time
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(json.dumps({{"arguments": sys.argv[1:], "pid": os.getpid(), "group": os.getpgid(0),
                             "environment": dict(os.environ), "cwd": os.getcwd()}}) + "\\n")
told = json.loads((here / (sys.argv[1] + ".json")).read_text())
for name, text in told.get("writes", {{}}).items():
    pathlib.Path(name).write_text(text)
if told.get("hang"):
    def interrupted(*_):
        with (here / "interrupts").open("a") as interrupts:
            interrupts.write("x")
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN if told["hang"] == "deaf" else interrupted)
    for line in told.get("lines", []) if told["hang"] == "after" else ['{{"@message": "hanging"}}']:
        print(line if isinstance(line, str) else json.dumps(line), flush=True)
    while True:
        signal.pause()
sys.stderr.buffer.write(told.get("stderr", "").encode() * told.get("times", 1))
sys.stdout.buffer.write(told.get("raw", "").encode("latin-1"))
while told.get("waits") and not (here / told["waits"]).exists():
    time.sleep(0.02)
for line in told.get("lines", []):
    print(line if isinstance(line, str) else json.dumps(line), flush=True)
for name, text in told.get("writes_last", {{}}).items():
    pathlib.Path(name).write_text(text)
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
