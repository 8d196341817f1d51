from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import edge_kit as kit
import pytest
import verb_kit
from shop_kit import Scratch
from verb_kit import Place

from pipeline import local
from pipeline.cli import run

Captured = pytest.CaptureFixture[str]
EVER = ("--since", "99999d")
START_MS = 1_767_225_600_000
IDS = {"3": "33333333-aaaa-bbbb-cccc-dddddddddddd", "4": "44444444-aaaa-bbbb-cccc-dddddddddddd"}
FIGURES = "Duration: 1.5 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 20 MB"
GREETING = '{"timestamp":"t","level":"INFO","message":"greeting","name":"Ada"}'
METRICS = '{"_aws":{"Timestamp":1767225600000,"CloudWatchMetrics":[]},"Requests":1}'
REFUSAL = '{"timestamp":"t","level":"ERROR","fields":{"message":"refused","status":500}}'
STREAMS = {version: f"2026/01/01/[{version}]0123456789abcdef0123456789abcde{version}" for version in IDS}


def request(version: str, *messages: str) -> list[str]:
    """What Lambda writes of one invocation."""
    return [
        f"START RequestId: {IDS[version]} Version: {version}",
        *messages,
        f"END RequestId: {IDS[version]}",
        f"REPORT RequestId: {IDS[version]}\t{FIGURES}\t",
    ]


@pytest.fixture(scope="module")
def written(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A function of which two versions logged one request each, a millisecond a line."""
    place = verb_kit.place(tmp_path_factory.mktemp("logs"), "logs")
    kit.create(kit.client(embedded, "lambda"), place.function)
    logs, group = kit.client(embedded, "logs"), f"/aws/lambda/{place.function}"
    logs.create_log_group(logGroupName=group)
    at = START_MS
    for version, messages in {
        "3": request("3", GREETING),
        "4": request(
            "4", '{"timestamp":"t","level":"ERROR","fields":{"message":"refused","status":500}}', "plain text"
        ),
    }.items():
        logs.create_log_stream(logGroupName=group, logStreamName=STREAMS[version])
        events = [{"timestamp": at + i, "message": message} for i, message in enumerate(messages)]
        logs.put_log_events(logGroupName=group, logStreamName=STREAMS[version], logEvents=events)
        at += len(messages)
    return place


@pytest.fixture
def here(written: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(written.root)
    return written


LINES = [
    "2026-01-01 00:00:00.001    3  INFO    greeting name=Ada  (33333333)",
    "2026-01-01 00:00:00.003    3  REPORT  1.5 ms, billed 2 ms, 20 of 128 MB used  (33333333)",
    "2026-01-01 00:00:00.005    4  ERROR   refused status=500  (44444444)",
    "2026-01-01 00:00:00.006    4  -       plain text  (44444444)",
    "2026-01-01 00:00:00.008    4  REPORT  1.5 ms, billed 2 ms, 20 of 128 MB used  (44444444)",
]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), LINES),
        (("--version", "4"), LINES[2:]),
        (("--filter", "plain text"), ["2026-01-01 00:00:00.006    4  -       plain text"]),
        (("--filter", '"status":500'), ["2026-01-01 00:00:00.005    4  ERROR   refused status=500"]),
        (("--filter", "PLAIN"), ["hello on `local`: nothing in the last 2399976 h"]),
        (("--filter", "text", "--version", "3"), ["hello on `local`: nothing in the last 2399976 h"]),
    ],
)
def test_lines_for_people(arguments: tuple[str, ...], expected: list[str], here: Place, capsys: Captured) -> None:
    assert run(["logs", "hello", *EVER, *arguments]) == 0
    assert here.root.is_dir()
    assert capsys.readouterr() == ("\n".join(expected) + "\n", "")


def test_lines_that_are_metrics_are_shown_when_asked_for(
    embedded: local.Running, here: Place, capsys: Captured
) -> None:
    logs, group = kit.client(embedded, "logs"), f"/aws/lambda/{here.function}"
    stream = STREAMS["3"].replace("[3]", "[9]")
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    event = {"timestamp": START_MS + 100, "message": METRICS}
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
    for more, expected in (((), 0), (("--metrics",), 1)):
        assert run(["logs", "hello", *EVER, "--version", "9", "--output", "json", *more]) == 0
        found = [one["message"] for one in json.loads(capsys.readouterr().out)["events"]]
        assert found == [METRICS] * expected
    logs.delete_log_stream(logGroupName=group, logStreamName=stream)


def test_a_version_that_neither_exists_nor_logged(here: Place, capsys: Captured) -> None:
    for more in ((), ("--filter", "text"), ("--output", "json")):
        assert run(["logs", "hello", *EVER, "--version", "5", *more]) == 2
        out, err = capsys.readouterr()
        assert (out, err.splitlines()) == (
            "",
            [
                "error: hello has no version 5 on `local`, and none logged in the last 2399976 h",
                "  next: crabwalk status hello --env local",
            ],
        )
    assert run(["logs", "hello", "--version", "$LATEST"]) == 0
    assert capsys.readouterr().out == "hello on `local`: nothing in the last 10 min\n"
    assert run(["logs", "hello", "--version", "live"]) == 2
    assert capsys.readouterr().err == "error: `live` is not a version\n  next: a version is a number, or $LATEST\n"
    assert here.root.is_dir()


def test_following_a_version_that_may_still_come(
    here: Place, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.aws.logs.follow", lambda *_, **__: iter(()))
    assert run(["logs", "hello", "--follow", "--version", "5"]) == 0
    assert here.root.is_dir()
    assert capsys.readouterr().err == "warning: hello has no version 5 on `local` now\n"


def test_nothing_lately(here: Place, capsys: Captured) -> None:
    assert run(["logs", "hello", "--env", "local"]) == 0
    assert here.root.is_dir()
    assert capsys.readouterr() == ("hello on `local`: nothing in the last 10 min\n", "")


def test_as_json(here: Place, capsys: Captured) -> None:
    assert run(["logs", "hello", *EVER, "--version", "3", "--output", "json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    messages = request("3", GREETING)
    assert found == {
        "service": "hello",
        "environment": "local",
        "group": f"/aws/lambda/{here.function}",
        "events": [
            {
                "time_ms": START_MS + i,
                "stream": STREAMS["3"],
                "version": "3",
                "request_id": IDS["3"],
                "message": message,
            }
            for i, message in enumerate(messages)
        ],
    }


def test_a_service_that_was_never_deployed(
    embedded: local.Running,  # noqa: ARG001
    tmp_path: Path,
    namespace: str,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    verb_kit.place(tmp_path, namespace)
    assert run(["logs", "hello"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: hello was never deployed to `local`: it has no function and no logs",
        "  next: crabwalk deploy hello --env local",
    ]
    assert run(["logs", "helo"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: there is no service `helo`",
        "  next: did you mean `hello`?",
    ]


def test_a_function_that_was_never_called(
    embedded: local.Running, tmp_path: Path, namespace: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kit.create(kit.client(embedded, "lambda"), verb_kit.place(tmp_path, namespace).function)
    assert run(["logs", "hello", "--since", "1 h"]) == 0
    assert capsys.readouterr().out == "hello on `local`: nothing in the last 1 h\n"


def test_a_stretch_of_time_has_a_unit(here: Place, capsys: Captured) -> None:
    assert run(["logs", "hello", "--since", "10"]) == 2
    assert here.root.is_dir()
    assert "`10` is no stretch of time: write for example 10m, 2h or 1d" in capsys.readouterr().err


def test_following_shows_what_comes_and_ends_with_ctrl_c(
    embedded: local.Running, tmp_path: Path, namespace: str
) -> None:
    place = verb_kit.place(tmp_path / "project", namespace)
    functions = verb_kit.deployed(embedded, place.function)
    kit.invoke(functions, place.function, Qualifier="1")
    verb = Scratch(place.root, namespace).start("logs", "hello", "--follow", "--output", "json")
    out = verb.folder / "out"
    until(lambda: out.read_text().count("REPORT") == 1)
    for _ in range(3):
        kit.invoke(functions, place.function, Qualifier="2")
    until(lambda: out.read_text().count("REPORT") == 4)
    done = verb.signal(signal.SIGINT)
    assert done.code == 130
    assert done.err.strip() == "crabwalk: ended by SIGINT"
    found = [json.loads(line) for line in done.lines]
    assert [one["version"] for one in found] == ["1"] * 4 + ["2"] * 12
    assert len({one["request_id"] for one in found}) == 4


def until(true: object) -> None:
    deadline = time.monotonic() + 120
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)
