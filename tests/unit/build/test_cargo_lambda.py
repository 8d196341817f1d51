"""The command, the environment, and that nothing is left running."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from build_kit import toolchain

from pipeline.build import cargo_lambda
from pipeline.build.model import CargoRun, Target
from pipeline.errors import BuildError

X86, ARM = "x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"


def run(std: str = "installed", features: tuple[str, ...] = ()) -> CargoRun:
    target = Target("hello", "hello", "hello", "0" * 64)
    return CargoRun(toolchain(ARM, std), "arm64", ("health", "hello"), features, (target,), ("hello", "rust_shared"))


def test_the_command_leaves_nothing_to_guess() -> None:
    command = cargo_lambda.command(run(features=("fast",)), Path("/cache/lambda"))
    assert command[0] == str(cargo_lambda.scripts() / "cargo-lambda")
    assert " ".join(command[1:]) == (
        "lambda build --release --locked --skip-target-check --message-format json --output-format binary"
        f" --target {ARM} --lambda-dir /cache/lambda --package health --package hello --bin hello --features fast"
    )


def test_the_environment_has_nothing_of_the_users_flags() -> None:
    base = {
        "PATH": "/usr/bin",
        "HOME": "/home/me",
        "CARGO_HOME": "/home/me/.cargo",
        "RUSTFLAGS": "-Cdebuginfo=2",
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
        "CARGO_BUILD_TARGET_DIR": "/elsewhere",
        "CARGO_BUILD_JOBS": "2",
        "CARGO_NET_OFFLINE": "true",
    }
    env = cargo_lambda.environment(run(), Path("/cache/target"), base)
    assert env["PATH"].split(os.pathsep) == [str(cargo_lambda.scripts()), "/opt/rust/bin", "/usr/bin"]
    assert {name for name in base if name not in env} == {
        "RUSTFLAGS",
        "CARGO_PROFILE_RELEASE_OPT_LEVEL",
        "CARGO_BUILD_TARGET_DIR",
    }
    assert env["CARGO_ENCODED_RUSTFLAGS"].split("\x1f") == [
        "-Ctarget-cpu=neoverse-n1",
        "--remap-path-prefix=/home/me/.cargo=/cargo",
        "--remap-path-prefix=/opt/rust/lib/rustlib/src/rust=/rust",
    ]
    assert "RUSTC_BOOTSTRAP" not in env


def test_std_from_source_is_switched_on_only_then() -> None:
    env = cargo_lambda.environment(run("source"), Path("/cache/target"), {"PATH": "/usr/bin"})
    assert env["CARGO_UNSTABLE_BUILD_STD"] == "std,panic_abort"
    assert env["RUSTC_BOOTSTRAP"] == "1"
    assert "-Clink-self-contained=no" in env["CARGO_ENCODED_RUSTFLAGS"].split("\x1f")


def test_lines_come_as_they_are_written(tmp_path: Path) -> None:
    lines: list[str] = []
    script = "echo one; printf '\\377two\\n' >&2; exit 3"
    assert cargo_lambda.stream(("sh", "-c", script), tmp_path, dict(os.environ), lines.append) == 3
    assert lines == ["one", "\\xfftwo"]


def test_an_interruption_stops_the_children_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def interrupted(line: str) -> None:
        seen.append(int(line))
        raise KeyboardInterrupt

    # The leader ignores SIGTERM and its child holds the pipe; both must be gone afterwards.
    script = "trap '' TERM; sleep 600 & echo $!; wait"
    monkeypatch.setattr(cargo_lambda, "_GRACE_SECONDS", 0.1)
    with pytest.raises(KeyboardInterrupt):
        cargo_lambda.stream(("sh", "-c", script), tmp_path, dict(os.environ), interrupted)
    assert _gone(seen[0])


def _gone(process: int) -> bool:
    """Dead, or a zombie nobody has waited for yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def test_a_missing_cargo_lambda_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot be started") as caught:
        cargo_lambda.stream((str(tmp_path / "cargo-lambda"),), tmp_path, {}, print)
    assert "make setup" in (caught.value.hint or "")
