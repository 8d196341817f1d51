from __future__ import annotations

import json
import os
import signal
import subprocess
import tomllib
from pathlib import Path

import pytest

from pipeline.cli import Terminated, run
from pipeline.manifest import check_all
from pipeline.scaffold.repository import ci, placing

REPOSITORY = Path(__file__).parents[2]
WRITTEN = [
    ".gitignore",
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "clippy.toml",
    "crabwalk.schema.json",
    "crabwalk.yaml",
    "deny.toml",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, outside of any repository."""
    here = tmp_path / "acme"
    here.mkdir()
    quick = tmp_path / "bin" / "cargo"  # what it does to Cargo.lock is one test's matter
    quick.parent.mkdir()
    quick.write_text("#!/bin/sh\n")
    quick.chmod(0o755)
    monkeypatch.setenv("PATH", str(quick.parent), prepend=os.pathsep)
    monkeypatch.chdir(here)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return here


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if ".git" not in path.parts}


def packages(lock: Path) -> set[tuple[str, str]]:
    return {(one["name"], one["version"]) for one in tomllib.loads(lock.read_text())["package"]}


def test_says_what_it_wrote_and_what_comes_next(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "shop", "--ci", "none"]) == 0
    out, err = capsys.readouterr()
    shared = sum(1 for path in (REPOSITORY / "rust_shared").rglob("*") if path.is_file())
    assert (out.splitlines(), err) == (
        [
            f"began {folder}/shop, the project shop",
            *(f"  {name}" for name in WRITTEN),
            f"  rust_shared/ ({shared} files)",
            "  rustfmt.toml",
            "  services/service.schema.json",
            "  a git repository, with nothing committed",
            "next: cd shop",
            "next: crabwalk new hello --kind http",
            "next: git add --all, then git commit",
            "next: crabwalk doctor, which says what this machine lacks",
            "next: crabwalk local up, then crabwalk bootstrap local",
            "next: crabwalk deploy --env local",
        ],
        "",
    )
    assert [path.name for path in folder.iterdir()] == ["shop"]


def test_what_it_wrote_takes_a_service_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder.parent / "bin" / "cargo").unlink()
    assert run(["init", "--ci", "none"]) == 0
    assert run(["new", "hello", "--kind", "http"]) == 0
    assert run(["check"]) == 0
    assert capsys.readouterr().out.endswith("crabwalk.yaml and 1 manifest are valid: hello\n")
    project, services = check_all(folder, [])
    assert (project.name, [one.name for one in services]) == ("acme", ["hello"])
    assert not (folder / "services/hello/src/telemetry.rs").exists(), "it uses rust_shared"
    assert "license" not in (folder / "Cargo.toml").read_text() + (folder / "rust_shared/Cargo.toml").read_text()
    with (folder / "services/hello/service.yaml").open() as manifest:
        assert manifest.readline() == "# yaml-language-server: $schema=../service.schema.json\n"
    ours, theirs = packages(REPOSITORY / "Cargo.lock"), packages(folder / "Cargo.lock")
    assert ("hello", "0.1.0") in theirs
    assert theirs - ours == set(), "the versions that crabwalk is tested with"
    assert len(theirs) < len(ours)


@pytest.mark.parametrize("system", ci.SYSTEMS)
def test_the_files_of_a_ci_system_are_those_carried(folder: Path, system: str) -> None:
    assert run(["init", "--ci", system]) == 0
    carried = ci.files(REPOSITORY, system)
    assert all((folder / path).read_text() == text for path, text in carried.items())
    first = {
        "github": ".github/workflows/deploy.yml",
        "gitlab": ".gitlab-ci.yml",
        "buildkite": ".buildkite/pipeline.yml",
    }
    assert {name for name in first.values() if name in carried} == {
        name for key, name in first.items() if key == system
    }
    assert not (folder / ".github/workflows/ci.yml").exists(), "the tests of crabwalk itself"


def test_a_repository_that_exists_stays_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    head = (folder / ".git/HEAD").read_bytes()
    (folder / "README.md").write_text("mine")
    (folder / ".gitignore").write_text("mine")
    assert run(["init", "--ci", "none", "--output", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["kept"], said["git"], said["written"]) == (["README.md", ".gitignore"], "there", True)
    assert said["next"][0].startswith("let .gitignore name target/ and .crabwalk/")
    assert (folder / "README.md").read_text() == (folder / ".gitignore").read_text() == "mine"
    assert (folder / ".git/HEAD").read_bytes() == head
    assert set(said["files"]) <= files(folder)


def test_nothing_is_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "Cargo.toml").write_text("mine")
    (folder / "rust_shared").write_text("a file where a folder must be")
    assert run(["init", "--ci", "none"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: Cargo.toml, rust_shared/Cargo.toml, ")
    assert "more would be overwritten" in err
    assert "to bring a workspace of your own, write a crabwalk.yaml" in " ".join(err.split())
    assert files(folder) == {"Cargo.toml", "rust_shared"}
    assert not (folder / ".git").exists()


def test_a_project_is_begun_once_and_not_inside_of_another(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--ci", "none"]) == 0
    before = files(folder)
    assert run(["init"]) == 2
    assert run(["init", "deeper/inside"]) == 2
    err = capsys.readouterr().err
    assert "there is a crabwalk.yaml already" in err
    assert "this lies inside of another project" in err
    assert files(folder) == before


def test_ci_files_count_only_at_the_top(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    assert run(["init", "backend", "--ci", "github"]) == 2
    assert "GitHub reads its files only at the top of the repository" in capsys.readouterr().err
    assert run(["init", "backend", "--ci", "none"]) == 0
    assert not (folder / "backend/.git").exists()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--name", "Shop"], "`Shop` is not a project name"),
        (["1"], "the folder `1` names no project"),
        (["file"], "this is a file"),
    ],
)
def test_what_cannot_be_is_refused(
    folder: Path, arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").touch()
    assert run(["init", *arguments]) == 2
    assert f"error: {what}" in capsys.readouterr().err
    assert files(folder) == {"file"}


def test_dry_run_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "shop", "--ci", "none", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"would begin {folder}/shop, the project shop\n")
    assert "next:" not in out
    assert files(folder) == set()


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), Terminated(signal.SIGTERM)])
@pytest.mark.parametrize("after", [0, 7])
def test_what_fails_leaves_nothing(
    folder: Path,
    fault: BaseException,
    after: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "README.md").write_text("mine")
    done: list[Path] = []

    def publish(file: Path, target: Path, undo: placing._Undo) -> None:
        if len(done) == after:
            raise fault
        done.append(target)
        real(file, target, undo)

    real = placing._publish
    monkeypatch.setattr(placing, "_publish", publish)
    assert run(["init", "--ci", "none"]) == (1 if isinstance(fault, OSError) else 128 + signal.SIGTERM)
    assert run(["init", "new/one", "--ci", "none"]) != 0
    assert "Traceback" not in capsys.readouterr().err
    assert files(folder) == {"README.md"}
    assert not (folder / ".git").exists()


def test_of_two_that_begin_at_once_one_wins(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def draft(beginning: object, where: Path) -> None:
        real(beginning, where)
        (folder / "crabwalk.yaml").write_text("theirs")

    real = placing._draft
    monkeypatch.setattr(placing, "_draft", draft)
    assert run(["init", "--ci", "none"]) == 2
    assert "this exists already" in capsys.readouterr().err
    assert files(folder) == {"crabwalk.yaml"}


def test_without_cargo_and_git(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(folder / "none"))
    assert run(["init", "--ci", "none"]) == 2
    assert "git is not on PATH" in capsys.readouterr().err
    (folder / ".git").mkdir()
    assert run(["init", "--ci", "none"]) == 0
    assert "next: cargo update --workspace, which settles Cargo.lock: cargo is not installed" in capsys.readouterr().out


def test_without_hard_links_files_are_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    assert run(["init", "--ci", "none"]) == 0
    assert {"crabwalk.yaml", "rust_shared/src/lib.rs"} <= files(folder)
