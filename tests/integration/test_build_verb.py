"""`crabwalk build` as people and machines see it, on the tiny workspace."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from build_kit import write
from tiny_kit import MACHINE, TARGET

from pipeline.cli import run

pytestmark = pytest.mark.usefixtures("build_cache", "project")


@pytest.fixture
def project(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny workspace with manifests, in git."""
    monkeypatch.chdir(tree)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setenv("CARGO_HOME", os.environ.get("CARGO_HOME") or str(Path.home() / ".cargo"))
    manifest = "crabwalk: 1\nname: {name}\narchitecture: {machine}\n"
    write(tree, {"crabwalk.yaml": 'crabwalk: 1\nproject: tiny\nservices: "*/service.yaml"\nbuild: {deny: "off"}\n'})
    write(tree, {f"{name}/service.yaml": manifest.format(name=name, machine=MACHINE) for name in ("one", "two")})
    git(tree, "init", "-q", "-b", "main")
    commit(tree)
    return tree


def git(root: Path, *words: str) -> str:
    options = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(root), *options, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "change")
    return git(root, "rev-parse", "HEAD")


def artifacts(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    capsys.readouterr()
    assert run(["build", *arguments, "--output", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["artifacts"]
    return document["artifacts"]


def test_people_see_a_table_and_the_second_build_compiles_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build"]) == 0
    first = capsys.readouterr().out.splitlines()
    assert first[0].split()[1] == "rustc"
    assert first[1].endswith(f" {TARGET}: one, two, 3 crates")
    assert first[-3].split() == ["service", "target", "binary", "zip", "sha256", "from", "file"]
    assert [line.split()[:2] for line in first[-2:]] == [["one", TARGET], ["two", TARGET]]
    assert all("  compiled  " in line for line in first[-2:])
    assert run(["build"]) == 0
    second = capsys.readouterr().out.splitlines()
    assert len(second) == 3
    assert [line.replace("  store  ", "  compiled  ") for line in second[1:]] == first[-2:]


def test_machines_get_one_object_a_service(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    one, two = artifacts(capsys)
    assert list(one) == [
        *("service", "kind", "architecture", "target", "sha256", "code_sha256", "bytes", "binary_bytes"),
        *("path", "key", "reused", "grew", "evidence"),
    ]
    assert (one["service"], two["service"], one["architecture"], one["target"]) == ("one", "two", MACHINE, TARGET)
    assert Path(str(one["path"])).stat().st_size == one["bytes"]
    assert Path(str(one["evidence"])).name == git(project, "rev-parse", "HEAD")
    (again,) = artifacts(capsys, "two")
    assert again == {**two, "reused": True}
    (forced,) = artifacts(capsys, "two", "--force")
    assert (forced["sha256"], forced["reused"]) == (two["sha256"], False)


def test_only_what_a_change_affects(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    base = git(project, "rev-parse", "HEAD")
    write(project, {"two/src/main.rs": 'fn main() {\n    println!("2: {}", shared::WORDS);\n}\n'})
    commit(project)
    assert [one["service"] for one in artifacts(capsys, "--base", base)] == ["two"]
    assert artifacts(capsys, "--base", "HEAD") == []
    assert run(["build", "--base", "HEAD"]) == 0
    assert capsys.readouterr().out == "nothing to build\n"


def test_a_package_beyond_its_budget(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    manifest = (project / "one/service.yaml").read_text()
    write(project, {"one/service.yaml": manifest + "budget: {warn: 100 kB}\n"})
    assert run(["build", "one", "--force"]) == 0
    assert "warning: one: the zip has 0." in capsys.readouterr().err
    write(project, {"one/service.yaml": manifest + "budget: {warn: 100 kB, fail: 110 kB}\n"})
    assert run(["build", "one"]) == 1, "also of what the store has"
    said = capsys.readouterr().err
    assert "error: one: the zip has 0." in said
    assert "MB, its budget ends at 0.1 MB" in said


def test_a_compiler_that_is_not_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert run(["build", "--compiler", "cross"]) == 1
    assert "error: the compiler `cross` is not installed" in capsys.readouterr().err


def test_github_gets_the_compilers_words_at_their_place(
    capsys: pytest.CaptureFixture[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    source = 'fn main() {\n    let unused = 1;\n    println!("{}", shared::WORDS);\n    nothing();\n}\n'
    write(project, {"one/src/main.rs": source})
    assert run(["build", "one"]) == 1
    found = capsys.readouterr()
    assert "error[E0425]: cannot find function `nothing` in this scope" in found.out
    place = "file=one/src/main.rs,line=4,col=5"
    (mark,) = [line for line in found.err.splitlines() if line.startswith("::error")]
    assert mark.startswith(f"::error {place}::one: does not compile: cannot find function `nothing`")
    write(project, {"one/src/main.rs": source.replace("    nothing();\n", "")})
    assert run(["build", "one"]) == 0
    said = capsys.readouterr().err
    assert "::warning file=one/src/main.rs,line=2,col=9::unused variable: `unused`" in said
