"""The live view: the panel to the letter, lines off a terminal, and the picture it leaves."""

from __future__ import annotations

import contextlib
import io
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console as RichConsole

from pipeline.release.judge.judge import Counts, Minute, judge
from pipeline.release.walk.view import WalkView
from pipeline.report.console import Console
from pipeline.report.live import WalkLive
from pipeline.report.svg import picture
from pipeline.report.text import clean
from pipeline.report.walk import render

NOW = datetime(2026, 11, 21, 14, 3, 5, tzinfo=UTC)


def walk(periods: Sequence[tuple[int, int]], *, step: int = 0, weight: float = 0.1, phase: str = "walking") -> WalkView:
    """`periods`: requests and errors of the canary, one a second; the baseline gets 90 clean ones."""
    minutes = [Minute(t, 0, Counts(*canary), Counts(90, 0)) for t, canary in enumerate(periods)]
    verdict = judge(minutes, steps=2, bake=8, names=("version 12", "version 11"))
    return WalkView(
        service="hello",
        environment="local",
        release_id="r-1",
        commit="3f2a91c0deadbeef",
        subject="Greet in the caller's language",
        stable="11",
        candidate="12",
        weight=weight,
        steps=(0.1, 0.5),
        step=step,
        bake_s=8,
        baked_s=min(8, len(periods)),
        canary=verdict.canary,
        baseline=verdict.baseline,
        recent=tuple((minute.canary, minute.baseline) for minute in minutes),
        verdict=verdict,
        phase=phase,
        next="50 % in 4 s",
        elapsed_s=float(len(periods)),
        period_s=1,
    )


HEALTHY = walk([(10, 0)] * 4)
BAD = replace(walk([(10, 2)] * 4, weight=0.0, phase="rolled-back"), next="fix the commit and deploy again")


def drawn(view: WalkView, width: int, height: int | None = None, *, copies: int = 1) -> str:
    out = io.StringIO()
    console = RichConsole(file=out, width=width, force_terminal=True, color_system=None, _environ={})
    console.print(render([view] * copies, width, height))
    return out.getvalue()


FAILED = """\
╭─ hello · local ───────────────────────────────────────────────────────────── rolled back · 0:04 ─╮
│ change   version 11 → 12  3f2a91c Greet in the caller's language                                 │
│                                                                                                  │
│ traffic  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  0 % on version 12 │
│ steps    ✗ 10 % ━━━━━━━━━━━───────────  ○ 50 % ──────────────────────  ○ 100 %                   │
│                                                                                                  │
│ evidence             requests  errors  rate  error rate per second                               │
│          version 12        40       8  20 %  ████                                                │
│          version 11       360       0   0 %  ▁▁▁▁                                                │
│                                                                                                  │
│ judge    ━━━━━━━━━━━━━━━━━━━━  e-value 31,759, worse at 100   difference +10.4 to +34.8 points   │
│          FAIL  of 40 requests to version 12, 8 failed; of 360 to version 11 in the same time,    │
│          none did; that is not chance (at most 1 in 31,700)                                      │
│ next     fix the commit and deploy again                                                         │
╰──────────────────────────────────────────────────────────────────────────────────────────────────╯
"""

NARROW = """\
╭─ hello · local ───────────────────────── walking · 0:04 ─╮
│ change   version 11 → 12  3f2a91c Greet in the caller's… │
│                                                          │
│ traffic  ━━━━━━━━━━━━━━━━━━━━━━━━━━━  10 % on version 12 │
│ steps    ● 10 % ━━━━━──────  ○ 50 % ───────────  ○ 100 % │
│                                                          │
│ evidence             requests  errors  rate              │
│          version 12        40       0   0 %              │
│          version 11       360       0   0 %              │
│                                                          │
│ judge    ────────  e-value 1.0, worse at 100             │
│          BAKING  of 40 requests to version 12, none      │
│          failed; of 360 to version 11 in the same time,  │
│          none did; no sign so far that it is worse       │
│ next     50 % in 4 s                                     │
╰──────────────────────────────────────────────────────────╯
"""


def test_panel_of_a_walk_that_failed() -> None:
    assert drawn(BAD, 100) == FAILED


def test_panel_on_a_narrow_terminal() -> None:
    assert drawn(HEALTHY, 60) == NARROW


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_panel_never_exceeds_the_terminal(width: int) -> None:
    for view in (HEALTHY, BAD, replace(HEALTHY, verdict=None, recent=(), canary=Counts(0, 0), step=-1, weight=0.0)):
        assert {len(line) for line in drawn(view, width).splitlines()} == {min(width, 110)}


def test_many_walks_become_a_line_each() -> None:
    assert (
        drawn(HEALTHY, 80, 40, copies=4).splitlines() == ["hello walking 10 % on version 12, 0 of 40 failed, 0:04"] * 4
    )
    assert len(drawn(HEALTHY, 80, 40, copies=2).splitlines()) > 20


def test_foreign_text_is_text() -> None:
    evil = replace(HEALTHY, subject="[red]x[/red]\x1b[2J\x1b]0;t\x07 <svg> & ]]>", next="a\nb")
    shown = drawn(evil, 100)
    assert "[red]x[/red] <svg> & ]]>" in shown
    assert "\x1b" not in shown
    assert "a b" in shown


def plain(record: Path | None = None) -> tuple[WalkLive, io.StringIO]:
    out = io.StringIO()
    console = Console(stdout=out, stderr=io.StringIO(), environ={}, now=lambda: NOW)
    return WalkLive(console, record), out


def test_off_a_terminal_a_line_when_something_changes() -> None:
    live, out = plain()
    with live:
        live.update([HEALTHY])
        live.update([replace(HEALTHY, elapsed_s=9.0)])
        live.update([replace(HEALTHY, elapsed_s=10.0, weight=0.5, step=1)])
        live.update([BAD])
        live.update([BAD])
    assert out.getvalue().splitlines() == [
        (
            "14:03:05Z hello: 10 % on version 12; "
            "version 12 0 of 40 failed (0 %), version 11 0 of 360 failed (0 %); "
            "baking, e-value 1.0, worse at 100; "
            "next: 50 % in 4 s"
        ),
        (
            "14:03:05Z hello: 50 % on version 12; "
            "version 12 0 of 40 failed (0 %), version 11 0 of 360 failed (0 %); "
            "baking, e-value 1.0, worse at 100; "
            "next: 50 % in 4 s"
        ),
        (
            "14:03:05Z hello: rolled back, 0 % on version 12; "
            "FAIL, e-value 31,759, worse at 100; "
            "of 40 requests to version 12, 8 failed; "
            "of 360 to version 11 in the same time, none did; "
            "that is not chance (at most 1 in 31,700); "
            "next: fix the commit and deploy again"
        ),
    ]


def test_off_a_terminal_at_most_a_line_every_ten_seconds_of_walk() -> None:
    live, out = plain()
    with live:
        for second in range(40):
            live.update([replace(HEALTHY, elapsed_s=float(second))])
    assert len(out.getvalue().splitlines()) == 4


def test_off_a_terminal_what_stands_still_is_told_again_only_after_minutes() -> None:
    live, out = plain()
    with live:
        for second in range(0, 660, 2):
            live.update([replace(HEALTHY, phase="paused", next="paused by anna: lunch", elapsed_s=float(second))])
    assert len(out.getvalue().splitlines()) == 3


@pytest.mark.parametrize(
    ("signal", "columns", "line"),
    [
        ("errors", "requests  errors  rate  error rate per second", "version 12 0 of 40 failed (0 %)"),
        ("failures", "requests  failures  rate  failure rate per second", "version 12 0 of 40 failed (0 %)"),
        ("timeouts", "requests  timeouts  rate  timeout rate per second", "version 12 0 of 40 timed out (0 %)"),
        ("slow", "requests  slow  rate  slow requests per second", "version 12 0 of 40 took too long (0 %)"),
    ],
)
def test_the_numbers_are_named_after_the_signal_that_decides(signal: str, columns: str, line: str) -> None:
    view = replace(HEALTHY, signal=signal)
    assert columns in drawn(view, 100)
    live, out = plain()
    with live:
        live.update([view])
    assert line in out.getvalue()


@pytest.mark.parametrize(
    ("phase", "said"),
    [("walking", "nothing to judge yet"), ("rolled-back", "it was not the judge that ended it")],
)
def test_where_the_judge_said_nothing_the_panel_says_why(phase: str, said: str) -> None:
    assert said in drawn(replace(HEALTHY, verdict=None, phase=phase), 100)


def test_on_a_terminal_it_is_drawn_in_place() -> None:
    out = io.StringIO()
    environ = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    console = Console(stdout=out, stderr=io.StringIO(), environ=environ, terminal=True, width=100)
    with WalkLive(console) as live:
        live.update([HEALTHY])
        console.line("said meanwhile")
        live.update([BAD])
    drawn_last = clean(out.getvalue()).split("said meanwhile")[-1]
    assert "\x1b[1A" in out.getvalue(), "the cursor goes up"
    assert "rolled back" in drawn_last
    assert out.getvalue().endswith("\x1b[?25h"), "the cursor is shown again"


def test_picture_stands_alone_and_is_repeatable(tmp_path: Path) -> None:
    file = tmp_path / "new" / "walk.svg"
    live, _ = plain(file)
    with live:
        live.update([replace(BAD, subject="<b>&\x00\x1b[1m [x]")])
    text = file.read_text(encoding="utf-8")
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own
    assert text.count("http") == 1, "nothing but the name space: no font, no image, no script"
    assert "url(" not in text.replace("url(#", "")
    said = "".join(ET.fromstring(text).itertext()).replace("\u00a0", " ")  # noqa: S314
    assert "<b>& [x]" in said
    assert "crabwalk deploy" in said
    again = [picture(render([BAD], 100), "t") for _ in range(2)]
    assert again[0] == again[1]


def test_picture_is_left_even_when_the_walk_ends_in_an_error(tmp_path: Path) -> None:
    live, _ = plain(tmp_path / "walk.svg")
    with contextlib.suppress(KeyboardInterrupt), live:
        live.update([HEALTHY])
        raise KeyboardInterrupt
    assert (tmp_path / "walk.svg").exists()


def test_nothing_seen_leaves_no_picture(tmp_path: Path) -> None:
    live, out = plain(tmp_path / "walk.svg")
    with live:
        pass
    assert not (tmp_path / "walk.svg").exists()
    assert out.getvalue() == ""
