"""What an error of the build says, from lines as cargo writes them."""

from __future__ import annotations

import json

from pipeline.build.messages import Listener

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


def heard(*lines: str) -> tuple[Listener, list[str]]:
    shown: list[str] = []
    listener = Listener(shown.append)
    for line in lines:
        listener.line(line)
    return listener, shown


def test_the_compilers_words_and_whose_they_are() -> None:
    listener, shown = heard(
        "   Compiling hello v0.1.0", diagnostic("hello"), '{"reason":"build-finished","success":false}'
    )
    error = listener.error(101, ("health", "hello"), {"hello": ["hello"], "health": ["health"]})
    assert error.what == f"hello: does not compile\n{RENDERED.rstrip()}"
    assert error.where == "services/hello/src/main.rs:8:5"
    assert error.exit_code == 1
    assert shown == ["   Compiling hello v0.1.0", *RENDERED.rstrip().splitlines()]


def test_errors_of_several_packages_are_all_there() -> None:
    listener, _ = heard(diagnostic("hello"), diagnostic("health", "error: other\n"), diagnostic("hello", "error: more"))
    error = listener.error(101, ("health", "hello"), {"hello": ["hello"], "health": ["health"]})
    assert error.what.splitlines()[0] == "health; hello: does not compile"
    assert all(words in error.what for words in ("mismatched types", "error: other", "error: more"))


def test_a_faulty_library_names_the_services_that_need_it() -> None:
    listener, _ = heard(diagnostic("rust_shared"))
    error = listener.error(101, ("health", "hello"), {"rust_shared": ["health", "hello"], "hello": ["hello"]})
    assert error.what.startswith("rust_shared (needed by health and hello): does not compile\n")


def test_a_faulty_crate_of_somebody_else() -> None:
    line = diagnostic("x").replace(
        "path+file:///somewhere/services/x#0.1.0", "registry+https://example.com/i#ring@0.17.1"
    )
    listener, _ = heard(line)
    assert listener.error(101, ("hello",), {}).what.startswith(
        "the crate ring (while building hello): does not compile\n"
    )


def test_warnings_are_shown_and_are_no_fault() -> None:
    listener, shown = heard(diagnostic("hello", "warning: unused", "warning"), "error: linker `cc` not found")
    assert shown == ["warning: unused", "error: linker `cc` not found"]
    assert listener.error(101, ("hello",), {}).what == "hello: cargo failed\nerror: linker `cc` not found"


def test_the_closing_error_of_rustc_adds_nothing() -> None:
    listener, _ = heard(diagnostic("hello"), diagnostic("hello", "error: aborting due to 1 previous error\n"))
    assert "aborting" not in listener.error(101, ("hello",), {"hello": ["hello"]}).what


def test_a_lock_file_out_of_date_comes_with_the_command() -> None:
    words = "error: cannot update the lock file Cargo.lock because --locked was passed to prevent this"
    listener, _ = heard("    Updating index", words, "help: to generate the lock file, remove the flag")
    error = listener.error(101, ("health", "hello"), {})
    assert error.what == f"health and hello: cargo failed\n{words}\nhelp: to generate the lock file, remove the flag"
    assert error.hint == "run `cargo check`, then commit Cargo.lock"


def test_lines_that_only_look_like_messages_are_shown() -> None:
    _, shown = heard('{"reason": no', "{}", '{"reason":"x')
    assert shown == ['{"reason": no', "{}", '{"reason":"x']


def test_a_silent_failure_still_says_something() -> None:
    assert (
        heard()[0].error(137, ("hello",), {}).what
        == "hello: cargo failed\ncargo ended with exit code 137 and said nothing"
    )
