"""Who `destroy` asks: a terminal for the name, nobody else."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import verb_kit

from pipeline import local
from pipeline.cli.destroy import _ask
from pipeline.cli.options import Here
from pipeline.errors import UsageError
from pipeline.report.console import Console

WHO = "crabwalk destroy old --env local --yes old"


class Typed(io.StringIO):
    """A terminal on which this is typed."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def here(embedded: local.Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:  # noqa: ARG001
    monkeypatch.chdir(verb_kit.place(tmp_path / "project", "asked").root)
    found = Here("local")
    found.console = Console(terminal=True)
    return found


def test_the_name_is_asked_for_on_a_terminal(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Typed("old\n"))
    _ask(here, "old")
    for typed in ("y\n", "\n", "odl\n"):
        monkeypatch.setattr("sys.stdin", Typed(typed))
        with pytest.raises(UsageError, match="that is not its name; nothing was destroyed"):
            _ask(here, "old")


def test_where_nobody_can_be_asked_the_command_line_has_to_say_it(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("old\n"))
    with pytest.raises(UsageError, match="nobody can be asked here; nothing was destroyed") as caught:
        _ask(here, "old")
    assert caught.value.hint == WHO
    here.console = Console(terminal=False)
    monkeypatch.setattr("sys.stdin", Typed("old\n"))
    with pytest.raises(UsageError):
        _ask(here, "old")
