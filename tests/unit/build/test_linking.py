"""What each compiler of cargo-lambda is called with, and what is said where something is missing."""

from __future__ import annotations

import platform as host
from pathlib import Path

import pytest
from build_kit import cargo_run

from pipeline.build import linking
from pipeline.build.flags import environment
from pipeline.build.targets import Platform
from pipeline.errors import BuildError

HERE, AWAY = ("x86_64", "arm64") if host.machine() == "x86_64" else ("arm64", "x86_64")
FOREIGN = {"arm64": "aarch64-linux-gnu-gcc", "x86_64": "x86_64-linux-gnu-gcc"}[AWAY]


def programs(folder: Path, **said: str) -> dict[str, str]:
    for name, words in said.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\necho '{words}'\n")
        path.chmod(0o755)
    return {"PATH": str(folder)}


def test_zig_and_cargo_lambda_are_named_without_starting_them() -> None:
    tools = linking.tools("cargo-zigbuild", Platform("arm64"), {"PATH": ""})
    assert tools.startswith("cargo-lambda 1.9.2\nzig 0.")
    assert linking.variables("cargo-zigbuild", Platform("arm64"), {}) == {}


def test_cargo_links_with_the_c_compiler_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    environ = programs(path, cc="cc 12.2.0")
    (path / FOREIGN).write_text("#!/bin/sh\necho foreign 13\n")
    (path / FOREIGN).chmod(0o755)
    monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")
    assert linking.tools("cargo", Platform(HERE), environ).endswith("\ncc: cc 12.2.0")
    assert linking.tools("cargo", Platform(AWAY), environ).endswith(f"\n{FOREIGN}: foreign 13")
    run = cargo_run(Platform(AWAY, (2, 34)), linking="cargo")
    name = f"CARGO_TARGET_{run.triple.upper().replace('-', '_')}_LINKER"
    assert environment(run, tmp_path, environ)[name] == FOREIGN
    assert environment(run, tmp_path, {**environ, name: "cc"})[name] == "cc", "the user's own"


def test_a_missing_linker_is_said_before_cargo_starts() -> None:
    with pytest.raises(BuildError) as caught:
        linking.tools("cargo", Platform("arm64"), {"PATH": "/nowhere", "CARGO_TARGET_X": "1"})
    assert "needs a linker for aarch64-unknown-linux-musl" in caught.value.what
    assert caught.value.hint is not None
    assert "apt-get install gcc" in caught.value.hint
    assert "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER" in caught.value.hint


def test_cross_needs_itself_and_an_engine_of_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildError, match="`cross` is not installed") as caught:
        linking.tools("cross", Platform("arm64"), {"PATH": "/nowhere"})
    assert "cargo install cross" in (caught.value.hint or "")
    environ = programs(tmp_path, cross="cross 0.2.5")
    with pytest.raises(BuildError, match="neither docker nor podman"):
        linking.tools("cross", Platform("arm64"), environ)
    programs(tmp_path, podman="podman 5")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert linking.tools("cross", Platform("arm64"), environ) == "cargo-lambda 1.9.2\ncross: cross 0.2.5"


def test_auditable_needs_cargo_auditable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildError, match="cargo-auditable is not installed"):
        linking.tools("cargo-zigbuild", Platform("arm64"), {"PATH": "/nowhere"}, auditable=True)
    environ = programs(tmp_path, cargo_auditable="cargo-auditable 0.7.0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    tools = linking.tools("cargo-zigbuild", Platform("arm64"), environ, auditable=True)
    assert "cargo-auditable: cargo-auditable 0.7.0" in tools.splitlines()
