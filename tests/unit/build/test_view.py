"""Which lines a log gets of a build."""

from __future__ import annotations

from dataclasses import replace

from pipeline.build.model import Notice
from pipeline.build.view import Diagnostic, Lines, Pace, Progress, view_of

START = Progress("aarch64-unknown-linux-musl", ("health", "hello"), total=80)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_each_quarter_and_after_ten_quiet_seconds() -> None:
    clock = Clock()
    pace = Pace(clock)
    lines = [pace.line(START)]
    for done in range(1, 81):
        clock.now += 0.1
        lines.append(pace.line(replace(START, done=done, doing=f"crate{done} v1")))
    clock.now += 11
    lines.append(pace.line(replace(START, done=80, doing="health v0.1.0")))
    lines.append(pace.line(replace(START, done=80, over=True)))
    assert [line for line in lines if line] == [
        "aarch64-unknown-linux-musl: health, hello, 80 crates",
        "aarch64-unknown-linux-musl: 20 of 80 crates, crate20 v1",
        "aarch64-unknown-linux-musl: 40 of 80 crates, crate40 v1",
        "aarch64-unknown-linux-musl: 60 of 80 crates, crate60 v1",
        "aarch64-unknown-linux-musl: 80 of 80 crates, crate80 v1",
        "aarch64-unknown-linux-musl: 80 of 80 crates, health v0.1.0",
        "aarch64-unknown-linux-musl: 80 of 80 crates in 19 s",
    ]


def test_without_a_number_of_crates_only_time_tells() -> None:
    clock, start = Clock(), replace(START, total=None)
    pace = Pace(clock)
    assert pace.line(start) == "aarch64-unknown-linux-musl: health, hello"
    assert pace.line(replace(start, done=1)) is None
    clock.now += 10
    assert pace.line(replace(start, done=2)) == "aarch64-unknown-linux-musl: 2 crates"


def test_one_crate_that_takes_long_is_a_line_each_half_minute() -> None:
    clock = Clock()
    pace = Pace(clock)
    at = replace(START, total=1)
    lines = [pace.line(at)]
    for moment in range(5, 100, 5):
        clock.now = 100.0 + moment
        lines.append(pace.line(at))
        at = replace(START, total=1, doing="ring v0.17.1")
    assert [line for line in lines if line] == [
        "aarch64-unknown-linux-musl: health, hello, 1 crate",
        "aarch64-unknown-linux-musl: 0 of 1 crate, ring v0.17.1",
        "aarch64-unknown-linux-musl: 0 of 1 crate, still ring v0.17.1, 35 s",
        "aarch64-unknown-linux-musl: 0 of 1 crate, still ring v0.17.1, 60 s",
        "aarch64-unknown-linux-musl: 0 of 1 crate, still ring v0.17.1, 85 s",
    ]


def test_before_the_first_crate_it_is_told_too_that_it_goes_on() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.line(START)
    clock.now += 30
    assert pace.line(START) == "aarch64-unknown-linux-musl: 0 of 80 crates, 30 s"


def test_a_callable_gets_all_as_lines() -> None:
    lines: list[str] = []
    view = view_of(lines.append)
    view.line("one")
    view.notice(Notice("two", "Cargo.toml:3"))
    view.notice(Notice("three"))
    view.diagnostic(Diagnostic("error", "four", "error: four\n --> five", "x"))
    view.progress(replace(START, over=True, done=80))
    assert lines[:5] == ["one", "Cargo.toml:3: two", "three", "error: four", " --> five"]
    assert len(lines) == 6


def test_a_view_stays_what_it_is() -> None:
    view = Lines(print)
    assert view_of(view) is view
