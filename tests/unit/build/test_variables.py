"""Which names count as read from the user's environment, and what their values make of a key."""

from __future__ import annotations

from pathlib import Path

from pipeline.build import variables

DEP_INFO = """\
/target/release/deps/one-1: src/main.rs

src/main.rs:

# env-dep:CARGO_PKG_VERSION=0.1.0
# env-dep:CARGO_MANIFEST_DIR=/somewhere/one
# env-dep:OUT_DIR=/target/out
# env-dep:GREETING=hello world
# env-dep:COMMIT
# env-dep:MADE=by the build script
"""
OUTPUT = """\
cargo:rerun-if-env-changed=CC
cargo::rerun-if-env-changed=PROTOC
cargo:rerun-if-changed=build.rs
cargo:rustc-env=MADE=x
cargo::rustc-cfg=feature
"""


def test_names_that_only_the_environment_can_have_given(tmp_path: Path) -> None:
    (tmp_path / "one.d").write_text(DEP_INFO)
    (tmp_path / "output").write_text(OUTPUT)
    found = variables.read([tmp_path / "one.d", tmp_path / "missing.d"], [tmp_path / "output"])
    assert found == ("CC", "COMMIT", "GREETING", "PROTOC")


def test_a_value_an_absent_one_and_an_empty_one_are_three_keys() -> None:
    environs: list[dict[str, str]] = [{}, {"A": ""}, {"A": "x"}, {"A": "y"}]
    assert len({variables.key("first", ("A",), environ) for environ in environs}) == 4
    assert variables.key("first", ("A",), {"A": "x", "B": "1"}) == variables.key("first", ("A",), {"A": "x", "B": "2"})


def test_without_names_the_first_key_is_the_key() -> None:
    assert variables.key("first", (), {"A": "x"}) == "first"
