"""Recordings that are wrong: every fault with its place and what to write, none lost, never a traceback."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.release.judge.cells import HEADER
from pipeline.release.judge.recording import RecordingError, parse
from pipeline.release.judge.replay import Settings, replay

HOSTILE = settings(derandomize=True, max_examples=300, database=None)


COLUMNS = ", ".join(HEADER.split(","))
TIME = "write the minute, or a time such as 2026-11-21T14:03:00Z"


def faults(data: bytes | str, file: str = "x.csv") -> list[str]:
    with pytest.raises(RecordingError) as caught:
        parse(data.encode() if isinstance(data, str) else data, file)
    return [str(problem) for problem in caught.value.problems]


def csv(*rows: str) -> str:
    return "\n".join([HEADER, *rows, ""])


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("", f"x.csv:1:1: the file is empty, write `{HEADER}` and a row a minute"),
        (" \n\n", f"x.csv:1:1: the file is empty, write `{HEADER}` and a row a minute"),
        ("# only\n# words\n", f"x.csv:1:1: there is no header, write `{HEADER}`"),
        (b"t,step\n\xff", "x.csv:2:1: byte 0xff is not UTF-8, save the file as UTF-8"),
        (HEADER.replace(",", ";"), f"x.csv:1:1: the columns are separated by `;`, write `{HEADER}`"),
        (HEADER.replace(",", "\t"), f"x.csv:1:1: the columns are separated by tabs, write `{HEADER}`"),
        (
            f"{HEADER},minute",
            "x.csv:1:1: `t` and `minute` mean the same, remove one",
        ),
        (f"{HEADER},step", f"x.csv:1:{len(HEADER) + 2}: column `step` is there twice, remove one"),
        (
            f"{HEADER},wat",
            f"x.csv:1:{len(HEADER) + 2}: `wat` is not a column of a recording, write one of {COLUMNS}, signal, periods",
        ),
        (HEADER.replace("step,", ""), f"x.csv:1:1: column `step` is missing, write `{HEADER}`"),
        (HEADER, "x.csv:1:1: no row is of a walk: every step is -1, write 0 as the `step` of the first step's minutes"),
        (
            csv("1,0,1,0,1"),
            f"x.csv:2:10: 5 cells under a header of 6, write one each for {COLUMNS}",
        ),
        (
            csv("1,0,1,0,1,0,7"),
            f"x.csv:2:13: 7 cells under a header of 6, write one each for {COLUMNS}",
        ),
        (csv("1,0,-3,0,1,0"), "x.csv:2:5: canary_n: `-3` is less than 0, write a whole number, 0 or more"),
        (csv("1,0,1,2,1,0"), "x.csv:2:7: canary_bad is 2, more than the 1 of canary_n, write at most 1"),
        (csv("1,0,1,0,1.5,0"), "x.csv:2:9: baseline_n: `1.5` is not a whole number, write a whole number, 0 or more"),
        (csv("1,0,1,0,NaN,0"), "x.csv:2:9: baseline_n: `NaN` is not a number, write a whole number, 0 or more"),
        (csv("1,0,1,0,,0"), "x.csv:2:9: baseline_n: nothing is not a number, write a whole number, 0 or more"),
        (csv("1,0,1,0,1_0,0"), "x.csv:2:9: baseline_n: `1_0` is not a number, write a whole number, 0 or more"),
        (csv("1,0,1,0,٣,0"), "x.csv:2:9: baseline_n: `٣` is not a number, write a whole number, 0 or more"),
        (csv("1,0,1,0,1e400,0"), "x.csv:2:9: baseline_n: `1e400` is too much, write at most 1000000000000000"),
        (csv("1,0,1,0,-inf,0"), "x.csv:2:9: baseline_n: `-inf` is less than 0, write a whole number, 0 or more"),
        (csv("1,-2,1,0,1,0"), "x.csv:2:3: step: `-2` is less than -1, write -1 before the walk, 0 for the first step"),
        (csv("1,9e9,1,0,1,0"), "x.csv:2:3: step: `9e9` is too much, write at most 1000"),
        (
            csv("soon,0,1,0,1,0"),
            f"x.csv:2:1: t: `soon` is neither a number nor a time, {TIME}",
        ),
        (
            csv("1,0,1,0,1,0", "2,0,1,0,1,0", "1,0,1,0,1,0"),
            "x.csv:4:1: minute 1 is there twice, first in line 2, remove one",
        ),
        (csv("1,1,1,0,1,0", "2,0,1,0,1,0"), "x.csv:3:1: the step goes back from 1 to 0 at minute 2, write 1 or more"),
    ],
)  # fmt: skip
def test_faults_of_csv(data: bytes | str, fault: str) -> None:
    assert faults(data) == [fault]


def test_every_fault_is_said() -> None:
    found = faults(csv("x,-2,-1,NaN,1,2", "1,0,1,0,1,0", '1,0,1,0,1,"0', "2,0,1,0,1,0"))
    assert [fault.split(" ")[0] for fault in found] == [
        "x.csv:2:1:", "x.csv:2:3:", "x.csv:2:6:", "x.csv:2:9:", "x.csv:2:15:", "x.csv:4:11:",
    ]  # fmt: skip


SHAPE = "write a list of objects with the keys t, step, canary_n, canary_bad, baseline_n, baseline_bad"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("[", f"x.json:1:2: this is not JSON: Expecting value, {SHAPE}"),
        ("{}", f"x.json:1:1: the rows are not a list, {SHAPE}"),
        ('"rows"', f"x.json:1:1: the rows are not a list, {SHAPE}"),
        ('{"minutes": {"a": 1}}', f"x.json:1:1: the rows are not a list, {SHAPE}"),
        ('{"minutes": [ ]}', f"x.json:1:15: there is no row, {SHAPE}"),
        ("[\n 7]", f"x.json:2:2: a row is not an object, {SHAPE}"),
        ("[" * 100_000, f"x.json:1:1: a number is too long, or lists are nested too deep, {SHAPE}"),
        ("[" + "9" * 5000 + "]", f"x.json:1:1: a number is too long, or lists are nested too deep, {SHAPE}"),
    ],
)
def test_faults_of_json(data: str, fault: str) -> None:
    assert faults(data, "x.json") == [fault]


def test_faults_in_rows_of_json_have_their_place() -> None:
    good = {"t": 1, "step": 0, "canary_n": 1, "canary_bad": 0, "baseline_n": 1, "baseline_bad": 0}
    rows = [good, {**good, "t": 2, "canary_n": True}, {**good, "t": 3, "baseline_n": 10**400}, {**good, "t": [4]}]
    text = json.dumps(rows).replace("}, {", "},\n {")
    assert faults(text, "x.json") == [
        "x.json:2:22: canary_n: `true` is not a number, write a whole number, 0 or more",
        f"x.json:3:54: baseline_n: `1{'0' * 39}…` is too much, write at most 1{'0' * 15}",
        f"x.json:4:3: t: `[4]` is neither a number nor a time, {TIME}",
    ]
    assert (
        faults('[{"t": 1, "t": 2}]', "x.json")[0]
        == "x.json:1:2: column `baseline_bad` is missing, write `" + HEADER + "`"
    )


def test_times_quotes_comments_and_signals_are_read() -> None:
    text = (
        "﻿# recorded by hand\r\n"
        'minute, step,"canary_n",canary_bad,baseline_n,baseline_bad,signal\r\n'
        "\r\n"
        "2026-11-21T14:04:00Z,0,1,0,9,0, slow\r\n"
        '2026-11-21T14:03:00Z,0,1,0,9,0,"slow"\r\n'
    )
    recording = parse(text.encode(), "x.csv")
    rows = recording.signals["slow"]
    assert rows[1].t - rows[0].t == 1
    assert recording.written[rows[0].t] == "2026-11-21T14:03:00Z"


def test_steps_are_those_with_both_versions() -> None:
    recording = parse(csv("1,0,1,0,9,0", "2,1,5,0,5,0", "3,2,9,0,0,0").encode(), "x.csv")
    assert recording.steps == 2
    played = replay(recording, Settings())
    assert [one.verdict.step for one in played.said] == [0, 1]
    assert played.last.verdict.reason == "low traffic"


@HOSTILE
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'{"minutes":[{"t":1}]} ')
@example(b'[{"a\\u0041": 1}]')
def test_anything_else_is_said_to_be_wrong(data: bytes) -> None:
    for file in ("x.csv", "x.json"):
        with pytest.raises(RecordingError):
            parse(data, file)


CELL = st.sampled_from(
    ["0", "1", "-1", "7", "nan", "1e9", "1e309", "", '"', "x", "2026-01-01", "0001-01-01T00:00:00+14:00"]
)


@HOSTILE
@given(st.lists(st.lists(CELL, min_size=6, max_size=6), max_size=6))
def test_rows_of_any_cells_are_read_or_refused(rows: list[list[str]]) -> None:
    try:
        recording = parse(csv(*(",".join(row) for row in rows)).encode(), "x.csv")
    except RecordingError as error:
        refused = error.problems
    else:
        refused = ()
        assert replay(recording, Settings(fast=True)).said
    assert all(problem.instead for problem in refused)


def test_steps_that_leave_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="no row is of the first 1 steps"):
        replay(parse(csv("1,1,1,0,9,0").encode(), "x.csv"), Settings(steps=1))
