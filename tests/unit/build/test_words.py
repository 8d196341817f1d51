"""Which compiler, and why several cargo runs: said once, before anything is compiled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from build_kit import cargo_run, compiler, service

from pipeline.build import words
from pipeline.build.packages import read_workspace
from pipeline.build.plan import plan_with
from pipeline.build.targets import Platform

ARM = Platform("arm64")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The folder of the first rustc on PATH."""
    rustc = tmp_path / "bin" / "rustc"
    rustc.parent.mkdir()
    rustc.touch(mode=0o755)
    return rustc.parent


def test_the_usual_compiler_is_named_shortly(path: Path) -> None:
    run = cargo_run()
    usual = replace(run, toolchain=replace(run.toolchain, compiler=compiler(str(path))))
    assert words.compilers([usual, usual], {"PATH": str(path)}) == ("rustc 1.90.0",)


def test_another_compiler_than_the_first_says_where_it_is(path: Path) -> None:
    assert words.compilers([cargo_run()], {"PATH": str(path)}) == ("rustc 1.90.0 from /opt/rust/bin",)
    assert words.compilers([], {"PATH": str(path)}) == ()


def test_a_std_that_is_compiled_is_said() -> None:
    arm, x86 = cargo_run(std="source"), cargo_run(Platform("x86_64"), std="source")
    said = "rustc 1.90.0 from /opt/rust/bin; no musl std there, so it is compiled too"
    assert words.compilers([arm, x86], {}) == (said,)


def test_why_a_service_is_built_apart(tree: Path) -> None:
    workspace, toolchains = read_workspace(tree), {ARM: cargo_run().toolchain}
    wishes = [service("big"), service("one"), service("two", features=("x",))]
    runs = plan_with(workspace, wishes, toolchains, None).runs
    assert sorted(words.apart(workspace, runs)) == [
        "one is built apart: it asks other features of shared",
        "two is built apart: the manifest asks for features (x)",
    ]
    assert words.apart(workspace, plan_with(workspace, wishes[1:2], toolchains, None).runs) == ()
