"""Verbs on an environment of many targets: the matrix, one trail, one rollback; the others ask for a target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import verb_kit
import waves_kit
from waves_kit import WAVES, Estate

from pipeline import local
from pipeline.cli import run, status
from pipeline.cli.options import Here
from pipeline.errors import AwsError
from pipeline.fleet.record import FleetLedger


@pytest.fixture
def estate(embedded: local.Running, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    """Three regions, and the project that declares them as the working directory."""
    root = tmp_path / "project"
    verb_kit.place(root, namespace)
    (root / "crabwalk.yaml").write_text(f"crabwalk: 1\nproject: {namespace}\n{WAVES}")
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return waves_kit.estate(embedded, namespace, tmp_path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[str]:
    """What a verb says on stdout; in case of a fault, on stderr."""
    found = run(list(arguments))
    out, err = capsys.readouterr()
    assert found == code, out + err
    return (err if code else out).splitlines()


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run([*arguments, "--output", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_status_is_a_matrix_of_targets_and_services(estate: Estate, capsys: pytest.CaptureFixture[str]) -> None:
    estate.regions["b"].yard.worse("hello")
    estate.deploy()
    release = estate.ledger.read().release
    assert release is not None
    assert said(capsys, "status", "--env", "local") == [
        "local: stopped",
        f"  release  {release.id} of {release.commit[:12]} all of it",
        f"  why      {release.sentence}",
        "  back     a",
        "wave     target  hello                  this release",
        "one-box  a       v1 100 %, rolled back  taken back",
        "second   b       v1 100 %, rolled back  failed",
        "rest     c       v1 100 %               not begun",
    ]
    found = parsed(capsys, "status")
    assert (found["environment"], found["release"]["id"], found["release"]["phase"]) == ("local", release.id, "stopped")
    assert [(one["target"], one["environment"], one["wave"]) for one in found["targets"]] == [
        ("a", "local-a", "one-box"),
        ("b", "local-b", "second"),
        ("c", "local-c", "rest"),
    ]
    assert [one["services"][0]["traffic"] for one in found["targets"]] == [{"1": 1.0}] * 3

    report = said(capsys, "report", release.id, "--env", "local")
    assert report[0] == f"local: release {release.id}, stopped"
    assert [line.split()[:2] for line in report[-3:]] == [["one-box", "a"], ["second", "b"], ["rest", "c"]]
    assert "failed" in report[-2]
    assert "has no release `nothing`" in said(capsys, "report", "nothing", "--env", "local", code=2)[0]

    trail = parsed(capsys, "history", "--env", "local")
    assert {(one["environment"], one["kind"], one["outcome"]) for one in trail["entries"]} == {
        ("local-a", "rollback", "rolled-back"),
        ("local-b", "release", "rolled-back"),
        ("local-a", "release", "promoted"),
    }
    assert said(capsys, "history", "--env", "local", "--outcome", "promoted")[0].startswith("a: ")


def test_one_rollback_goes_back_everywhere_and_ends_the_release(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    waves = estate.waves()
    estate.regions["c"].fault = waves_kit.held()
    assert waves.execute() == 5
    assert estate.versions() == {"a": ["2"], "b": ["2"], "c": ["1"]}
    lines = said(capsys, "rollback", "hello", "--env", "local", "--reason", "it is slow")
    stays = "c: the release has not come to it, its traffic stays; `crabwalk rollback hello --env local-c` moves it"
    assert stays in lines
    assert estate.versions() == {"a": ["1"], "b": ["1"], "c": ["1"]}
    release = estate.ledger.read().release
    assert release is not None
    assert (release.phase, release.sentence.endswith(": it is slow")) == ("stopped", True)
    for target in "ab":
        frozen = estate.regions[target].engine.ledger.service("hello").frozen
        assert frozen is not None
        assert frozen.reason == "it is slow"


def test_a_person_ends_a_release_that_nobody_goes_on_with(estate: Estate, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no release of `local` is under way" in said(capsys, "abort", "--env", "local", code=2)[0]
    estate.regions["b"].fault = waves_kit.held()
    assert estate.deploy() == 5
    said(capsys, "abort", "--env", "local", "--reason", "not today")
    release = estate.ledger.read().release
    assert release is not None
    assert (release.phase, release.sentence.endswith(": not today")) == ("stopped", True)
    assert estate.versions() == {"a": ["2"], "b": ["1"], "c": ["1"]}, "what was promoted stays"


@pytest.mark.parametrize(
    "verb",
    [
        ("logs", "hello"),
        ("promote", "hello"),
        ("resume", "hello"),
        ("retry", "hello", "--detach"),
        ("watch",),
        ("metrics",),
        ("cost",),
        ("prune",),
        ("bootstrap", "local"),
        ("deploy", "--env", "local", "--detach"),
        ("plan", "--env", "local", "--save"),
        ("rollback", "hello", "--env", "local", "--to", "1"),
        ("pause", "hello"),
    ],
)
def test_what_works_on_one_target_asks_for_one(
    embedded: local.Running,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: tuple[str, ...],
) -> None:
    verb_kit.place(tmp_path / "project", "many")
    (tmp_path / "project" / "crabwalk.yaml").write_text(f"crabwalk: 1\nproject: many\n{WAVES}")
    monkeypatch.chdir(tmp_path / "project")
    named = verb if verb[0] == "bootstrap" or "--env" in verb else (*verb, "--env", "local")
    if verb[0] == "pause":
        monkeypatch.setattr("pipeline.cli.fleets_back._steer", lambda *_: [])
    assert run(list(named)) == 2
    err = capsys.readouterr().err
    assert "local-a, local-b, local-c" in err or "crabwalk status --env local" in err


def test_a_rollback_says_of_each_target_what_there_is_instead(
    estate: Estate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rollback", "nova", "--env", "local"]) == 1
    err = capsys.readouterr().err
    for target in "abc":
        assert f"warning: {target}: no service `nova` was released to `local-{target}`; known: hello" in err, err
    assert estate.versions() == {target: ["1"] for target in "abc"}


def test_a_target_that_cannot_be_asked_hides_no_other(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert estate.deploy() == 0
    asked = status.statuses

    def away(here: Here, *more: Any) -> Any:
        if here.env.target == "b":
            raise AwsError("could not read it: AWS did not answer", hint="try again")
        return asked(here, *more)

    monkeypatch.setattr(status, "statuses", away)
    assert run(["status", "--env", "local"]) == 1
    out, err = capsys.readouterr()
    assert err == "warning: b: could not read it: AWS did not answer; try again\n"
    assert out.splitlines()[-3:] == [
        "one-box  a       v2 100 %   done",
        "second   b       not known  done",
        "rest     c       v2 100 %   done",
    ]
    assert run(["status", "--env", "local", "--output", "json"]) == 1
    found = json.loads(capsys.readouterr().out)["targets"]
    assert [(len(one["services"]), one.get("fault")) for one in found] == [
        (1, None),
        (0, "could not read it: AWS did not answer"),
        (1, None),
    ]


def test_who_has_the_record_of_the_whole_hides_no_target_while_it_is_away(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert estate.deploy() == 0
    asked = status.statuses

    def read(_: FleetLedger) -> Any:
        raise AwsError("could not read the fleet's record: AWS did not answer", hint="try again")

    def away(here: Here, *more: Any) -> Any:
        if here.env.target == "a":
            raise AwsError("could not read it: AWS did not answer", hint="try again")
        return asked(here, *more)

    monkeypatch.setattr(FleetLedger, "read", read)
    monkeypatch.setattr(status, "statuses", away)
    assert run(["status", "--env", "local"]) == 1
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "warning: a: could not read it: AWS did not answer; try again",
        "warning: the release of `local`: could not read the fleet's record: AWS did not answer; try again",
    ]
    assert out.splitlines() == [
        "local: how its release stands is not known",
        "wave     target  hello      this release",
        "one-box  a       not known  -",
        "second   b       v2 100 %   -",
        "rest     c       v2 100 %   -",
    ]
    assert run(["status", "--env", "local", "--output", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["release"], found["fault"]) == (None, "could not read the fleet's record: AWS did not answer")
