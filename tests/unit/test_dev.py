"""What `dev` would run: cargo-lambda's arguments, and which variables reach whom."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import dev
from pipeline.errors import UsageError

TOOL = Path("/opt/cargo-lambda")


def session(variables: dict[str, str] | None = None, base: dict[str, str] | None = None, **changes: Any) -> dev.Session:
    values = {"package": "crate", "binary": "hello", "features": (), "memory_mb": 256, **changes}
    return dev.plan(
        SimpleNamespace(**values),  # type: ignore[arg-type]
        root=Path("/repository"),
        variables=variables or {},
        base=base or {},
        tool=TOOL,
        port=9000,
    )


def test_the_command_names_package_features_and_loopback() -> None:
    assert session(features=("one", "two")).command == (
        *("/opt/cargo-lambda", "lambda", "watch", "--wait", "--disable-cors"),
        *("--invoke-address", "127.0.0.1", "--invoke-port", "9000", "--package", "crate", "--features", "one,two"),
    )
    assert session().url == "http://127.0.0.1:9000/lambda-url/hello/"


def test_the_manifests_variables_win_over_the_shells() -> None:
    planned = session({"GREETING": "Hi", "RUST_LOG": "warn"}, {"GREETING": "Hello", "PATH": "/bin"})
    assert dict(planned.environment) == {"GREETING": "Hi", "PATH": "/bin"}
    assert planned.memory_mb == 256


@pytest.mark.parametrize(
    ("variables", "base", "level"),
    [({}, {}, "info"), ({"RUST_LOG": "warn"}, {}, "warn"), ({"RUST_LOG": "warn"}, {"RUST_LOG": "debug"}, "debug")],
)
def test_the_log_level_is_the_shells_then_the_manifests(
    variables: dict[str, str], base: dict[str, str], level: str
) -> None:
    planned = session(variables, base)
    assert planned.rust_log == level
    assert "RUST_LOG" not in planned.environment, "cargo-lambda would take it for its own"


def test_a_taken_port_is_an_error_only_when_it_was_asked_for() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} cannot be listened on: Address already in use"):
            dev.free_port(port)
        assert dev.free_port(None) not in {0, port}


def test_a_dead_session_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRABWALK_LOCAL_DIR", str(tmp_path))
    planned = session()
    with dev._announced(planned):
        assert dev.port_of(planned.root, "hello") == 9000
        assert dev.port_of(planned.root, "other") is None
        assert dev.port_of(tmp_path, "hello") is None
        (record,) = tmp_path.rglob("*.json")
    assert dev.port_of(planned.root, "hello") is None
    record.write_text(json.dumps({"pid": 2**22 + 1, "port": 9000}))
    assert dev.port_of(planned.root, "hello") is None
