from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import verb_kit
from verb_kit import Place

from pipeline import local
from pipeline.cli import run

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def walking(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """`hello` in the middle of a walk: version 1 stable, version 2 with next to no traffic."""
    place = verb_kit.place(tmp_path_factory.mktemp("invoke"), "invoke")
    place.events(second={"from": "second"}, first={"from": "first"})
    verb_kit.deployed(embedded, place.function, weight=0.000001)
    return place


@pytest.fixture
def here(walking: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(walking.root)
    return walking


@pytest.fixture
def undeployed(embedded: local.Running, tmp_path: Path, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Place:  # noqa: ARG001
    monkeypatch.chdir(tmp_path)
    return verb_kit.place(tmp_path, namespace)


def lines(capsys: Captured) -> list[str]:
    """What was said, with the figures that differ from run to run as N."""
    return re.sub(r"took .*", "took N", capsys.readouterr().out).splitlines()


def test_the_alias_answers_the_services_sample(here: Place, capsys: Captured) -> None:  # noqa: ARG001
    assert run(["invoke", "hello"]) == 0
    out = capsys.readouterr().out
    took = re.search(r"took ([\d.]+) ms, billed (\d+) ms, cold start ([\d.]+) ms, 128 of 128 MB used", out)
    assert took is not None
    assert int(took[2]) - 1.02 < float(took[1]) + float(took[3]) < int(took[2]) + 0.02
    assert out.replace(took[0], "took N").splitlines() == [
        "hello:live on `local` answered, version 1",
        "took N",
        "{",
        '  "version": "1",',
        '  "event": {',
        '    "from": "first"',
        "  }",
        "}",
        "logged",
        "  INFO   served by=1",
    ]


@pytest.mark.parametrize(
    ("arguments", "said", "version"),
    [
        (["--candidate"], "hello:2 on `local` answered", "2"),
        (["--stable"], "hello:1 on `local` answered", "1"),
        (["--version", "2"], "hello:2 on `local` answered", "2"),
        (["--version", "$LATEST"], "hello:$LATEST on `local` answered", "$LATEST"),
        (["--alias", "live"], "hello:live on `local` answered, version 1", "1"),
    ],
)
def test_sides_versions_and_aliases(
    arguments: list[str], said: str, version: str, here: Place, capsys: Captured
) -> None:
    assert run(["invoke", "hello", *arguments]) == 0
    assert here.root.is_dir()
    found = lines(capsys)
    assert found[0] == said
    assert f'  "version": "{version}",' in found


def test_as_json(here: Place, capsys: Captured) -> None:
    (here.root / "event.json").write_text('{"n": 1}')
    assert run(["invoke", "hello", "--event", "event.json", "--output", "json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert set(found.pop("usage")) == {"duration_ms", "billed_ms", "memory_mb", "max_memory_mb", "init_ms"}
    start, line, end, report = found.pop("log")
    assert (start[:7], end[:5], report[:8]) == ("START R", "END R", "REPORT R")
    assert json.loads(line)["message"] == "served"
    assert found.pop("request_id")
    assert found == {
        "service": "hello",
        "environment": "local",
        "qualifier": "live",
        "version": "1",
        "error": None,
        "payload": {"version": "1", "event": {"n": 1}},
    }


def test_a_functions_error_is_shown_and_ends_with_1(
    here: Place, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'{"fail": true}')))
    assert run(["invoke", "hello", "--event", "-"]) == 1
    assert here.root.is_dir()
    assert lines(capsys) == [
        "hello:live on `local` failed, version 1: ValueError: asked to fail",
        "took N",
        "{",
        '  "errorMessage": "asked to fail",',
        '  "errorType": "ValueError"',
        "}",
        "logged",
        "  INFO   served by=1",
    ]


def test_an_event_is_handed_over(here: Place, capsys: Captured) -> None:
    assert run(["invoke", "hello", "--async", "--output", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.pop("request_id")
    assert found == {"service": "hello", "environment": "local", "qualifier": "live"}
    assert here.root.is_dir()


@pytest.mark.parametrize(
    ("content", "what", "place"),
    [
        (b'{"a": 1,\n  b}', "error: the event is not JSON: Expecting property name enclosed in double quotes", ":2:3"),
        (b"", "error: the event is not JSON: Expecting value", ":1:1"),
        (b"\xff\xfe\x00", "error: the event is not JSON: 'utf-16-le' codec can't decode byte 0x00", ""),
        (
            b'"' + b"x" * 6_291_456 + b'"',
            "error: the event is larger than 6,291,456 bytes, which Lambda does not take",
            "",
        ),
    ],
)
def test_an_event_that_lambda_would_refuse_is_refused_before(
    content: bytes, what: str, place: str, undeployed: Place, capsys: Captured
) -> None:
    (undeployed.root / "event.json").write_bytes(content)
    assert run(["invoke", "hello", "--event", "event.json"]) == 2
    said, where = capsys.readouterr().err.splitlines()
    assert said.startswith(what)
    assert where == f"  at event.json{place}"


def test_a_larger_event_is_not_handed_over(undeployed: Place, capsys: Captured) -> None:
    (undeployed.root / "event.json").write_text('"' + "x" * 1_048_576 + '"')
    assert run(["invoke", "hello", "--async", "--event", "event.json"]) == 2
    said = capsys.readouterr().err.splitlines()[0]
    assert said == "error: the event is larger than 1,048,576 bytes, which Lambda does not take"


@pytest.mark.parametrize(
    ("arguments", "err"),
    [
        (["hello"], ["error: hello has no sample event", "  next: --event FILE, or --event - for stdin"]),
        (
            ["hello", "--event", "no.json"],
            ["error: the event cannot be read: No such file or directory", "  at no.json"],
        ),
        (["helo"], ["error: there is no service `helo`", "  next: did you mean `hello`?"]),
        (
            ["hello", "--event", "crabwalk.json"],
            ["error: hello was never deployed to `local`", "  next: crabwalk deploy hello --env local"],
        ),
        (
            ["hello", "--event", "crabwalk.json", "--candidate"],
            ["error: hello was never deployed to `local`", "  next: crabwalk deploy hello --env local"],
        ),
        (
            ["hello", "--event", "crabwalk.json", "--dev"],
            ["error: hello does not run here", "  next: crabwalk dev hello, in another terminal"],
        ),
    ],
)
def test_what_is_missing_is_said(arguments: list[str], err: list[str], undeployed: Place, capsys: Captured) -> None:
    (undeployed.root / "crabwalk.json").write_text("{}")
    assert run(["invoke", *arguments]) == 2
    assert capsys.readouterr() == ("", "\n".join(err) + "\n")


def test_a_version_that_does_not_exist(here: Place, capsys: Captured) -> None:
    for option, what in (("--version", "version `9`"), ("--alias", "alias `blue`")):
        assert run(["invoke", "hello", option, what.split("`")[1]]) == 2
        assert capsys.readouterr().err.splitlines() == [
            f"error: hello has no {what} on `local`",
            "  next: crabwalk status hello --env local",
        ]
    assert here.root.is_dir()


@pytest.mark.parametrize("version", ["x", "0", "live", "1.2"])
def test_what_is_no_version(version: str, undeployed: Place, capsys: Captured) -> None:
    assert undeployed.root.is_dir()
    assert run(["invoke", "hello", "--version", version]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: `{version}` is not a version",
        "  next: a version is a number, or $LATEST",
    ]


def test_without_a_walk_there_is_no_candidate(embedded: local.Running, undeployed: Place, capsys: Captured) -> None:
    verb_kit.deployed(embedded, undeployed.function)
    undeployed.events(one={})
    assert run(["invoke", "hello", "--candidate"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: hello has no candidate on `local`: version 1 has all traffic",
        "  next: crabwalk status hello --env local",
    ]
    assert run(["invoke", "hello", "--stable"]) == 0


def test_one_target_at_a_time(here: Place, capsys: Captured) -> None:
    assert here.root.is_dir()
    assert run(["invoke", "hello", "--candidate", "--version", "1"]) == 2
    assert "only one of --version, --alias" in capsys.readouterr().err
    assert run(["invoke", "hello", "--dev", "--env", "local"]) == 2
    assert "--dev knows no environment" in capsys.readouterr().err


def test_an_environment_must_be_named_while_the_embedded_aws_is_down(
    here: Place, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRABWALK_LOCAL_DIR", str(tmp_path))
    assert run(["invoke", "hello"]) == 2
    assert here.root.is_dir()
    assert capsys.readouterr().err.splitlines() == [
        "error: which environment? declared: staging; the embedded AWS is down",
        "  next: --env staging|local",
    ]


def test_an_extension_takes_no_events(undeployed: Place, capsys: Captured) -> None:
    (undeployed.root / "services/hello/service.yaml").write_text("crabwalk: 1\nname: hello\nkind: extension\n")
    assert run(["invoke", "hello"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: hello is an extension: it takes no events",
        "  next: invoke a function it runs beside",
    ]
