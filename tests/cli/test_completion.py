"""Completion as a real bash has it, and what the other shells are told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import verb_kit

from pipeline.cli import VERBS
from pipeline.cli.completing import releases
from pipeline.cli.seen import KEPT, remember, seen

# What bash does when the tabulator is pressed behind the last of these words.
PRESS = """
eval "$(crabwalk completion bash)"
compopt() { :; }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_crabwalk_completion crabwalk
printf '%s\\n' "${COMPREPLY[@]}"
"""


# A zsh with a terminal of its own, in which the tabulator is pressed; what it then has on its line is run by `print`.
ZSH = r"""
zmodload zsh/zpty
zpty -b typed zsh -f -i
zpty -w typed 'PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D'
zpty -w typed 'eval "$(crabwalk completion zsh)"; said() { print -r -- "ra""n: $@" }; print RE""ADY'
until [[ $seen == *READY* ]]; do zpty -r typed line && seen+=$line; done
zpty -w -n typed $'crabwalk rollb\th\t'
zpty -w -n typed $'\x01said \n'
until [[ $seen == *ran:* ]]; do zpty -r typed line && seen+=$line; done
until [[ $line == *$'\n' ]]; do zpty -r typed line && seen+=$line; done
print -r -- "$seen"
"""
PATIENCE_S = 120


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    verb_kit.place(tmp_path, "shop")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    return tmp_path


def press(*words: str) -> list[str]:
    done = subprocess.run(
        ["bash", "--norc", "-c", PRESS, "bash", "crabwalk", *words], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["roll"], ["rollback"]),
        (["rollback", "h"], ["hello"]),
        (["deploy", "hello", ""], []),  # once is enough
        (["status", "--env", ""], ["staging", "local"]),
        (["bootstrap", "st"], ["staging"]),
        (["promote", "--f"], ["--full"]),
        (["deploy", "--output", "j"], ["json"]),
        (["local", "d"], ["down"]),
        (["doctor", "--verb", "rol"], ["rollback"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes(words: Sequence[str], offered: Sequence[str]) -> None:
    assert press(*words) == list(offered)


def test_ids_that_were_shown_last_are_offered(project: Path) -> None:
    (project / ".crabwalk").mkdir()
    assert press("deploy", "--plan", "") == []
    remember(project, "plans", ["20260101T120000-1a2b3c", None])
    remember(project, "plans", ["20260102T120000-4d5e6f", "20260101T120000-1a2b3c"])
    assert press("deploy", "--plan", "2026") == ["20260102T120000-4d5e6f", "20260101T120000-1a2b3c"]
    remember(project, "releases", [f"r{number}" for number in range(KEPT + 1)])
    assert releases() == [*(f"r{number}" for number in range(KEPT)), "hello"]
    for broken in ("[]", "{", '{"plans": 1}'):
        (project / ".crabwalk" / "seen.json").write_text(broken)
        assert seen(project) == {}


def test_a_project_nothing_was_deployed_from_is_left_as_it_is(project: Path) -> None:
    remember(project, "plans", ["20260101T120000-1a2b3c"])
    assert seen(project) == {}
    assert not (project / ".crabwalk").exists()


@pytest.mark.usefixtures("project")
def test_every_verb_is_offered() -> None:
    assert set(press("")) == set(VERBS)


@pytest.mark.parametrize("text", [None, "crabwalk: [", "crabwalk: 1\nproject: UPPER\n"])
def test_where_there_is_nothing_to_read_nothing_is_said(project: Path, text: str | None) -> None:
    file = project / "crabwalk.yaml"
    file.unlink() if text is None else file.write_text(text)
    assert press("rollback", "h") == []


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [("crabwalk rollback h", "hello"), ("crabwalk roll", "rollback"), ("crabwalk plan --env s", "staging")],
)
def test_fish_completes(typed: str, offered: str, tmp_path: Path) -> None:
    program = f"crabwalk completion fish | source; complete -C '{typed}'"
    env = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(["fish", "--no-config", "-c", program], env=env, capture_output=True, text=True, check=True)
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == [offered]


@pytest.mark.usefixtures("project")
def test_zsh_completes(tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "TERM": "dumb"}
    done = subprocess.run(
        ["zsh", "-f", "-c", ZSH], env=env, capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert "crabwalk rollback hello" in done.stdout


def test_no_package_of_aws_is_loaded_for_it(project: Path) -> None:
    program = "import sys; from pipeline.cli.completing import services, environments; services(); environments();"
    program += "print([name for name in ('botocore', 'pydantic', 'git', 'rich') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
