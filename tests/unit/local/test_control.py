from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from pipeline import local
from pipeline.errors import CrabwalkError, UsageError
from pipeline.local import control


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("CRABWALK_LOCAL_DIR", str(tmp_path))
    return tmp_path


def test_where_the_state_lies(tmp_path, monkeypatch):
    monkeypatch.delenv("CRABWALK_LOCAL_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert control.state_dir() == tmp_path / "crabwalk" / "local"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert control.state_dir() == tmp_path / ".local" / "state" / "crabwalk" / "local"


@pytest.mark.usefixtures("own")
def test_nothing_runs_in_a_fresh_directory():
    assert local.running() is None
    assert local.down() is False


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', "{}"])
def test_a_broken_state_file_means_nothing_runs(own, text):
    (own / "server.json").write_text(text)
    assert local.running() is None


def test_a_dead_process_is_not_running(own):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    state = {"endpoint": "http://127.0.0.1:1", "pid": process.pid, "started": "1"}
    (own / "server.json").write_text(json.dumps(state))
    assert local.running() is None


def test_a_recycled_process_number_is_not_the_server(own):
    state = {"endpoint": "http://127.0.0.1:1", "pid": os.getpid(), "started": "1"}
    (own / "server.json").write_text(json.dumps(state))
    assert local.running() is None


@pytest.mark.usefixtures("own")
def test_a_taken_port_is_the_users_mistake():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="cannot be used"):
        local.up(port=taken.getsockname()[1])


def test_a_server_that_does_not_start_shows_its_log(own, monkeypatch):
    (own / "tmp").write_text("a file where a directory must be")
    monkeypatch.setattr(control, "_end_leftovers", lambda _directory: None)
    with pytest.raises(CrabwalkError, match="FileExistsError") as fault:
        local.up()
    assert fault.value.where == str(own / "server.log")
    assert local.running() is None


@pytest.mark.usefixtures("own")
def test_without_ministack_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(control.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError) as fault:
        local.up()
    assert "crabwalk[local]" in (fault.value.hint or "")


def test_the_server_sees_nothing_of_the_machine(own, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    environment = control.server_environment(own)
    assert not [name for name in environment if name.startswith(("AWS_", "GITHUB"))]
    assert environment["HOME"] == str(own)


def test_asking_whether_it_runs_imports_the_standard_library_only():
    code = (
        "import sys, pipeline.local; print([m for m in sys.modules if m.split('.')[0] in {'boto3','ministack','yaml'}])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
