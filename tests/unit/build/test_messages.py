"""What an error of the build says, from lines as cargo writes them."""

from __future__ import annotations

import json
from collections import Counter

from pipeline.build.messages import Listener
from pipeline.build.model import Notice
from pipeline.build.view import Diagnostic, Progress

RENDERED = """\
error[E0308]: mismatched types
 --> services/hello/src/main.rs:8:5
  |
8 |     1
  |     ^ expected `String`

"""


def diagnostic(package: str, rendered: str = RENDERED, level: str = "error", line: int = 8) -> str:
    span = {"file_name": f"services/{package}/src/main.rs", "line_start": line, "column_start": 5, "is_primary": True}
    message = {"rendered": rendered, "level": level, "message": "mismatched types", "spans": [span]}
    identifier = f"path+file:///somewhere/services/{package}#0.1.0"
    return json.dumps(
        {"reason": "compiler-message", "package_id": identifier, "message": message}, separators=(",", ":")
    )


class Recorder:
    """A view that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.diagnostics: list[Diagnostic] = []
        self.seen: list[Progress] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def notice(self, notice: Notice) -> None:
        self.lines.append(notice.text)

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)

    def progress(self, progress: Progress) -> None:
        self.seen.append(progress)


def heard(*lines: str, units: Counter[str] | None = None) -> tuple[Listener, Recorder]:
    view = Recorder()
    start = Progress("musl", ("hello",), total=len(units) if units else None)
    listener = Listener(view, start, units or Counter(), {"hello-bin": "hello"})
    for line in lines:
        listener.line(line)
    return listener, view


def artifact(package: str, kind: str = "lib", name: str = "x") -> str:
    target = {"kind": [kind], "name": name}
    files = [f"/t/lib{name}.rlib"]
    message = {"reason": "compiler-artifact", "package_id": package, "target": target, "filenames": files}
    return json.dumps(message, separators=(",", ":"))


def script(package: str) -> str:
    message = {"reason": "build-script-executed", "package_id": package, "out_dir": "/t/build/x/out"}
    return json.dumps(message, separators=(",", ":"))


def test_the_compilers_words_and_whose_they_are() -> None:
    listener, view = heard(
        "   Compiling hello v0.1.0", diagnostic("hello"), '{"reason":"build-finished","success":false}'
    )
    error = listener.error(101, ("health", "hello"), {"hello": ["hello"], "health": ["health"]})
    assert error.what == "hello: does not compile: mismatched types", "what was shown is not said again"
    assert error.where == "services/hello/src/main.rs:8:5"
    assert error.exit_code == 1
    (diagnostic_heard,) = view.diagnostics
    assert (diagnostic_heard.level, diagnostic_heard.message) == ("error", "mismatched types")
    assert diagnostic_heard.rendered == RENDERED.rstrip()
    assert view.lines == []


def test_errors_of_several_packages_are_all_shown_and_counted() -> None:
    listener, view = heard(
        diagnostic("hello"), diagnostic("health", "error: other\n"), diagnostic("hello", "error: more")
    )
    error = listener.error(101, ("health", "hello"), {"hello": ["hello"], "health": ["health"]})
    assert error.what == "health; hello: does not compile: 3 errors, the first: mismatched types"
    assert error.where == "services/hello/src/main.rs:8:5"
    assert [one.rendered for one in view.diagnostics] == [RENDERED.rstrip(), "error: other", "error: more"]


def test_a_faulty_library_names_the_services_that_need_it() -> None:
    listener, _ = heard(diagnostic("rust_shared"))
    error = listener.error(101, ("health", "hello"), {"rust_shared": ["health", "hello"], "hello": ["hello"]})
    assert error.what.startswith("rust_shared (needed by health and hello): does not compile: ")


def test_a_faulty_crate_of_somebody_else() -> None:
    line = diagnostic("x").replace(
        "path+file:///somewhere/services/x#0.1.0", "registry+https://example.com/i#ring@0.17.1"
    )
    listener, _ = heard(line)
    assert listener.error(101, ("hello",), {}).what.startswith(
        "the crate ring (while building hello): does not compile: "
    )


def test_warnings_are_shown_and_are_no_fault() -> None:
    listener, view = heard(diagnostic("hello", "warning: unused", "warning"), "error: linker `cc` not found")
    (warning,) = view.diagnostics
    assert (warning.level, warning.rendered, warning.where) == (
        "warning",
        "warning: unused",
        "services/hello/src/main.rs:8:5",
    )
    assert view.lines == ["error: linker `cc` not found"]
    assert listener.error(101, ("hello",), {}).what == "hello: cargo failed\nerror: linker `cc` not found"


def test_the_closing_error_of_rustc_adds_nothing() -> None:
    listener, _ = heard(diagnostic("hello"), diagnostic("hello", "error: aborting due to 1 previous error\n"))
    assert listener.error(101, ("hello",), {"hello": ["hello"]}).what == "hello: does not compile: mismatched types"


def test_a_lock_file_out_of_date_comes_with_the_command() -> None:
    words = "error: cannot update the lock file Cargo.lock because --locked was passed to prevent this"
    listener, _ = heard("    Updating index", words, "help: to generate the lock file, remove the flag")
    error = listener.error(101, ("health", "hello"), {})
    assert error.what == f"health and hello: cargo failed\n{words}\nhelp: to generate the lock file, remove the flag"
    assert error.hint == "run `cargo check`, then commit Cargo.lock"


def test_lines_that_only_look_like_messages_are_shown() -> None:
    _, view = heard('{"reason": no', "{}", '{"reason":"x')
    assert view.lines == ['{"reason": no', "{}", '{"reason":"x']


def test_a_silent_failure_still_says_something() -> None:
    assert (
        heard()[0].error(137, ("hello",), {}).what
        == "hello: cargo failed\ncargo ended with exit code 137 and said nothing"
    )


def test_a_crate_is_done_when_nothing_of_it_is_left() -> None:
    units = Counter({"serde": 3, "hello": 1})
    lines = [
        "   Compiling serde v1.0.228",
        artifact("serde", "custom-build"),
        script("serde"),
        artifact("serde"),
        "   Compiling hello v0.1.0 (/somewhere/hello)",
        artifact("hello", "bin", "hello-bin"),
    ]
    listener, view = heard(*lines, units=units)
    listener.close()
    told = [(at.crates, at.doing, tuple(at.finished)) for at in view.seen]
    assert told == [
        ("0 of 2 crates", "", ()),
        ("0 of 2 crates", "serde v1.0.228", ()),
        ("1 of 2 crates", "serde v1.0.228", ()),
        ("1 of 2 crates", "hello v0.1.0", ()),
        ("2 of 2 crates", "hello v0.1.0", ("hello",)),
        ("2 of 2 crates", "hello v0.1.0", ("hello",)),
    ]
    assert [at.over for at in view.seen] == [False] * 5 + [True]
    assert [str(path) for path in listener.outputs] == ["/t/build/x/output"]
    assert [str(path) for path in listener.files] == ["/t/libx.rlib"] * 2 + ["/t/libhello-bin.rlib"]


def test_more_than_was_planned_is_never_more_than_all() -> None:
    listener, view = heard(*(artifact(f"crate-{number}") for number in range(5)), units=Counter({"crate-0": 1}))
    assert view.seen[-1].crates == "1 of 1 crate"
    assert listener.at.done == 5


def test_a_quiet_while_shows_the_same_again() -> None:
    listener, view = heard("   Compiling serde v1.0.228", units=Counter({"serde": 1}))
    listener.quiet()
    assert view.seen[-2:] == [listener.at, listener.at]


def test_without_cargos_plan_crates_are_counted_only() -> None:
    _, view = heard(artifact("serde", "custom-build"), script("serde"), artifact("serde"), artifact("other"))
    assert view.seen[-1].crates == "2 crates"


def test_what_cargo_is_at_is_no_line_but_what_it_waits_for_is() -> None:
    _, view = heard(
        " Downloading crates ...",
        "  Downloaded serde v1.0.228",
        "    Blocking waiting for file lock on package cache",
        "    Finished `release` profile [optimized] target(s) in 2m 18s",
        "warning: unused manifest key: x",
    )
    assert view.lines == ["    Blocking waiting for file lock on package cache", "warning: unused manifest key: x"]
