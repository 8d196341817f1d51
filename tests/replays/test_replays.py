"""Incidents as minutes: each file says what it is, what must come out, and in which minutes of the walk."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.release.judge.recording import parse
from pipeline.release.judge.replay import Settings, replay

INCIDENTS = sorted(Path(__file__).parent.glob("*.csv"))
EXPECTED = re.compile(
    r"# expect: (?P<outcome>[A-Z]+) (?P<reason>[a-z ]+) in (?P<first>\d+)-(?P<last>\d+)(?: by (\w+))?\n"
)


@pytest.mark.parametrize("file", INCIDENTS, ids=[file.stem for file in INCIDENTS])
def test_incident(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    expected = EXPECTED.search(text)
    assert expected is not None, "the file says what it expects"
    last = replay(parse(text.encode(), str(file)), Settings(fast="# settings: fast" in text)).last
    assert (last.verdict.outcome, last.verdict.reason) == (expected["outcome"], expected["reason"])
    assert int(expected["first"]) <= last.minute <= int(expected["last"])
    assert last.signal == (expected[5] or "errors")
    assert last.verdict.canary.n > 0
    assert f"{last.verdict.canary.n:,} requests" in last.verdict.sentence


@pytest.mark.parametrize("file", INCIDENTS, ids=[file.stem for file in INCIDENTS])
def test_the_same_as_json(file: Path) -> None:
    recording = parse(file.read_bytes(), str(file))
    rows = [
        {
            "minute": row.t,
            "step": row.step,
            "canary_n": row.canary.n,
            "canary_bad": row.canary.bad,
            "baseline_n": row.baseline.n,
            "baseline_bad": row.baseline.bad,
            "signal": signal,
        }
        for signal, found in recording.signals.items()
        for row in found
    ]
    assert parse(json.dumps(rows).encode(), "x.json").signals == recording.signals
    assert parse(json.dumps({"by": "hand", "minutes": rows}, indent=1).encode(), "x").signals == recording.signals
