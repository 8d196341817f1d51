"""`crabwalk judge --replay`: what it prints, at 60 columns too, and what it says of files it cannot read."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pipeline.cli import run
from pipeline.cli.judge import _show
from pipeline.release.judge.recording import parse
from pipeline.release.judge.replay import Settings, replay
from pipeline.report.console import Console

HEADER = "t,step,canary_n,canary_bad,baseline_n,baseline_bad\n"
WORSE = HEADER + "".join(f"{t},{t // 6},{10 + t % 2},{t % 3},90,0\n" for t in range(12))

REPLAYS = Path(__file__).parents[1] / "replays"
SAID = """\
FAIL (worse) in minute 5, step 1
  of 52 requests to the new version, 4 failed; of 450 to the old version in the same time, none did; that is not \
chance (at most 1 in 186)

new version   52 requests  4 bad  7.69 %
old version  450 requests  0 bad  0 %
e-value      186, worse at 100
difference   +3.0 to +18.2 points in step 1 (95 %)
7 minutes recorded after it are not judged: the walk was over

rate    ● new version  ○ old version  ◉ both
   20 %┤  ●     ●
       │     ●     ●
       │
   10 %┤ ●  ●  ●  ●
       │
       │
    0 %┤◉○○◉○○◉○○◉○○
        │step │step

e-value (logarithmic), worse at 100
  1e+06┤        ▅▅██
       │       ▃████
       │     ▄▄█████
       │    ▂███████
    100┤──▄▄████████
       │ ▃██████████
      1┴─────────┴─
            ▲ FAIL
        1         11 minute

worse.csv: only looked at; exit code 0 whatever the verdict
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "worse.csv").write_text(WORSE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


def test_says_what_came_when_and_draws_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge", "--replay", "worse.csv"]) == 0
    assert capsys.readouterr() == (SAID, "")


def test_a_terminal_of_60_columns_shows_the_same() -> None:
    played = replay(parse(WORSE.encode(), "worse.csv"), Settings())
    for environ, styled in (({}, True), ({"NO_COLOR": "1"}, False)):
        out = io.StringIO()
        _show(Console(stdout=out, terminal=True, width=60, environ={"TERM": "xterm", **environ}), played, "worse.csv")
        plain = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
        assert [line.rstrip() for line in plain.splitlines()] == SAID.splitlines()
        assert ("\x1b[90m" in out.getvalue()) is styled


def test_many_minutes_share_columns() -> None:
    rows = "".join(f"{t},0,100,{5 * (t >= 300)},900,{t % 2}\n" for t in range(400))
    played = replay(parse((HEADER + rows).encode(), "x.csv"), Settings())
    out = io.StringIO()
    _show(Console(stdout=out, terminal=True, width=60, environ={}), played, "x.csv")
    chart = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).split("\nrate  ")[1].splitlines()
    assert max(len(line) for line in chart if "exit code" not in line) <= 60
    assert "▲ FAIL" in out.getvalue()


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge", "--replay", "worse.csv", "--output", "json", "--bake", "3"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert list(said) == [
        "file", "settings", "outcome", "reason", "minute", "t", "written", "step", "signal", "sentence",
        "canary", "baseline",
        "e_value", "log_e", "limit", "interval", "phi", "guard", "minutes_after_fail", "steps", "signals",
    ]  # fmt: skip
    assert said["settings"] == {
        "alpha": 0.01, "alpha_of_each_signal": 0.01, "bake": 3.0, "min_requests": 100, "fast": False, "steps": 2,
    }  # fmt: skip
    assert (said["outcome"], said["reason"], said["minute"]) == ("FAIL", "worse", 5)
    assert (said["t"], said["written"]) == (4.0, "4")
    assert said["canary"] == {"n": 52, "bad": 4, "rate": 4 / 52}
    assert said["e_value"] >= said["limit"] == 100
    looks = said["signals"]["errors"]
    assert len(looks) == 12
    assert looks[0] == {
        "minute": 1, "t": 0.0, "step": 0,
        "canary": {"n": 10, "bad": 0, "rate": 0.0}, "baseline": {"n": 90, "bad": 0, "rate": 0.0},
        "log_e": 0.0, "outcome": "INCONCLUSIVE", "reason": "baking",
    }  # fmt: skip


def test_signals_share_alpha(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge", "--replay", str(REPLAYS / "slow-not-failing.csv")]) == 0
    out = capsys.readouterr().out
    assert "FAIL (worse) in minute 5, step 1, signal slow" in out
    assert "worse at 200 (2 signals share 0.01)" in out
    assert "took too long" in out


def test_settings_change_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge", "--replay", "worse.csv", "--alpha", "0.0000001", "--min-requests", "50", "--steps", "1"]) == 0
    assert capsys.readouterr().out.startswith("PASS (baked) in minute 6, step 1\n")


def test_draws_an_svg(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge", "--replay", "worse.csv", "--svg", "out.svg"]) == 0
    assert ET.fromstring((here / "out.svg").read_text()).tag.endswith("svg")  # noqa: S314
    assert run(["judge", "--replay", "worse.csv", "--svg", "no/such/out.svg"]) == 2
    assert "the drawing cannot be written: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.csv", "error: the recording cannot be read: No such file or directory\n  at missing.csv\n"),
        (".", "error: the recording cannot be read: Is a directory\n  at .\n"),
        ("a\0b", "error: the recording cannot be read: embedded null byte\n  at ab\n"),
    ],
)
def test_files_that_cannot_be_read(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge", "--replay", name]) == 2
    assert capsys.readouterr() == ("", said)


def test_every_fault_of_a_file_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bad.csv").write_text(HEADER + "0,0,1,2,9,0\n1,0,x,0,9,0\n\x1b[31m,0,1,0,9,0\n")
    assert run(["judge", "--replay", "bad.csv"]) == 2
    assert capsys.readouterr() == (
        "",
        (
            "error: 3 problems in the recording\n"
            "bad.csv:2:7: canary_bad is 2, more than the 1 of canary_n, write at most 1\n"
            "bad.csv:3:5: canary_n: `x` is not a number, write a whole number, 0 or more\n"
            "bad.csv:4:1: t: `` is neither a number nor a time, "
            "write the minute, or a time such as 2026-11-21T14:03:00Z\n"
        ),
    )


@pytest.mark.parametrize("alpha", ["0", "1", "nan", "x"])
def test_options_out_of_range_are_usage_errors(alpha: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge", "--replay", "worse.csv", "--alpha", alpha]) == 2
    assert "Invalid value for '--alpha'" in capsys.readouterr().err


def test_the_documentation_shows_what_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPLAYS.parents[1])
    assert run(["judge", "--replay", "tests/replays/slow-leak.csv"]) == 0
    shown = "\n".join(f"    {line}".rstrip() for line in capsys.readouterr().out.strip().splitlines())
    assert shown in Path("docs/judge.md").read_text(encoding="utf-8")


def test_the_documented_columns_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documented = (REPLAYS.parents[1] / "docs" / "judge.md").read_text(encoding="utf-8")
    example = re.search(r"(?m)^    t,step,.*\n(?:    .*\n)+", documented)
    assert example is not None
    (tmp_path / "example.csv").write_text(re.sub(r"(?m)^    ", "", example[0]))
    assert run(["judge", "--replay", str(tmp_path / "example.csv")]) == 0
    assert "of 202 requests to the new version, 5 failed" in capsys.readouterr().out
