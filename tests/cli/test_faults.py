"""Every verb under the faults that whoever is on call meets: it says what is wrong and what to do, and changes nothing.

The verbs come from the command line itself, so a new one is held to the same.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import verb_kit
from refusing_kit import Refusing, refuses

from pipeline import aws
from pipeline.cli import VERBS, cli, run

NEEDS = {
    "service": "hello",
    "services": "hello",
    "reason": "x",
    "target": "shop",
    "release": "hello",
    "name": "nova",
    "environment": "staging",
    "file": "said.md",
}
BESIDE = {
    "new": ["--kind", "http"],
    "abort": ["hello"],
    "rollback": ["hello"],
    "unlock": ["hello"],
    "destroy": ["--yes", "hello"],
    "tune": ["--unsafe"],
    "post": ["--issue", "x"],
}
ELSEWHERE = {"init", "judge", "local", "completion", "demo"}  # no part in any project
TELLS = {"doctor"}  # whatever is wrong is what it is there to say
# These ask nothing of an environment, or only what it may tell.
AT_HOME = {"dev", "build", "check", "new", "render", "roles", "post"}
EXPIRED = ("ExpiredToken", "sign in again")
DENIED = ("AccessDenied", "check the credentials and their permissions")


def command(verb: str) -> click.Command:
    found = cli.get_command(click.Context(cli), verb)
    assert found is not None
    return found


def line(verb: str, env: str = "staging") -> list[str]:
    """The verb with what it cannot do without."""
    words = [verb, *BESIDE.get(verb, [])]
    for one in command(verb).params:
        if one.required:
            name = str(one.name)
            words += [one.opts[0], NEEDS[name]] if isinstance(one, click.Option) else [NEEDS[name]]
    if in_environments(verb):
        words += ["--env", env]
    return [env if word == NEEDS["environment"] else word for word in words]


def in_environments(verb: str) -> bool:
    return any(one.name == "env_name" for one in command(verb).params)


PROJECT = [verb for verb in VERBS if verb not in ELSEWHERE | TELLS]
AWS = [verb for verb in PROJECT if verb not in AT_HOME]


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    with refuses() as url:
        yield url
    aws._client.cache_clear()


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("faults")
    verb_kit.place(root, "faults").events(hello={})
    (root / "Cargo.lock").write_text('version = 4\n\n[[package]]\nname = "hello"\nversion = "0.1.0"\n')
    who = ("-c", "user.name=n", "-c", "user.email=n@example.com")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


@pytest.fixture
def project(somewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The project, which every verb has to leave as it was."""
    for name, value in {"HOME": tmp_path, "XDG_STATE_HOME": tmp_path, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(somewhere)
    before = files(somewhere)
    yield somewhere
    assert files(somewhere) == before


def files(root: Path) -> dict[Path, bytes]:
    """What lies there, but for the caches of git and of crabwalk."""
    found = (path for path in root.rglob("*") if path.is_file() and not {".git", ".crabwalk"} & set(path.parts))
    return {path: path.read_bytes() for path in found}


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The complaint: one error, and what to do next."""
    err = capsys.readouterr().err
    assert len(re.findall(r"^error: ", err, re.MULTILINE)) == 1
    return err


@pytest.mark.parametrize("verb", PROJECT)
def test_outside_of_a_project(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(line(verb, env="local" if verb == "dev" else "staging")) == 2
    err = said(capsys)
    assert err.startswith(f"error: no crabwalk.yaml in {tmp_path}")
    assert "\n  next: change to the repository" in err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("verb", [verb for verb in PROJECT if in_environments(verb)])
def test_an_environment_that_is_not_declared(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line(verb, env="stagin")) == 2
    if verb != "dev":  # it knows one environment only
        assert said(capsys).endswith("no environment `stagin` in crabwalk.yaml\n  next: did you mean `staging`?\n")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("verb", AWS)
@pytest.mark.parametrize("fault", [EXPIRED, DENIED])
def test_credentials_that_aws_refuses(
    verb: str,
    fault: tuple[str, str],
    refusing: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, hint = fault
    monkeypatch.setattr(Refusing, "code", code)
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "ENDPOINT_URL": refusing}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    assert run(line(verb)) == 1
    err = said(capsys)
    assert code in err
    assert hint in err.splitlines()[-1]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("verb", AWS)
def test_a_profile_that_does_not_exist(
    verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws._session.cache_clear()
    aws._client.cache_clear()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert run(line(verb)) == 1
    err = said(capsys)
    assert "The config profile (nobody) could not be found" in err
    assert err.endswith("\n  next: check AWS_PROFILE; `aws configure list-profiles` names those there are\n")


def test_a_rollback_of_many_targets_says_of_each_what_to_do(
    tmp_path: Path, refusing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verb_kit.place(tmp_path, "faults").events(hello={})
    targets = "".join(f'      {name}: {{account: "444455556666", region: eu-west-1}}\n' for name in ("a", "b"))
    waves = "    waves: [{name: one, targets: [a]}, {name: two, targets: [b]}]\n"
    text = (tmp_path / "crabwalk.yaml").read_text().partition("environments:")[0]
    (tmp_path / "crabwalk.yaml").write_text(f"{text}environments:\n  many:\n    targets:\n{targets}{waves}")
    monkeypatch.chdir(tmp_path)
    code, hint = EXPIRED
    monkeypatch.setattr(Refusing, "code", code)
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "ENDPOINT_URL": refusing}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    assert run(["rollback", "hello", "--env", "many"]) == 1
    said = capsys.readouterr().err.splitlines()
    for target in ("a", "b"):
        (line,) = [one for one in said if one.startswith(f"warning: {target}: ")]
        assert code in line
        assert hint in line
    unread = [one for one in said if "state.json" in one]
    assert len(unread) == 1, "what keeps the release from being read is said once"
    assert [one for one in said if one.startswith("warning: the release could not be ended either; `crabwalk abort ")]
