from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from pipeline import aws
from pipeline.cli import run
from pipeline.manifest.project import environment, load_project
from pipeline.release.act import Engine
from pipeline.release.ledger import Released, ServiceRecord


class Clone:
    """Two services, one of them built from a shared crate."""

    def __init__(self, root: Path, project: str) -> None:
        self.root = root
        self.write("crabwalk.yaml", f"crabwalk: 1\nproject: {project}\n")
        self.write("shared/Cargo.toml", '[package]\nname = "shared"\n')
        self.write("shared/src/lib.rs", "")
        crates = {
            "health": "",
            "hello": '[dependencies]\nshared = { path = "../../shared" }\n',
        }
        for name, dependencies in crates.items():
            self.write(f"services/{name}/Cargo.toml", f'[package]\nname = "{name}"\n{dependencies}')
            self.write(f"services/{name}/src/main.rs", "fn main() {}\n")
            self.write(f"services/{name}/service.yaml", f"crabwalk: 1\nname: {name}\n")
        self.git("init", "-q", "-b", "main")
        self.first = self.commit()

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.org")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.chdir(tmp_path)
    return Clone(tmp_path, "demo")


def test_names_the_services_and_their_reasons(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.write("shared/src/lib.rs", "// other\n")
    clone.commit()
    assert run(["affected", "--base", "HEAD~1"]) == 0
    since = clone.first[:12]
    assert capsys.readouterr() == (
        (
            f"health: not affected since {since}\n"
            f"hello: affected since {since}\n"
            "  depends on shared, which changed (shared/src/lib.rs)\n"
            "1 of 2 services affected\n"
        ),
        "",
    )


def test_as_json_and_for_one_service(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    clone.write("services/hello/src/main.rs", "// other\n")
    head = clone.commit()
    assert run(["affected", "hello", "--base", clone.first, "--output", "json"]) == 0
    reason = {"kind": "files", "detail": "services/hello/src/main.rs changed"}
    assert json.loads(capsys.readouterr().out) == {
        "commit": head,
        "services": [{"service": "hello", "base": clone.first, "affected": True, "reasons": [reason]}],
    }


def test_a_matrix_for_github(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["affected", "--base", "HEAD", "--github"]) == 0
    assert capsys.readouterr().out == 'any=false\nmatrix={"include":[]}\n'
    clone.write("services/hello/src/main.rs", "// other\n")
    clone.commit()
    assert run(["affected", "--base", "HEAD~1", "--github"]) == 0
    assert capsys.readouterr().out == 'any=true\nmatrix={"include":[{"service":"hello"}]}\n'


def test_uncommitted_work_is_said(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abcd":
        clone.write(f"services/hello/{name}", "")
    assert run(["affected", "--base", "HEAD"]) == 0
    assert capsys.readouterr().err == (
        "warning: uncommitted changes are not looked at: "
        "services/hello/a, services/hello/b, services/hello/c and 1 more\n"
    )


_FETCH = "  next: git fetch, or name another commit"


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ["--base", "nowhere"],
            ["error: no commit `nowhere` in this clone", _FETCH],
        ),
        (["hallo", "--base", "HEAD"], ["error: there is no service `hallo`", "  next: did you mean `hello`?"]),
    ],
)
def test_what_is_not_there(
    clone: Clone, capsys: pytest.CaptureFixture[str], arguments: list[str], lines: list[str]
) -> None:
    assert clone.first
    assert run(["affected", *arguments]) == 2
    assert capsys.readouterr().err.splitlines() == lines


def test_without_a_repository(clone: Clone, capsys: pytest.CaptureFixture[str]) -> None:
    (clone.root / ".git").rename(clone.root / "no-git")
    assert run(["affected", "--base", "HEAD"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: {clone.root} is not in a git repository",
        "  next: git init, or change to the clone",
    ]


@pytest.mark.usefixtures("embedded")
def test_the_base_is_each_services_last_promoted_release(
    clone: Clone, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clone.write("crabwalk.yaml", f"crabwalk: 1\nproject: {namespace[:20].rstrip('-')}\n")
    second = clone.commit()
    env = environment(load_project(clone.root), "local")
    aws.client(env, "s3").create_bucket(Bucket=env.bucket)
    released = Released("r1", "1", second, "a" * 64, "c", 0.0)
    Engine(env).ledger.save(ServiceRecord("hello", promoted=released))
    assert run(["affected"]) == 0
    assert capsys.readouterr().out == (
        f"health: affected\n  never released\nhello: not affected since {second[:12]}\n1 of 2 services affected\n"
    )
