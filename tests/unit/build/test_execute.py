"""What is asked of every build, whether or not anything is compiled."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from build_kit import cargo_run, service

from pipeline.build.compile import compile_runs
from pipeline.build.execute import execute_build
from pipeline.build.model import BuildPlan
from pipeline.build.record import Source
from pipeline.build.store import Made, Store
from pipeline.build.view import Lines
from pipeline.errors import BuildError


def test_a_budget_holds_for_what_the_store_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / "cache"))
    artifact = Store.default().put(b"x" * 2_000, Made("one", "1" * 64, "arm64", "aarch64-unknown-linux-musl", 3_000))
    lines: list[str] = []

    def build(warn: int, fail: int) -> None:
        wish = service("one", budget=SimpleNamespace(warn_bytes=warn, fail_bytes=fail))
        execute_build(BuildPlan(tmp_path, (wish,), (), (artifact,)), lines.append)

    build(2_000, 2_000)
    assert lines == []
    build(1_999, 2_000)
    assert lines == ["one: the zip has 0.0 MB, more than its budget of 0.0 MB"]
    with pytest.raises(BuildError, match=r"one: the zip has 0\.0 MB, its budget ends at 0\.0 MB"):
        build(1_000, 1_999)


def test_without_a_home_nothing_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    with pytest.raises(BuildError, match="HOME is not set"):
        compile_runs(BuildPlan(tmp_path, (), (cargo_run(),), ()), Store(tmp_path), Source(), Lines(print))
