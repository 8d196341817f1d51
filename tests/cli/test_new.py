from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from pipeline.cli import run


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "crabwalk.yaml").write_text("crabwalk: 1\nproject: shop\n")
    (tmp_path / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["services/*"]\n')
    cargo(tmp_path / "bin", "exit 0")  # which crates the real one knows without a network is another machine's matter
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


def cargo(folder: Path, does: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "cargo").write_text(f"#!/bin/sh\n{does}\n")
    (folder / "cargo").chmod(0o755)


FILES = ["Cargo.toml", "service.yaml", "src/main.rs", "src/telemetry.rs", "events/jobs.json"]


def test_says_what_it_wrote_and_what_comes_next(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "jobs", "--kind", "sqs"]) == 0
    out, err = capsys.readouterr()
    assert (out.splitlines(), err) == (
        [
            "wrote services/jobs, a service of the kind sqs",
            *(f"  services/jobs/{file}" for file in FILES),
            "next: cargo test -p jobs",
            "next: crabwalk check --schema, for completion in editors: what `new` writes afterwards names it",
            "next: crabwalk dev jobs, then crabwalk invoke jobs --dev",
            "next: commit, Cargo.lock too, then crabwalk deploy jobs",
        ],
        "",
    )
    assert run(["check"]) == 0
    assert capsys.readouterr().out == "crabwalk.yaml and 1 manifest are valid: jobs\n"
    assert all((root / "services/jobs" / file).is_file() for file in FILES)


@pytest.mark.usefixtures("root")
def test_where_cargo_cannot_it_says_what_to_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert run(["new", "jobs", "--kind", "sqs"]) == 0
    (line, *_) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("next: ")]
    assert line == "next: cargo update --workspace, which enters jobs into Cargo.lock: cargo is not installed"
    cargo(tmp_path / "none", "echo 'error: no matching package named `x` found' >&2; exit 101")
    assert run(["new", "more", "--kind", "sqs", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["next"][0] == (
        "cargo update --workspace, which enters more into Cargo.lock: "
        "without a network cargo could not: no matching package named `x` found"
    )


def test_a_dry_run_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "jobs", "--kind", "sqs", "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "would write services/jobs, a service of the kind sqs",
        *(f"  services/jobs/{file}" for file in FILES),
    ]
    assert not (root / "services").exists()


def test_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "tail", "--kind", "extension", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "service": "tail",
        "kind": "extension",
        "folder": "services/tail",
        "files": [
            "services/tail/Cargo.toml",
            "services/tail/service.yaml",
            "services/tail/src/main.rs",
            "services/tail/src/telemetry.rs",
            "services/tail/events/invoke.json",
            "services/tail/events/shutdown.json",
        ],
        "written": True,
        "next": [
            "cargo test -p tail",
            "crabwalk check --schema, for completion in editors: what `new` writes afterwards names it",
            "name it in a function's manifest: `extensions: [tail]`",
            "commit, Cargo.lock too, then crabwalk deploy that function",
        ],
    }
    assert (root / "services/tail/events/shutdown.json").is_file()


def test_a_folder_that_exists_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "services/jobs").mkdir(parents=True)
    assert run(["new", "jobs", "--kind", "sqs"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: services/jobs exists already",
        "  next: choose another name, or move it out of the way",
    ]
    assert list((root / "services/jobs").iterdir()) == []


def test_without_a_workspace(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "Cargo.toml").unlink()
    assert run(["new", "jobs", "--kind", "sqs"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: there is no Cargo.toml: a service is a member of a cargo workspace",
        f"  at {root}",
        "  next: write into it:",
        "  [workspace]",
        '  resolver = "3"',
        '  members = ["services/*"]',
    ]


def test_without_a_kind_all_kinds_are_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "jobs"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: which kind of service is `jobs`?",
        "  next: --kind http|axum|sqs|s3|schedule|event|cognito|extension|stream|enrich",
    ]
    assert not (root / "services").exists()


def test_what_git_would_commit_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)

    def said(name: str) -> list[str]:
        assert run(["new", name, "--kind", "http"]) == 0
        return [line for line in capsys.readouterr().out.splitlines() if ".gitignore" in line]

    advice = "into .gitignore: git would commit what is built"
    assert said("one") == [f"next: enter target/ and .crabwalk/ {advice}"]
    (root / ".gitignore").write_text("target/\n")
    assert said("two") == [f"next: enter .crabwalk/ {advice}"]
    (root / ".gitignore").write_text("/target\n.crabwalk\n")
    assert said("three") == []


def test_a_kind_that_can_be_deployed_is_to_be(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "services").mkdir()
    (root / "services/service.schema.json").write_text("{}")
    assert run(["new", "web", "--kind", "axum"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("next:")] == [
        "next: cargo test -p web",
        "next: crabwalk dev web, then crabwalk invoke web --dev",
        "next: commit, Cargo.lock too, then crabwalk deploy web",
    ]
