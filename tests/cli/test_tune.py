"""The exact output of `tune` and what it refuses; what it does to the function is in tests/integration."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import tune_kit
import verb_kit
from tune_kit import Tuned

from pipeline import local
from pipeline.cli import run
from pipeline.quotas import SYNC_BYTES
from pipeline.report.tune import tune_lines
from pipeline.tune.model import Size, Tuning

Captured = pytest.CaptureFixture[str]
FEW = ("--env", "local", "--invocations", "5", "--sizes", "128 MB,1769 MB")


@pytest.fixture(scope="module")
def made(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    return tune_kit.made(embedded, tmp_path_factory.mktemp("tune"), "tune")


@pytest.fixture
def here(made: Tuned, monkeypatch: pytest.MonkeyPatch) -> Tuned:
    monkeypatch.chdir(made.root)
    (made.root / "services/hello/service.yaml").write_text(tune_kit.MANIFEST)
    return made


def test_what_was_measured_is_drawn() -> None:
    sizes = (Size(128, 812.4, 813, 1.5), Size(512, 203.1, 204, 1.9), Size(1769, 58.66, 59, 1.899))
    choices = {"cost": 128, "speed": 1769, "balanced": 1769}
    faults = {256: "the log did not say how long it took"}
    found = Tuning("hello", "us-east-1", "arm64", 512, 20, sizes, faults, choices, 0.5)  # type: ignore[arg-type]
    assert list(tune_lines(found)) == [
        "hello: measured at 3 sizes, 20 invocations each",
        "     memory  latency                     a million",
        "     128 MB  ████████████████  812.4 ms  ████████████▋       1.50 $  cost",
        "     512 MB  ████              203.1 ms  ████████████████    1.90 $  now",
        "   1,769 MB  █▏                 58.7 ms  ████████████████    1.90 $  speed, balanced",
        "     256 MB  left out: the log did not say how long it took",
        "  cost:     128 MB instead of 512: -21 % cost, +300 % latency",
        "  speed:    1,769 MB instead of 512: +0 % cost, -71 % latency",
        "  balanced: 1,769 MB instead of 512: +0 % cost, -71 % latency",
    ]


def test_a_simulation_says_that_it_is_one(here: Tuned, capsys: Captured) -> None:
    assert run(["tune", "hello", *FEW]) == 0
    assert here.state()["versions"] == ["$LATEST", "1"]
    steps, lines = [], []
    for line in capsys.readouterr().out.splitlines():
        (steps if re.match(r"\d\d:\d\d:\d\dZ ", line) else lines).append(line)
    assert [line[10:] for line in steps] == ["hello with 128 MB", "hello with 1,769 MB"]
    assert lines[0] == "hello: simulated at 2 sizes, 5 invocations each"
    assert lines[1] == "     memory  latency                     a million"
    bar = r"[█▏▎▍▌▋▊▉ ]{16}"
    first = re.fullmatch(rf"     128 MB  {bar} +([\d.,]+) ms  {bar} +[\d.]+ \$  (.*now)", lines[2])
    second = re.fullmatch(rf"   1,769 MB  {bar} +([\d.,]+) ms  {bar} +[\d.]+ \$  (.*)", lines[3])
    assert first is not None
    assert second is not None
    assert "speed" in second[2]
    told = re.fullmatch(
        r"  A simulation: here an invocation computes for ([\d.,]+) ms and waits for ([\d.,]+) ms, "
        r"whatever the memory\.",
        lines[7],
    )
    assert told is not None
    slow, fast, cpu, waiting = (float(one.replace(",", "")) for one in (first[1], second[1], *told.groups()))
    assert fast == pytest.approx(waiting + cpu, abs=0.2)  # each is rounded to a tenth
    assert slow == pytest.approx(waiting + cpu * 1769 / 128, abs=0.9)
    assert len(lines) == 10


def test_as_json_and_written(here: Tuned, capsys: Captured) -> None:
    assert run(["tune", "hello", *FEW, "--write", "speed", "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {
        key: found[key] for key in ("service", "environment", "memory_mb", "invocations", "simulated", "left_out")
    } == {
        "service": "hello",
        "environment": "local",
        "memory_mb": 128,
        "invocations": 5,
        "simulated": True,
        "left_out": {},
    }
    assert [one["memory_mb"] for one in found["sizes"]] == [128, 1769]
    assert set(found["choices"]) == {"cost", "speed", "balanced"}
    assert (found["choices"]["speed"], found["written"]) == (1769, "services/hello/service.yaml")
    manifest = here.root / "services/hello/service.yaml"
    assert manifest.read_text() == tune_kit.MANIFEST.replace("128 MB", "1769 MB")


@pytest.mark.parametrize(
    ("arguments", "err"),
    [
        (("helo",), ["error: there is no service `helo`", "  next: did you mean `hello`?"]),
        (
            ("hello", "--event", "services/hello/events/other.json"),
            [
                "error: hello: `other.json` is not declared safe to be sent again and again",
                "  at services/hello/events/other.json",
                ("  next: name it in `release.probe.events` if it is, choose another with --event, or add --unsafe"),
            ],
        ),
        (
            ("hello", "--event", "none.json"),
            ["error: the event cannot be read: No such file or directory", "  at none.json"],
        ),
    ],
)
def test_what_is_refused_before_anything_is_changed(
    arguments: tuple[str, ...], err: list[str], here: Tuned, capsys: Captured
) -> None:
    before = here.state()
    assert run(["tune", *arguments, *FEW]) == 2
    assert capsys.readouterr().err.splitlines() == err
    assert here.state() == before


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the event is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (f'"{"x" * (SYNC_BYTES - 1)}"', "the event is larger than the 6 MB that Lambda takes"),
    ],
)
def test_what_is_no_event_is_refused(text: str, what: str, here: Tuned, capsys: Captured) -> None:
    (here.root / "odd.json").write_text(text)
    assert run(["tune", "hello", *FEW, "--event", "odd.json"]) == 2
    assert capsys.readouterr().err.splitlines() == [f"error: {what}", "  at odd.json"]


def test_an_event_is_sent_that_is_asked_for_or_a_get(here: Tuned) -> None:
    (here.root / "get.json").write_text(tune_kit.event())
    assert run(["tune", "hello", *FEW, "--event", "get.json"]) == 0
    other = ("--event", "services/hello/events/other.json")
    assert run(["tune", "hello", *FEW, *other, "--unsafe"]) == 0


def test_a_service_that_fails_on_the_event_everywhere(here: Tuned, capsys: Captured) -> None:
    (here.root / "fail.json").write_text(tune_kit.event(fail=True))
    before = here.state()
    assert run(["tune", "hello", *FEW, "--event", "fail.json"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: hello failed at every size: Unhandled: asked to fail",
        "  next: try the event: crabwalk invoke hello --env local",
    ]
    assert here.state() == before


@pytest.mark.usefixtures("embedded")
def test_a_service_that_was_never_deployed(
    tmp_path: Path, namespace: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    verb_kit.place(tmp_path, namespace).events(get=json.loads(tune_kit.event()))
    monkeypatch.chdir(tmp_path)
    assert run(["tune", "hello", *FEW]) != 0
    assert "error: " in capsys.readouterr().err
