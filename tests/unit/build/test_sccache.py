"""When sccache compiles, and what it says of a build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.build import sccache
from pipeline.build.sccache import Counts

STATS = {"stats": {"cache_hits": {"counts": {"Rust": 40, "C/C++": 2}}, "cache_misses": {"counts": {"Rust": 7}}}}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    program = tmp_path / "sccache"
    program.write_text(f"#!/bin/sh\ntest \"$*\" = '--show-stats --stats-format json' && echo '{json.dumps(STATS)}'\n")
    program.chmod(0o755)
    return {"PATH": str(tmp_path)}


def test_it_wraps_the_compiler_where_it_is_on_path(environ: dict[str, str]) -> None:
    assert sccache.variables(environ) == {"RUSTC_WRAPPER": f"{environ['PATH']}/sccache"}
    assert sccache.variables({"PATH": "/nowhere"}) == {}


@pytest.mark.parametrize("own", ["", "/opt/other-wrapper"])
def test_what_the_user_says_of_a_wrapper_holds(environ: dict[str, str], own: str) -> None:
    assert sccache.variables({**environ, "RUSTC_WRAPPER": own}) == {}
    assert sccache.counts({**environ, "RUSTC_WRAPPER": own}) is None


def test_its_statistics(environ: dict[str, str]) -> None:
    assert sccache.counts(environ) == Counts(42, 7)
    assert sccache.counts({"PATH": "/nowhere"}) is None
    Path(environ["PATH"], "sccache").write_text("#!/bin/sh\necho '{\"stats\": 5}'\n")
    assert sccache.counts(environ) is None


def test_what_one_build_added() -> None:
    assert Counts(42, 7).since(Counts(2, 5)) == "sccache had 40 of 42 compilations"
    assert Counts(42, 7).since(Counts(42, 7)) == ""
