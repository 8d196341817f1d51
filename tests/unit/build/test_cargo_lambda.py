"""The command, and what is read of a finished run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from build_kit import cargo_run

from pipeline.build import cargo_lambda
from pipeline.build.cargo_lambda import Compiled
from pipeline.build.messages import Listener
from pipeline.build.targets import Platform
from pipeline.build.view import Lines, Progress

FIXED = "lambda build --profile release --locked --skip-target-check --message-format json --output-format binary"
PROGRAM = Path("/cache/bin/cargo-lambda")
WHERE = "--lambda-dir /cache/lambda --package health --package hello --bin hello"


def test_the_command_leaves_nothing_to_guess() -> None:
    command = cargo_lambda.command(replace(cargo_run(), features=("fast",)), Path("/cache/lambda"), PROGRAM)
    assert command[0] == str(PROGRAM)
    target = "--compiler cargo-zigbuild --target aarch64-unknown-linux-musl"
    assert " ".join(command[1:]) == f"{FIXED} {target} {WHERE} --features fast"


@pytest.mark.parametrize(
    ("linking", "target"),
    [
        ("cargo-zigbuild", "x86_64-unknown-linux-gnu.2.26"),
        ("cargo", "x86_64-unknown-linux-gnu"),
        ("cross", "x86_64-unknown-linux-gnu"),
    ],
)
def test_only_zig_is_told_the_floor_of_glibc(linking: str, target: str) -> None:
    run = cargo_run(Platform("x86_64", (2, 26)), linking=linking)
    words = " ".join(cargo_lambda.command(run, Path("/cache/lambda"), PROGRAM)[1:])
    assert words == f"{FIXED} --compiler {linking} --target {target} {WHERE}"


def test_an_auditable_binary_is_built_through_cargo_auditable() -> None:
    command = cargo_lambda.command(replace(cargo_run(), auditable=True), Path("/cache/lambda"), PROGRAM)
    assert command[:4] == ("cargo-auditable", "auditable", "lambda", "build")


def test_compilers_that_shape_binaries_differently_share_no_target_folder() -> None:
    toolchains = [cargo_run(linking=linking).toolchain for linking in ("cargo-zigbuild", "cargo", "cross")]
    assert len({cargo_lambda.identifier(one) for one in toolchains}) == 3


def test_the_variables_of_all_crates_of_a_run(tmp_path: Path) -> None:
    release = tmp_path / "release"
    for name, variable in (("deps/shared-1", "A"), ("deps/my_tool-2", "B"), ("build/x-3/build_script_build-3", "C")):
        file = release / f"{name}.d"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"x: y\n\n# env-dep:{variable}=1\n# env-dep:CARGO_PKG_NAME=x\n")
    (release / "deps/stale-9.d").write_text("# env-dep:STALE=1\n")
    (release / "build/x-3/output").write_text("cargo:rerun-if-env-changed=D\ncargo::rustc-env=B=2\n")
    listener = Listener(Lines(print), Progress("t", ()))
    listener.files = [
        release / "deps/libshared-1.rlib",
        release / "deps/libshared-1.rmeta",
        release / "my-tool",
        release / "build/x-3/build-script-build",
        release / "deps/libgone-7.so",
    ]
    listener.outputs = [release / "build/x-3/output", release / "build/gone/output"]
    assert Compiled({}, tmp_path, release, listener).variables == ("A", "C", "D")


def test_while_cargo_says_nothing_a_line_each_half_minute() -> None:
    lines: list[str] = []
    quiet = cargo_lambda._waiting(Lines(lines.append))
    for _ in range(6):
        quiet()
    assert lines == ["cargo reads the dependencies, and downloads what is not here yet"] * 2
