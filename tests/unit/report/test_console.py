"""Exact output of the console: plain, on a terminal, under GitHub Actions, and as JSON."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.errors import BuildError, ManifestError, Problem, UsageError
from pipeline.report.console import Console
from pipeline.report.text import clean

NOW = datetime(2026, 11, 21, 14, 3, 5, tzinfo=UTC)


class Screen:
    """A console on two buffers."""

    def __init__(
        self, *, json: bool = False, terminal: bool = False, width: int = 60, environ: dict[str, str] | None = None
    ) -> None:
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        self.console = Console(
            json=json,
            stdout=self.stdout,
            stderr=self.stderr,
            environ={"TERM": "xterm-256color"} if environ is None else environ,
            terminal=terminal,
            width=width,
            now=lambda: NOW,
        )

    @property
    def out(self) -> str:
        return self.stdout.getvalue()

    @property
    def err(self) -> str:
        return self.stderr.getvalue()


ACTIONS = {"GITHUB_ACTIONS": "true"}
MANIFEST = ManifestError(
    [
        Problem("services/b/service.yaml", 7, 3, "unknown key `memry`", "did you mean `memory`?"),
        Problem("services/a/service.yaml", 12, 10, "weight 120 % is out of range"),
    ]
)


def test_plain_lines() -> None:
    screen = Screen()
    screen.console.title("hello")
    screen.console.line("one [red]line[/red] \x1b[31mas it is")
    screen.console.note("aside")
    screen.console.good("promoted")
    screen.console.bad("rolled back")
    screen.console.progress("building")
    screen.console.line()
    assert screen.out == ("hello\none [red]line[/red] as it is\naside\npromoted\nrolled back\n14:03:05Z building\n\n")
    assert screen.err == ""


def test_terminal_lines() -> None:
    screen = Screen(terminal=True)
    screen.console.line("one [red]line[/red] :crab: \x1b[31m12 of 34")
    screen.console.note("aside")
    screen.console.progress("building")
    assert screen.out == "one [red]line[/red] :crab: 12 of 34\n\x1b[2maside\x1b[0m\n\x1b[2mbuilding\x1b[0m\n"


def test_long_lines_of_words_are_folded_between_words_and_what_is_to_be_copied_stays_whole() -> None:
    screen = Screen(terminal=True, width=60)
    url = "https://example.com/" + "a" * 50
    text = f"  next    held at 10 %; `crabwalk resume hello --env prod` goes on with it, and {url} has the page"
    screen.console.words(text)
    screen.console.line(text)
    screen.console.warn("the walk of hello stands where it is, recorded; `crabwalk deploy --env prod` goes on with it")
    assert screen.out.splitlines() == [
        "  next    held at 10 %; `crabwalk resume hello --env prod`",
        "    goes on with it, and",
        f"    {url}",
        "    has the page",
        text,
    ]
    assert [line.removeprefix("\x1b[1;33mwarning: \x1b[0m") for line in screen.err.splitlines()] == [
        "the walk of hello stands where it is, recorded;",
        "  `crabwalk deploy --env prod` goes on with it",
    ]


def test_no_color_keeps_the_words() -> None:
    screen = Screen(terminal=True, environ={"TERM": "xterm-256color", "NO_COLOR": "1"})
    screen.console.bad("rolled back")
    assert screen.out == "\x1b[1mrolled back\x1b[0m\n"


def test_dumb_terminal_is_plain() -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Tty()
    console = Console(stdout=out, stderr=Tty(), environ={"TERM": "dumb"}, now=lambda: NOW)
    console.progress("building")
    assert not console.terminal
    assert out.getvalue() == "14:03:05Z building\n"


def test_stream_that_cannot_encode_gets_a_question_mark() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    Console(stdout=out, stderr=io.StringIO(), environ={}).line("version 11 → 12")
    assert raw.getvalue() == b"version 11 ? 12\n"


def test_error_says_what_where_next() -> None:
    screen = Screen()
    screen.console.error(UsageError("no such service `helo`", where="services/", hint="crabwalk status lists them"))
    assert screen.out == ""
    assert screen.err == "error: no such service `helo`\n  at services/\n  next: crabwalk status lists them\n"


def test_error_of_several_lines_keeps_them_together() -> None:
    screen = Screen()
    screen.console.error(BuildError("hello does not compile\nerror[E0425]: cannot find value `x`\n --> main.rs:3:5"))
    assert screen.err == ("error: hello does not compile\n  error[E0425]: cannot find value `x`\n   --> main.rs:3:5\n")


def test_error_on_a_terminal() -> None:
    screen = Screen(terminal=True)
    screen.console.error(UsageError("no such service", hint="crabwalk status"))
    assert screen.err == "\x1b[1;31merror: \x1b[0mno such service\n\x1b[1;36m  next: \x1b[0mcrabwalk status\n"


def test_manifest_problems_one_a_line() -> None:
    screen = Screen()
    screen.console.error(MANIFEST)
    assert screen.err == (
        "error: 2 problems in the manifests\n"
        "services/a/service.yaml:12:10: weight 120 % is out of range\n"
        "services/b/service.yaml:7:3: unknown key `memry`, did you mean `memory`?\n"
    )


def test_manifest_problems_are_annotated_under_github_actions() -> None:
    screen = Screen(environ=ACTIONS)
    screen.console.error(MANIFEST)
    assert screen.err.splitlines()[3:] == [
        "::error file=services/a/service.yaml,line=12,col=10::weight 120 %25 is out of range",
        "::error file=services/b/service.yaml,line=7,col=3::unknown key `memry`, did you mean `memory`?",
    ]


def test_other_errors_are_annotated_with_their_place() -> None:
    screen = Screen(environ=ACTIONS)
    screen.console.error(UsageError("two\nlines", where="a,b.yaml:3:4"))
    screen.console.warn("old: 100 %")
    assert screen.err.splitlines() == [
        "error: two",
        "  lines",
        "  at a,b.yaml:3:4",
        "::error file=a%2Cb.yaml,line=3,col=4::two%0Alines",
        "warning: old: 100 %",
        "::warning::old: 100 %25",
    ]


def test_foreign_text_cannot_command_the_runner() -> None:
    screen = Screen(environ=ACTIONS)
    screen.console.line("::set-env name=A::b\n  ::endgroup::\nsaid ##[error]x, a::b")
    assert screen.out == ": :set-env name=A::b\n  : :endgroup::\nsaid ## [error]x, a::b\n"


def test_groups() -> None:
    screen, actions = Screen(), Screen(environ=ACTIONS)
    with screen.console.group("build"):
        screen.console.line("cargo")
    with contextlib.suppress(ZeroDivisionError), actions.console.group("build 100 %"):
        actions.console.line("cargo")
        raise ZeroDivisionError
    assert screen.out == "build\ncargo\n"
    assert actions.out == "::group::build 100 %25\ncargo\n::endgroup::\n"


def test_table_plain() -> None:
    screen = Screen()
    screen.console.table("releases", ["service", "version"], [["hello", 12], ["a-longer-name\n", "x"]])
    assert screen.out == "releases\nservice         version\nhello           12\na-longer-name   x\n"


def test_table_on_a_narrow_terminal_folds_and_loses_nothing() -> None:
    screen = Screen(terminal=True, width=30, environ={"TERM": "xterm", "NO_COLOR": "1"})
    screen.console.table("", ["service", "detail"], [["hello", "[b]" + "x" * 40]])
    assert screen.out.count("x") == 40
    assert all(len(clean(line)) <= 30 for line in screen.out.splitlines())


def test_json_has_stdout_for_itself() -> None:
    @dataclass(frozen=True)
    class Row:
        service: str
        path: Path

    screen = Screen(json=True)
    screen.console.line("for people")
    screen.console.progress("building")
    screen.console.json({"b": Row("hello", Path("x/y")), "a": [NOW, frozenset({2, 1})]})
    assert screen.err == "for people\n14:03:05Z building\n"
    assert screen.out == (
        '{\n  "b": {\n    "service": "hello",\n    "path": "x/y"\n  },\n'
        '  "a": [\n    "2026-11-21T14:03:05+00:00",\n    [\n      1,\n      2\n    ]\n  ]\n}\n'
    )
    assert list(json.loads(screen.out)) == ["b", "a"]


def test_json_refuses_what_has_no_form() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        Screen(json=True).console.json({"a": object()})


def test_rich_is_not_imported_for_plain_lines() -> None:
    program = (
        "import sys; from pipeline.report.console import Console; from pipeline.errors import UsageError\n"
        "c = Console(); c.line('x'); c.table('t', ['a'], [['b']]); c.error(UsageError('w'))\n"
        "sys.exit(any(name.split('.')[0] in {'rich', 'pydantic', 'boto3', 'git'} for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x\nt\na\nb\n", "error: w\n")
