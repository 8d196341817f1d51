from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import local
from pipeline.cli import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CRABWALK_LOCAL_DIR", str(tmp_path / "aws"))
    monkeypatch.chdir(tmp_path)  # no project: these verbs need none
    yield tmp_path / "aws"
    local.down()


def test_up_status_and_down_may_be_repeated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["local", "status"]) == 0
    assert capsys.readouterr() == ("the embedded AWS is not running; start it with: crabwalk local up\n", "")

    assert run(["local", "up"]) == 0
    place = rf"at (http://127\.0\.0\.1:\d+) \(process (\d+), data in {re.escape(str(folder))}\)"
    out = capsys.readouterr().out.splitlines()
    first = re.fullmatch(rf"the embedded AWS is up {place}", out[0])
    assert first
    assert out[1:] == ["next: crabwalk bootstrap local, then crabwalk deploy"]

    assert run(["local", "up"]) == 0
    again = re.fullmatch(rf"the embedded AWS runs already {place}", capsys.readouterr().out.splitlines()[0])
    assert again
    assert again.groups() == first.groups()

    assert run(["local", "up", "--output", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"endpoint": first[1], "pid": int(first[2]), "data_dir": str(folder)}
    assert run(["local", "status", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"running": True, "endpoint": first[1]}
    assert run(["local", "status"]) == 0
    assert re.fullmatch(rf"the embedded AWS runs {place}\n", capsys.readouterr().out)

    assert run(["local", "down"]) == 0
    assert capsys.readouterr().out == "the embedded AWS is stopped\n"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(first[1].rsplit(":", 1)[1])))
    assert run(["local", "down"]) == 0
    assert capsys.readouterr().out == "the embedded AWS was not running\n"
    assert run(["local", "status", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"running": False, "endpoint": None}


def test_a_port_that_is_taken(embedded: local.Running, folder: Path) -> None:  # noqa: ARG001
    port = embedded.endpoint.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "local", "up", "--port", port], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: port {port} of 127.0.0.1 cannot be used: Address already in use",
        "  next: leave the port out: a free one is taken",
    ]
