"""A verb that a person ends while AWS does not answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import verb_kit

BESIDE = ("hello", "web")


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """It listens and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def asked(tmp_path: Path, silent: socket.socket) -> tuple[subprocess.Popen[str], list[socket.socket]]:
    """`status` of two services whose records it has asked for at once, and the connections that wait."""
    place = verb_kit.place(tmp_path / "project", "silent")
    for name in BESIDE[1:]:
        source = place.root / "services" / BESIDE[0]
        for file in ("Cargo.toml", "service.yaml", "src/main.rs"):
            target = place.root / "services" / name / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text((source / file).read_text().replace(BESIDE[0], name))
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {"HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    env |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "pipeline", "status", *BESIDE, "--env", "staging"],
        cwd=place.root,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, [silent.accept()[0] for _ in BESIDE]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_it_does_not_wait_for_aws(tmp_path: Path, silent: socket.socket, number: signal.Signals) -> None:
    process, waiting = asked(tmp_path, silent)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)  # a call that hangs is given up after 30 seconds
    assert (process.returncode, out, err.strip()) == (128 + number, "", f"crabwalk: ended by {number.name}")
    for one in waiting:
        one.close()


def test_while_it_is_loaded_an_interruption_just_ends_it(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "--help"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
