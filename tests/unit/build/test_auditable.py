"""cargo-auditable under cargo-lambda: what it is given, and what is said without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.build.auditable import find
from pipeline.errors import BuildError


def test_the_wrapper_and_its_options_are_handed_over(tmp_path: Path) -> None:
    program = tmp_path / "cargo-auditable"
    program.write_bytes(b"one")
    program.chmod(0o755)
    found = find({"PATH": str(tmp_path)})
    assert found.variables["RUSTC_WORKSPACE_WRAPPER"] == str(program)
    options = json.loads(found.variables["CARGO_AUDITABLE_ORIG_ARGS"])
    assert options == {"offline": False, "locked": True, "frozen": False, "config": []}
    program.write_bytes(b"two")
    assert find({"PATH": str(tmp_path)}).identity != found.identity


def test_where_cargo_installs_is_looked_at_too(tmp_path: Path) -> None:
    program = tmp_path / "bin/cargo-auditable"
    program.parent.mkdir()
    program.touch(0o755)
    assert find({"PATH": "", "CARGO_HOME": str(tmp_path)}).program == program


def test_without_it_the_way_to_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="not installed") as caught:
        find({"PATH": str(tmp_path), "CARGO_HOME": str(tmp_path)})
    assert "cargo install cargo-auditable --locked" in str(caught.value.hint)
