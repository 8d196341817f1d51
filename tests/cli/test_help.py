"""What `--help` says of each verb: one way of words, and examples that can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from pipeline.cli import VERBS, cli, run
from pipeline.cli.examples import EXAMPLES

WIDTH = 80
FILES = ("one.json", "minutes.csv", "plan.md")


def verb(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def typed(line: str) -> list[str]:
    """The words of a crabwalk command in a line of a shell."""
    said = re.search(r"\$\((.*)\)", line)
    words = shlex.split(said[1] if said else line, comments=True)
    words = words[: words.index(">")] if ">" in words else words
    assert words[0] == "crabwalk"
    return words[1:]


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_has_examples_that_can_be_typed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in FILES:
        Path(file).touch()
    assert EXAMPLES.get(name), "at least one"
    mine = 0
    for wanted, line in EXAMPLES[name]:
        assert len(line) <= WIDTH - 4
        assert wanted[0].isupper()
        first, *rest = typed(line)
        mine += first == name
        command = verb(first)
        with command.make_context(first, rest, parent=click.Context(cli)) as context:
            if isinstance(command, click.Group):
                assert command.get_command(context, rest[0]) is not None
    assert mine, "of the verb itself"


@pytest.mark.parametrize("name", VERBS)
def test_help_shows_them_at_its_end(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    _, _, shown = capsys.readouterr().out.partition("\nExamples:\n")
    lines = shown.splitlines()
    for wanted, line in EXAMPLES[name]:
        assert lines[lines.index(f"  {wanted}:") + 1] == f"    {line}"


def test_the_top_tells_verbs_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= WIDTH
    _, _, exits = out.partition("\nExit codes:\n")
    assert [line.split()[0] for line in exits.splitlines()[:8]] == ["0", "1", "2", "3", "4", "5", "6", "128+n"]
    assert all(re.search(rf"^  {name} ", out, re.MULTILINE) for name in VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_help_has_one_way_of_words(name: str) -> None:
    command = verb(name)
    assert VERBS[name].endswith(".")
    summary = (command.help or "").split("\n\n")[0]
    assert re.match(r"[A-Z][a-z]+[ ,]", summary), "it begins with what the verb does"
    assert summary.rstrip().endswith("."), summary
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    for one in commands:
        for option in one.params:
            if isinstance(option, click.Option):
                assert option.help, f"{one.name} {option.opts[0]}"
                assert re.match(r"[A-Z`0]", option.help), option.help
                assert option.help.endswith((".", ")", "]")), option.help


def test_no_example_is_of_a_verb_that_is_not_there_to_come() -> None:
    assert EXAMPLES.keys() - VERBS.keys() <= {"report", "dashboard", "roles", "post"}
