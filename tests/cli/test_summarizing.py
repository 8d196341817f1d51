"""The job's summary: written where GitHub asks for one, under its limit, by the verbs themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollback_kit import Service

from pipeline.cli import run, summarizing
from pipeline.errors import CrabwalkError, ManifestError, Problem, UsageError
from pipeline.report.markdown.blocks import SUMMARY, in_bytes


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "summary.md"
    path.touch()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def test_without_github_nothing_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    rendered: list[int] = []
    summarizing.summarize(lambda limit: f"{rendered.append(limit)}")
    summarizing.append("# x")
    assert not rendered
    assert not summarizing.wanted()


def test_verbs_of_one_step_share_its_room(summary: Path) -> None:
    rooms: list[int] = []
    for _ in range(4):
        rooms.append(summarizing.room())
        summarizing.append("<details><summary>x</summary>\n\n```text\n" + "ü" * 99 + "\n" + f"{'line ' * 20}\n" * 5_000)
        assert summary.stat().st_size <= SUMMARY
    assert rooms == sorted(rooms, reverse=True)
    assert rooms[0] > SUMMARY - 1_000
    text = summary.read_text()
    assert text.endswith("> This summary is full; the job's log has the rest.\n")
    assert text.count("\n```\n") >= 1


@given(st.text("a`<>\n/details", max_size=200), st.integers(0, 400))
def test_what_is_cut_is_cut_between_lines_and_stays_under(text: str, left: int) -> None:
    made = summarizing._fitting(text, left)
    assert made == text or in_bytes(made) <= max(left, 0) + 100
    assert made == text or made.endswith(summarizing._FULL) or not left


def test_a_summary_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere" / "summary.md"))
    summarizing.append("# x")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("warning: the job's summary cannot be written: ")


def test_a_fault_says_what_where_and_what_next_and_no_argument(summary: Path) -> None:
    fault = CrabwalkError("it | broke\n<b>here</b>", where="file.rs:1", hint="mend it, @you")
    summarizing.fault(["--env", "deploy", "hunter2"], fault)
    text = summary.read_text()
    assert text.startswith("## ❌ <code>crabwalk deploy</code> failed\n\nit \\| broke\n<br>&lt;b&gt;here&lt;/b&gt;\n")
    assert "at <code>file.rs:1</code>" in text
    assert "**Next:** mend it, @&#8203;you" in text
    assert "hunter2" not in text


def test_every_problem_of_a_manifest_has_its_place(summary: Path) -> None:
    many = tuple(
        Problem(f"services/s{index}/service.yaml", 8, 9, "no unit", "write `128 MB`") for index in range(20_000)
    )
    summarizing.fault(["check"], ManifestError(many))
    text = summary.read_text()
    assert in_bytes(text) <= SUMMARY
    assert "| <code>services/s0/service.yaml:8:9</code> | no unit | write \\`128 MB\\` |" in text
    assert "left out: " in text


def test_a_verb_that_fails_says_so_in_the_summary(
    summary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["status", "--env", "staging"]) == 2
    assert capsys.readouterr().err.startswith("error: no crabwalk.yaml")
    assert summary.read_text().startswith("## ❌ <code>crabwalk status</code> failed\n\nno crabwalk.yaml in ")


def test_a_rollback_says_what_it_did_and_what_follows(hello: Service, summary: Path, ledger: str) -> None:
    assert ledger
    assert run(["rollback", "hello", "--env", "local", "--reason", "5xx"]) == 0
    first = summary.read_text()
    assert first.startswith("## ⏪ rollback of <code>hello</code> on <code>local</code>\n\n")
    assert "frozen: \\`deploy\\` passes it over until \\`crabwalk resume hello" in first
    assert hello.place.root.name not in first
    assert run(["rollback", "hello", "--env", "local"]) == 0
    assert "## 🟰 rollback of <code>hello</code>" in summary.read_text()[len(first) :]


def test_a_comment_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "comment.md"
    summarizing.write_comment(path, "one")
    summarizing.write_comment(path, "two")
    assert [one.name for one in tmp_path.iterdir()] == ["comment.md"]
    assert path.read_text() == "two"
    with pytest.raises(UsageError, match="the comment cannot be written"):
        summarizing.write_comment(tmp_path / "no" / "comment.md", "x")
