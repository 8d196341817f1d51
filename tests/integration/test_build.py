"""Real builds with cargo-lambda and zig, in a cache of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from build_kit import write
from tiny_kit import FILES, TARGET, packed, plan, says, silent

from pipeline.build import elf, execute_build
from pipeline.errors import BuildError

pytestmark = pytest.mark.usefixtures("build_cache")


def test_one_run_builds_all_and_the_next_clone_compiles_nothing(tree: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    made = execute_build(plan(tree), lines.append)
    assert [says(artifact, tmp_path) for artifact in made] == ["one: shared words", "two: shared words"]
    (notice, compiler, first, *_, last) = lines
    assert notice.startswith("Cargo.toml:5: [profile.release] lto = false drops optimisations")
    assert compiler.startswith("rustc 1.")
    assert first == f"{TARGET}: one, two, 3 crates", "one run for both"
    assert last.startswith(f"{TARGET}: 3 of 3 crates in ")
    clone = shutil.copytree(tree, tmp_path / "another" / "clone")
    known = plan(clone)
    assert known.runs == ()
    again = execute_build(known, pytest.fail)
    assert all(artifact.reused for artifact in again)
    assert [replace(artifact, reused=False, grew="") for artifact in again] == [replace(one, grew="") for one in made]


def test_older_files_with_new_contents_are_compiled(tree: Path, tmp_path: Path) -> None:
    """Cargo by itself takes a clone's older files for those it has compiled in another clone."""
    execute_build(plan(tree), silent)
    clone = shutil.copytree(tree, tmp_path / "restored" / "clone")
    write(clone, {"shared/src/lib.rs": 'pub const WORDS: &str = "restored words";\n'})
    yesterday = time.time() - 86_400
    for path in clone.rglob("*"):
        os.utime(path, (yesterday, yesterday))
    made = execute_build(plan(clone), silent)
    assert [says(artifact, tmp_path) for artifact in made] == ["one: restored words", "two: restored words"]


def test_the_compilers_words_and_the_services_name(tree: Path) -> None:
    write(tree, {"one/src/main.rs": 'fn main() {\n    let number: u32 = "ten";\n    println!("{number}");\n}\n'})
    lines: list[str] = []
    with pytest.raises(BuildError) as caught:
        execute_build(plan(tree), lines.append)
    assert caught.value.what == "one: does not compile: mismatched types"
    assert caught.value.where == "one/src/main.rs:2:23"
    assert {"error[E0308]: mismatched types", '2 |     let number: u32 = "ten";'} <= set(lines)
    write(tree, FILES)
    assert len(execute_build(plan(tree), silent)) == 2


def test_a_broken_library_names_who_needs_it(tree: Path) -> None:
    write(tree, {"shared/src/lib.rs": "pub const WORDS: &str = missing;\n"})
    with pytest.raises(BuildError) as caught:
        execute_build(plan(tree), silent)
    assert caught.value.what.startswith("shared (needed by one and two): does not compile: cannot find value")


def test_a_lock_file_out_of_date_is_cargos_own_error(tree: Path) -> None:
    lock = (tree / "Cargo.lock").read_text()
    write(tree, {"Cargo.lock": lock.replace('name = "one"\nversion = "0.1.0"', 'name = "one"\nversion = "0.0.9"')})
    with pytest.raises(BuildError, match=r"(?s)one and two: cargo failed.*--locked") as caught:
        execute_build(plan(tree), silent)
    assert caught.value.hint == "run `cargo check`, then commit Cargo.lock"


def test_a_damaged_package_is_built_again(tree: Path, tmp_path: Path) -> None:
    (artifact,) = execute_build(plan(tree, "one"), silent)
    artifact.path.write_bytes(b"not what it was")
    assert plan(tree, "one").stored == ()
    (again,) = execute_build(plan(tree, "one"), silent)
    assert (again.sha256, again.reused) == (artifact.sha256, False)
    assert says(artifact, tmp_path) == "one: shared words"


def test_an_interruption_leaves_nothing_running_and_the_next_build_works(tree: Path, tmp_path: Path) -> None:
    write(tree, {"shared/src/lib.rs": 'pub const WORDS: &str = "after the interruption";\n'})

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute_build(plan(tree), interrupted)
    (artifact,) = execute_build(plan(tree, "one"), silent)
    assert says(artifact, tmp_path) == "one: after the interruption"


def test_what_travels_with_a_package(tree: Path) -> None:
    git = ["git", "-C", str(tree), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    (artifact,) = execute_build(plan(tree, "one"), silent)
    assert artifact.evidence is not None
    record = json.loads((artifact.evidence / "record.json").read_bytes())
    assert record["source"] == {"repository": "", "commit": commit, "dirty": False}
    assert record["zip"] == {"sha256": artifact.sha256, "bytes": artifact.size}
    binary = packed(artifact)
    assert bytes.fromhex(record["binary"]["build_id"]) in binary
    assert elf.read(binary).stripped
    symbols = artifact.evidence.parent / "symbols.debug"
    names = subprocess.run(["nm", symbols], check=True, capture_output=True, text=True).stdout
    assert "4main" in names
    assert {"one", "std", "core"} <= record["crates"].keys()
    assert (artifact.evidence.parent / "sbom.json").is_file()
    write(tree, {"README.md": "not an input\n"})
    (again,) = execute_build(plan(tree, "one"), silent)
    assert again.reused
    assert again.evidence is not None
    assert again.evidence.name == f"{commit}-dirty"
