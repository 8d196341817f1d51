from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.cli import run

SERVICE = "crabwalk: 1\nname: hello\nmemory: 128 MB\nstack: web\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "services" / "hello"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.rs").write_text("fn main() {}\n")
    (folder / "Cargo.toml").write_text('[package]\nname = "hello"\n')
    (folder / "service.yaml").write_text(SERVICE)
    (tmp_path / "crabwalk.yaml").write_text("crabwalk: 1\nproject: demo\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


def test_says_what_is_valid(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "services" / "hello")
    assert run(["check"]) == 0
    assert capsys.readouterr() == ("crabwalk.yaml and 1 manifest are valid: hello\n", "")


def test_says_that_there_is_no_manifest(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "services" / "hello" / "service.yaml").unlink()
    assert run(["check"]) == 0
    assert capsys.readouterr().out == "crabwalk.yaml is valid; no manifest matches services/*/service.yaml\n"


def test_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--output", "json"]) == 0
    service = {
        "name": "hello",
        "file": "services/hello/service.yaml",
        "kind": "function",
        "package": "hello",
        "stack": "web",
    }
    assert json.loads(capsys.readouterr().out) == {
        "valid": True,
        "services": [service],
        "warnings": [],
        "schemas": {},
        "problems": [],
    }
    (root / "services" / "hello" / "service.yaml").write_text("crabwalk: 1\nname: hello\nmemory: 128\n")
    assert run(["check", "--output", "json"]) == 2
    problem = {
        "file": "services/hello/service.yaml",
        "line": 3,
        "column": 9,
        "what": "memory: `128` has no unit",
        "instead": "write `128 MB`",
    }
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"valid": False, "services": [], "warnings": [], "schemas": {}, "problems": [problem]}


def test_names_all_problems_of_all_files_at_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "crabwalk.yaml").write_text(
        "crabwalk: 1\nproject: Demo\nenvironments: {staging: {account: '1', region: x}}\n"
    )
    (root / "services" / "hello" / "service.yaml").write_text(
        SERVICE + "memroy: 1\ntimeout: 5\nrelease: {steps: [{traffic: 120 %, bake: 1 min}]}\n"
        "overlays:\n  staging: {architecture: host}\n  stagin: {memory: 1 MB}\n"
    )
    assert run(["check"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    file = "services/hello/service.yaml"
    assert err.splitlines() == [
        "error: 9 problems in the manifests",
        (
            "crabwalk.yaml:2:10: project: `Demo` is not a project name, "
            "up to 20 lower-case letters, digits and hyphens, a letter first"
        ),
        "crabwalk.yaml:3:35: environments.staging: account: `1` is not an AWS account, 12 digits in quotes",
        "crabwalk.yaml:3:48: environments.staging: region: `x` is not an AWS region, for example `eu-west-1`",
        f"{file}:5:1: unknown key `memroy`, did you mean `memory`?",
        f"{file}:6:10: timeout: `5` has no unit, write `5 s`",
        f"{file}:7:29: release.steps[0].traffic: 120 % is out of range, more than 0 % and less than 100 %",
        (
            f"{file}:9:27: overlays.staging.architecture: `host` is only for the environment `local`, "
            "write it in `overlays.local`"
        ),
        f"{file}:10:3: overlays: the project has no environment `stagin`, did you mean `staging`?",
        f"{file}:10:20: overlays.stagin.memory: 1 MB is out of range, 128 MB to 10,240 MB",
    ]


def test_annotates_the_lines_under_github_actions(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (root / "crabwalk.yaml").write_text("crabwalk: 2\nproject: demo\n")
    assert run(["check"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "::error file=crabwalk.yaml,line=1,col=11::crabwalk: format `2` is newer than this crabwalk, which reads 1, "
        "upgrade crabwalk: this one is 0.1.0"
    )


def test_outside_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["check"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: no crabwalk.yaml in {tmp_path} or any folder above it",
        "  next: change to the repository, or begin one: crabwalk init",
    ]


def test_warns_without_failing(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "services" / "hello" / "service.yaml").write_text(
        SERVICE + 'timeout: 40 s\ntriggers: [{http: {routes: ["GET /"]}}]\n'
    )
    what = "timeout: API Gateway gives up after 29 s, the function goes on to 40 s"
    instead = "write `29 s`, or use `function-url`"
    assert run(["check"]) == 0
    out, err = capsys.readouterr()
    assert out == "crabwalk.yaml and 1 manifest are valid: hello\n"
    assert err == f"warning: services/hello/service.yaml:5:10: {what}, {instead}\n"
    assert run(["check", "--output", "json"]) == 0
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert warning == {
        "file": "services/hello/service.yaml",
        "line": 5,
        "column": 10,
        "what": what,
        "instead": instead,
    }
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert run(["check"]) == 0
    annotation = f"::warning file=services/hello/service.yaml,line=5,col=10::{what}, {instead}"
    assert annotation in capsys.readouterr().err.splitlines()


def test_writes_the_schemas_and_says_when_they_are_old(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--schema"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "written services/service.schema.json",
        "written crabwalk.schema.json",
    ]
    written = (root / "services" / "service.schema.json").read_text()
    assert run(["check", "--schema", "-"]) == 0
    assert capsys.readouterr().out == written
    (root / "crabwalk.yaml").write_text(
        "crabwalk: 1\nproject: demo\nenvironments: {staging: {account: '111122223333', region: eu-west-1}}\n"
    )
    assert run(["check"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "services/service.schema.json is out of date: crabwalk check --schema"
    )
    assert run(["check", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["schemas"] == {
        "services/service.schema.json": "out of date",
        "crabwalk.schema.json": "current",
    }
    assert run(["check", "--schema"]) == 0
    capsys.readouterr()
    assert run(["check"]) == 0
    assert capsys.readouterr().out == "crabwalk.yaml and 1 manifest are valid: hello\n"


def test_the_schema_goes_nowhere_else(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--schema", "elsewhere.json"]) == 2
    assert "--schema takes nothing, or `-`" in capsys.readouterr().err
    assert not (root / "elsewhere.json").exists()


def test_the_schema_is_no_use_without_the_line_that_names_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "# yaml-language-server: $schema=../service.schema.json"
    assert run(["check", "--schema"]) == 0
    assert f"which is missing in services/hello/service.yaml (`{line}`)" in capsys.readouterr().out
    (root / "services" / "hello" / "service.yaml").write_text(f"{line}\n{SERVICE}")
    assert run(["check", "--schema"]) == 0
    assert "missing" not in capsys.readouterr().out
