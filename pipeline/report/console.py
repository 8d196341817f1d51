"""The one owner of stdout and stderr: styled on a terminal, plain lines elsewhere, annotations under GitHub Actions.

Importing this module must not import rich; off a terminal nothing does. Text is never read as markup, and control
characters in it never reach a terminal.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from pipeline.errors import CrabwalkError, ManifestError, Problem
from pipeline.report.text import clean, folded

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

_PLACE = re.compile(r"(?P<file>[^:]+):(?P<line>\d+)(?::(?P<column>\d+))?")


class Console:
    """What verbs and stages say. With `json`, stdout carries only what `json()` writes, and people read on stderr."""

    def __init__(
        self,
        *,
        json: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
        terminal: bool | None = None,
        width: int | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        for stream in (self._stdout, self._stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # an ASCII terminal shows ?, it does not crash
        self._environ = os.environ if environ is None else environ
        self._terminal = terminal
        self._width = width
        self._now = now
        self._people = self._stderr if json else self._stdout
        self.wants_json = json
        self.github = self._environ.get("GITHUB_ACTIONS") == "true"

    @cached_property
    def terminal(self) -> bool:
        """Whether people look at a terminal that can be styled and rewritten."""
        return self._is_terminal(self._people)

    # what people read

    def line(self, text: str = "") -> None:
        """One line (or several), as it is."""
        self._say(text, fold=False)

    def words(self, text: str) -> None:
        """A line of words; on a terminal a long one is folded between them."""
        self._say(text)

    def title(self, text: str) -> None:
        """A line that opens a part."""
        self._say(text, "bold")

    def note(self, text: str) -> None:
        """Something that may be skipped."""
        self._say(text, "dim")

    def good(self, text: str) -> None:
        """An outcome that was wanted."""
        self._say(text, "bold green")

    def bad(self, text: str) -> None:
        """An outcome that was not wanted, and is no fault of the command."""
        self._say(text, "bold red")

    def progress(self, text: str) -> None:
        """A step of long work; off a terminal with the time, since such lines are read later."""
        if self.terminal:
            self._say(text, "dim")
        else:
            self._say(f"{self._now().astimezone(UTC):%H:%M:%SZ} {text}")

    def warn(self, text: str) -> None:
        """Something to know that stops nothing."""
        self._complain("warning: ", "bold yellow", text)
        if self.github:
            self._command("warning", {}, text)

    def caution(self, problem: Problem) -> None:
        """Something to know about a place in a file that stops nothing."""
        self._complain("warning: ", "bold yellow", str(problem))
        if self.github:
            self._annotate_problem("warning", problem)

    def annotate(self, level: str, problem: Problem) -> None:
        """Mark a place under GitHub Actions, where the words about it are said already."""
        if self.github:
            self._annotate_problem(level, problem)

    def error(self, fault: CrabwalkError) -> None:
        """A fault: what, where, what to do next; for manifests every problem on a line of its own."""
        self._complain("error: ", "bold red", fault.what)
        if isinstance(fault, ManifestError):
            for problem in fault.problems:
                self._complain("", "", str(problem))
        if fault.where:
            self._complain("  at ", "dim", fault.where)
        if fault.hint:
            self._complain("  next: ", "bold cyan", fault.hint)
        if self.github:
            self._annotate(fault)

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Lines that belong together; folded under GitHub Actions."""
        if not self.github:
            self.title(title)
            yield
            return
        self._write(self._people, f"::group::{_escape(clean(title))}")
        try:
            yield
        finally:
            self._write(self._people, "::endgroup::")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Rows under headings; plain columns off a terminal, where nothing is cut."""
        cells = [[clean(str(cell)).replace("\n", " ") for cell in row] for row in rows]
        if self.terminal:
            from pipeline.report.table import build_table

            self.rich.print(build_table(clean(title), columns, cells))
            return
        if title:
            self._say(title)
        widths = [max(len(row[i]) for row in [list(columns), *cells]) for i in range(len(columns))]
        for row in [list(columns), *cells]:
            self._say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    # what machines read

    def json(self, obj: Any) -> None:
        """The result of a verb under `--output json`: stable, two spaces, keys in the order given."""
        self._write(self._stdout, json.dumps(obj, indent=2, ensure_ascii=False, default=_plain))

    def json_line(self, obj: Any) -> None:
        """One of many results, on a line of its own: for verbs whose results do not end."""
        self._write(self._stdout, json.dumps(obj, ensure_ascii=False, default=_plain))

    def document(self, text: str) -> None:
        """A whole document, as it is; for `--output markdown` and its like."""
        self._write(self._stdout, text.rstrip("\n"))

    # how it gets out

    @cached_property
    def rich(self) -> RichConsole:
        """The rich console of the stream people read; only for renderings in report/, only on a terminal."""
        return self._rich(self._people)

    @cached_property
    def _rich_stderr(self) -> RichConsole:
        return self.rich if self._people is self._stderr else self._rich(self._stderr)

    def _rich(self, stream: TextIO) -> RichConsole:
        from rich.console import Console as RichConsole

        return RichConsole(
            file=stream,
            force_terminal=True,
            width=self._width,
            markup=False,
            emoji=False,
            highlight=False,
            no_color="NO_COLOR" in self._environ and self._environ["NO_COLOR"] != "",
            _environ=dict(self._environ),
        )

    def _is_terminal(self, stream: TextIO) -> bool:
        if self._terminal is not None:
            return self._terminal
        return stream.isatty() and self._environ.get("TERM") not in {"dumb", "unknown"}

    def _say(self, text: str, style: str = "", *, fold: bool = True) -> None:
        if self.terminal:
            text = folded(clean(text), self.rich.width) if fold else clean(text)
            self.rich.print(text, style=style or None, soft_wrap=True)  # the terminal wraps the rest: a URL stays whole
        else:
            self._write(self._people, self._harmless(text))

    def _complain(self, label: str, style: str, text: str) -> None:
        text = clean(text).replace("\n", "\n  ")
        if self._is_terminal(self._stderr):
            from rich.text import Text

            # Several lines are a compiler's or Terraform's, laid out by them.
            said = label + text if "\n" in text else folded(label + text, self._rich_stderr.width)
            self._rich_stderr.print(Text.assemble((label, style), said[len(label) :]), soft_wrap=True)
        else:
            self._write(self._stderr, self._harmless(label + text))

    def _harmless(self, text: str) -> str:
        """Cleaned; under GitHub Actions also without lines the runner would take for commands."""
        text = clean(text)
        if not self.github:
            return text
        return re.sub(r"(?m)^(\s*):(?=:)", r"\1: ", text).replace("##[", "## [")

    def _annotate(self, fault: CrabwalkError) -> None:
        if isinstance(fault, ManifestError):
            for problem in fault.problems:
                self._annotate_problem("error", problem)
            return
        found = _PLACE.fullmatch(fault.where or "")
        place = {"file": found["file"], "line": found["line"], "col": found["column"] or ""} if found else {}
        self._command("error", place, fault.what)

    def _annotate_problem(self, name: str, problem: Problem) -> None:
        place = {"file": problem.file, "line": str(problem.line), "col": str(problem.column)}
        tail = f", {problem.instead}" if problem.instead else ""
        self._command(name, place, problem.what + tail)

    def _command(self, name: str, properties: Mapping[str, str], text: str) -> None:
        said = ",".join(f"{key}={_escape(value, 'property')}" for key, value in properties.items() if value)
        self._write(self._stderr, f"::{name}{' ' if said else ''}{said}::{_escape(clean(text))}")

    def _write(self, stream: TextIO, text: str) -> None:
        stream.write(text + "\n")
        stream.flush()


def _escape(text: str, kind: str = "data") -> str:
    """As the toolkit of GitHub Actions escapes the data, or a property, of a workflow command."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if kind == "property" else text


def _plain(value: object) -> object:
    """What JSON has no form for: dataclasses as objects, paths and times as text, sets sorted."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
