"""A build on a terminal, in a log and under GitHub Actions."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.build.model import Artifact, Notice
from pipeline.build.view import Diagnostic, Progress
from pipeline.errors import BuildError
from pipeline.report.build import BuildView, document, live_line, show
from pipeline.report.console import Console
from pipeline.report.text import clean

NOW = datetime(2026, 11, 21, 14, 3, 5, tzinfo=UTC)
START = Progress("aarch64-unknown-linux-musl", ("health", "hello"), total=80)
FAULT = Diagnostic(
    "error", "mismatched types", "error[E0308]: mismatched types\n --> services/hello/src/main.rs:8:5", "hello",
    "services/hello/src/main.rs", 8, 5,
)  # fmt: skip
WARNING = replace(FAULT, level="warning", message="unused variable: `x`", rendered="warning: unused variable: `x`")


def console(
    *, github: bool = False, terminal: bool = False, width: int = 100
) -> tuple[Console, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    environ = {"GITHUB_ACTIONS": "true"} if github else {}
    made = Console(stdout=out, stderr=err, environ=environ, terminal=terminal, width=width, now=lambda: NOW)
    return made, out, err


def built(view: BuildView) -> None:
    with view:
        view.progress(START)
        view.progress(replace(START, done=40, doing="serde v1.0.228"))
        view.diagnostic(WARNING)
        view.progress(replace(START, done=80, finished=("hello",)))
        view.progress(replace(START, done=80, finished=("health", "hello"), over=True))


def test_a_log_has_few_lines_with_their_time() -> None:
    made, out, err = console()
    built(BuildView(made, now=lambda: 100.0))
    assert out.getvalue().splitlines() == [
        "14:03:05Z aarch64-unknown-linux-musl: health, hello, 80 crates",
        "14:03:05Z aarch64-unknown-linux-musl: 40 of 80 crates, serde v1.0.228",
        "warning: unused variable: `x`",
        "14:03:05Z aarch64-unknown-linux-musl: 80 of 80 crates",
        "14:03:05Z aarch64-unknown-linux-musl: 80 of 80 crates in 0 s",
    ]
    assert err.getvalue() == ""


def test_github_folds_the_run_and_marks_the_places() -> None:
    made, out, err = console(github=True)
    view = BuildView(made, now=lambda: 100.0)
    built(view)
    lines = out.getvalue().splitlines()
    assert (lines[0], lines[-1]) == ("::group::compile for aarch64-unknown-linux-musl", "::endgroup::")
    assert err.getvalue() == "::warning file=services/hello/src/main.rs,line=8,col=5::unused variable: `x`\n"


def test_an_error_of_the_compiler_is_marked_once() -> None:
    made, out, err = console(github=True)
    view = BuildView(made)

    def fails() -> None:
        with view:
            view.progress(START)
            view.diagnostic(FAULT)
            view.diagnostic(replace(FAULT, line=9))
            raise BuildError("hello: does not compile", where=FAULT.where)

    with pytest.raises(BuildError) as caught:
        fails()
    made.error(caught.value)
    assert out.getvalue().endswith("::endgroup::\n")
    assert [line for line in err.getvalue().splitlines() if line.startswith("::error")] == [
        "::error file=services/hello/src/main.rs,line=9,col=5::mismatched types",
        "::error file=services/hello/src/main.rs,line=8,col=5::hello: does not compile",
    ]


def test_a_notice_with_a_place_is_marked_there() -> None:
    made, _, err = console(github=True)
    view = BuildView(made)
    view.notice(Notice("RUSTFLAGS is not used"))
    view.notice(Notice("the rustflags of [build] are not used", ".cargo/config.toml:2"))
    assert err.getvalue().splitlines() == [
        "warning: RUSTFLAGS is not used",
        "::warning::RUSTFLAGS is not used",
        "warning: .cargo/config.toml:2:1: the rustflags of [build] are not used",
        "::warning file=.cargo/config.toml,line=2,col=1::the rustflags of [build] are not used",
    ]


def test_a_terminal_has_one_line_that_goes() -> None:
    made, out, _ = console(terminal=True)
    built(BuildView(made, now=lambda: 100.0))
    shown = clean(out.getvalue())
    assert "warning: unused variable: `x`" in shown
    assert shown.rstrip().endswith("aarch64-unknown-linux-musl: 80 of 80 crates in 0:00")


def test_the_live_line() -> None:
    at = replace(START, done=12, doing="serde v1.0.228", finished=("hello",))
    line = live_line(at, 83, 100)
    assert line == "aarch64-unknown-linux-musl  12 of 80 crates  1:23  serde v1.0.228  (health, ✓ hello)"
    assert live_line(at, 83, 40) == "aarch64-unknown-linux-musl  12 of 80 cr…"
    uncounted = replace(START, total=None)
    assert live_line(uncounted, 5, 100) == "aarch64-unknown-linux-musl  0 crates  0:05  (health, hello)"


def test_the_table_and_the_document_of_a_build() -> None:
    path = Path("/store/ab.zip")
    one = Artifact(
        "hello", path, "ab" * 32, "q6ur", 1_234_567, "arm64", 2_345_678, "aarch64-unknown-linux-musl", "cd" * 32
    )
    target = "aarch64-unknown-linux-musl"
    made, out, _ = console()
    show(made, [one, replace(one, reused=True, grew="zip +2 kB since the last build here")])
    assert [line.split("  ") for line in re.sub(" {3,}", "  ", out.getvalue()).splitlines()] == [
        ["service", "target", "binary", "zip", "sha256", "from", "file"],
        ["hello", target, "2,346 kB", "1,235 kB", "ab" * 6, "compiled", str(path)],
        ["hello", target, "2,346 kB", "1,235 kB", "ab" * 6, "store", str(path)],
        ["hello: zip +2 kB since the last build here"],
    ]
    row = ["hello", "arm64", "musl", "2,346", "kB", "1,235", "kB"]
    for width, words in ((60, [*row, "compiled"]), (80, [*row, "ab" * 6, "compiled"])):
        made, out, _ = console(terminal=True, width=width)
        show(made, [one])
        lines = clean(out.getvalue()).splitlines()
        assert (len(lines), lines[-1].split()) == (3, words), "a row is one line"
    assert document(replace(one, grew="+2 kB since 1a2b3c"), "function") == {
        "service": "hello",
        "kind": "function",
        "architecture": "arm64",
        "target": target,
        "sha256": "ab" * 32,
        "code_sha256": "q6ur",
        "bytes": 1_234_567,
        "binary_bytes": 2_345_678,
        "path": "/store/ab.zip",
        "key": f"artifacts/{'ab' * 32}.zip",
        "reused": False,
        "grew": "+2 kB since 1a2b3c",
        "evidence": None,
    }
