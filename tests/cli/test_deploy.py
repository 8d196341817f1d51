from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from shop_kit import HELLO, Scratch

from pipeline import local
from pipeline.cli import run
from pipeline.cli.deploy import no_release

UNREACHABLE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def project(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Scratch:  # noqa: ARG001
    return Scratch.make(tmp_path_factory.mktemp("cli") / "repository", "wrong")


@pytest.fixture
def here(project: Scratch, tmp_path: Path) -> Scratch:
    """A copy, to be spoilt."""
    shutil.copytree(project.root, tmp_path / "repository", symlinks=True)
    return Scratch(tmp_path / "repository", project.project)


def test_without_a_git_repository(here: Scratch) -> None:
    shutil.rmtree(here.root / ".git")
    done = here.crabwalk("deploy", "--env", "local")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        f"error: {here.root} is not in a git repository",
        "  next: git init, or change to the clone",
    ]


def test_from_a_shallow_clone(here: Scratch) -> None:
    first = here.commit("second")
    here.git("clone", "--quiet", "--depth", "1", f"file://{here.root}", str(here.root.parent / "shallow"))
    shallow = Scratch(here.root.parent / "shallow", here.project)
    # Nothing answers at this endpoint: the refusal comes before any call of AWS.
    done = shallow.crabwalk("deploy", "--env", "staging", AWS_ENDPOINT_URL=UNREACHABLE)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: this is a shallow clone: which services a commit affects cannot be told",
        f"  at {shallow.root}",
        "  next: git fetch --unshallow (in GitHub Actions: `fetch-depth: 0` for actions/checkout)",
    ]
    done = shallow.crabwalk("affected", "--base", first)
    assert done.code == 0, done.said
    assert done.lines[-1] == "2 of 2 services affected"
    assert done.out.count("shallow") == 2


def test_with_uncommitted_changes_outside_local(here: Scratch) -> None:
    here.write(HELLO, "fn main() {}\n")
    done = here.crabwalk("deploy", "--env", "staging", AWS_ENDPOINT_URL=UNREACHABLE)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: there are uncommitted changes: services/hello/src/main.rs",
        f"  at {here.root}",
        "  next: commit or stash them; a release is what a commit says",
    ]


def test_with_a_wrong_manifest(here: Scratch) -> None:
    here.replace("services/hello/service.yaml", "memory: 128 MB", "memory: 128\nmemroy: 1")
    here.commit("less memory")
    done = here.crabwalk("deploy", "--env", "local")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: 2 problems in the manifests",
        "services/hello/service.yaml:8:9: memory: `128` has no unit, write `128 MB`",
        "services/hello/service.yaml:9:1: unknown key `memroy`, did you mean `memory`?",
    ]


def test_without_an_environment_while_the_embedded_aws_is_down(here: Scratch, tmp_path: Path) -> None:
    nothing = {"CRABWALK_LOCAL_DIR": str(tmp_path / "nothing")}
    done = here.crabwalk("deploy", **nothing)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: which environment? declared: staging, production; the embedded AWS is down",
        "  next: --env staging|production|local",
    ]
    done = here.crabwalk("deploy", "--env", "local", **nothing)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == ["error: the embedded AWS is not running", "  next: crabwalk local up"]
    done = here.crabwalk("deploy", "--env", "stagin", **nothing)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: no environment `stagin` in crabwalk.yaml",
        "  next: did you mean `staging`?",
    ]


def test_with_a_verb_or_an_option_that_does_not_exist(here: Scratch) -> None:
    done = here.crabwalk("deplyo")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1] == "Error: No such verb 'deplyo'. Did you mean 'deploy'?"
    done = here.crabwalk("deploy", "--forse")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1].startswith("Error: No such option")


@pytest.mark.parametrize("more", [["hello"], ["--base", "HEAD"], ["--retry"], ["--allow-destroy", "a"], ["--dry-run"]])
def test_a_saved_plan_says_itself_what_is_deployed(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "--plan", "20260101T000000-abcdef", *more]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"--plan ID says itself what is deployed: leave out {more[0]}; with it go --env, --detach," in said


def test_the_last_line_where_nothing_is_released_says_what_terraform_did() -> None:
    idle = "c0ffeec0ffee affects no service in `local`"
    assert no_release("c0ffee" * 7, "local", ()) == f"nothing to deploy: {idle}"
    assert no_release("c0ffee" * 7, "local", ["web"]) == f"no release: {idle}; Terraform changed stack web"
    told = no_release("c0ffee" * 7, "local", ["web", "api", "web"])
    assert told == f"no release: {idle}; Terraform changed stacks api and web"
