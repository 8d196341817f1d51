"""The same bytes for every folder, user and company of services."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from build_kit import write
from tiny_kit import DEPENDENCY, MANIFEST, WORKSPACE, packed, plan, silent, vendored

from pipeline.build import execute_build

pytestmark = pytest.mark.usefixtures("build_cache")

SCCACHE = """\
#!/bin/sh
if [ "$1" = --show-stats ]; then
    hits=$(test -e {log} && echo 3 || echo 0) misses=$(test -e {log} && echo 1 || echo 0)
    echo '{{"stats": {{"cache_hits": {{"counts": {{"Rust": '$hits'}}}},'
    echo '"cache_misses": {{"counts": {{"Rust": '$misses'}}}}}}}}'
    exit
fi
echo "$*" >> {log}
exec "$@"
"""


def test_two_folders_and_two_caches_give_the_same_bytes(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree, {"Cargo.toml": WORKSPACE})  # with LTO, as cargo-lambda sets it
    clone = shutil.copytree(tree, tmp_path / "a longer way" / "another name")
    hashes = []
    for number, root in enumerate((tree, clone)):
        monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / f"cache {number}"))
        hashes.append([artifact.sha256 for artifact in execute_build(plan(root), silent)])
    assert hashes[0] == hashes[1]


def test_another_cargo_home_gives_the_same_bytes(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Crates of a registry name their source files in panics; whose folder they lie in must not show."""
    registry = vendored(tmp_path / "registry")
    hashes = set()
    write(tree, {"two/Cargo.toml": MANIFEST.format(name="two") + DEPENDENCY + 'loud = "0.1"\n'})
    write(tree, {"two/src/main.rs": "fn main() { let _ = shared::WORDS; loud::shout(std::env::args().count()); }\n"})
    for name in ("one home", "the home of somebody else"):
        own = tmp_path / name / ".cargo"
        shutil.copytree(registry, own / "vendor")
        config = f'[source.crates-io]\nreplace-with = "near"\n[source.near]\ndirectory = "{own / "vendor"}"\n'
        write(own, {"config.toml": config})
        monkeypatch.setenv("CARGO_HOME", str(own))
        monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / name / "cache"))
        subprocess.run(["cargo", "generate-lockfile", "--offline"], cwd=tree, check=True, capture_output=True)
        (artifact,) = execute_build(plan(tree, "two"), silent)
        hashes.add(artifact.sha256)
        binary = packed(artifact)
        assert b"/cargo/vendor/loud/src/lib.rs" in binary
        assert str(tmp_path).encode() not in binary
    assert len(hashes) == 1


def test_a_service_built_alone_is_the_same_as_built_with_others(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = {artifact.service: artifact.sha256 for artifact in execute_build(plan(tree), silent)}
    monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / "cache"))
    (alone,) = execute_build(plan(tree, "two"), silent)
    assert alone.sha256 == together["two"]


def test_a_wrapper_of_the_compiler_changes_no_byte(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    plain = execute_build(plan(tree), silent)
    write(tmp_path / "bin", {"sccache": SCCACHE.format(log=log)})
    (tmp_path / "bin/sccache").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / "cache"))
    lines: list[str] = []
    wrapped = execute_build(plan(tree), lines.append)
    assert [artifact.sha256 for artifact in wrapped] == [artifact.sha256 for artifact in plain]
    assert "--crate-name shared" in log.read_text()
    assert "sccache had 3 of 4 compilations" in lines
