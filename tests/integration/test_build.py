"""Real builds with cargo-lambda and zig of a small workspace without dependencies, in a cache of their own."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from build_kit import service, write

from pipeline.build import Artifact, BuildPlan, execute_build, plan_build
from pipeline.errors import BuildError

MACHINE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
FILES = {
    "Cargo.toml": '[workspace]\nresolver = "3"\nmembers = ["one", "two", "shared"]\n',
    "Cargo.lock": """
version = 4

[[package]]
name = "one"
version = "0.1.0"
dependencies = ["shared"]

[[package]]
name = "shared"
version = "0.1.0"

[[package]]
name = "two"
version = "0.1.0"
dependencies = ["shared"]
""",
    "shared/src/lib.rs": 'pub const WORDS: &str = "shared words";\n',
    "one/src/main.rs": 'fn main() {\n    println!("one: {}", shared::WORDS);\n}\n',
    "two/src/main.rs": 'fn main() {\n    println!("two: {}", shared::WORDS);\n}\n',
}
MANIFEST = '[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n'
DEPENDENCY = '[dependencies]\nshared = { path = "../shared" }\n'

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cache(module_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRABWALK_CACHE", str(module_cache))
    return module_cache


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    manifests = {f"{name}/Cargo.toml": MANIFEST.format(name=name) + DEPENDENCY for name in ("one", "two")}
    return write(tmp_path / "clone", {**FILES, **manifests, "shared/Cargo.toml": MANIFEST.format(name="shared")})


def plan(tree: Path, *names: str) -> BuildPlan:
    return plan_build(tree, [service(name, architecture=MACHINE) for name in names or ("one", "two")])


def silent(_: str) -> None:
    """Hears nothing."""


def says(artifact: Artifact, folder: Path) -> str:
    """What the packaged program prints."""
    with zipfile.ZipFile(artifact.path) as archive:
        program = Path(archive.extract("bootstrap", folder / artifact.sha256))
    program.chmod(0o755)
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()


def test_one_run_builds_all_and_the_next_clone_compiles_nothing(tree: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    made = execute_build(plan(tree), lines.append)
    assert [says(artifact, tmp_path) for artifact in made] == ["one: shared words", "two: shared words"]
    assert sum("Compiling shared" in line for line in lines) == 1, "one run for both"
    clone = shutil.copytree(tree, tmp_path / "another" / "clone")
    known = plan(clone)
    assert (known.runs, known.stored) == ((), made)
    assert execute_build(known, pytest.fail) == made


def test_two_folders_and_two_caches_give_the_same_bytes(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = shutil.copytree(tree, tmp_path / "a longer way" / "another name")
    hashes = []
    for number, root in enumerate((tree, clone)):
        monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / f"cache {number}"))
        hashes.append([artifact.sha256 for artifact in execute_build(plan(root), silent)])
    assert hashes[0] == hashes[1]


def test_a_service_built_alone_is_the_same_as_built_with_others(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = {artifact.service: artifact.sha256 for artifact in execute_build(plan(tree), silent)}
    monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / "cache"))
    (alone,) = execute_build(plan(tree, "two"), silent)
    assert alone.sha256 == together["two"]


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
    what = caught.value.what.splitlines()
    assert what[0] == "one: does not compile"
    assert what[1] == "error[E0308]: mismatched types"
    assert '2 |     let number: u32 = "ten";' in what
    assert caught.value.where == "one/src/main.rs:2:23"
    assert set(what[1:]) <= set(lines), "all of it was streamed as well"
    write(tree, FILES)
    assert len(execute_build(plan(tree), silent)) == 2


def test_a_broken_library_names_who_needs_it(tree: Path) -> None:
    write(tree, {"shared/src/lib.rs": "pub const WORDS: &str = missing;\n"})
    with pytest.raises(BuildError) as caught:
        execute_build(plan(tree), silent)
    assert caught.value.what.startswith(
        "shared (needed by one and two): does not compile\nerror[E0425]: cannot find value"
    )


def test_a_lock_file_out_of_date_is_cargos_own_error(tree: Path) -> None:
    lock = (tree / "Cargo.lock").read_text()
    write(tree, {"Cargo.lock": lock.replace('name = "one"\nversion = "0.1.0"', 'name = "one"\nversion = "0.0.9"')})
    with pytest.raises(BuildError, match=r"(?s)one and two: cargo failed.*--locked") as caught:
        execute_build(plan(tree), silent)
    assert caught.value.hint == "run `cargo check`, then commit Cargo.lock"


def test_a_file_from_outside_the_package_is_never_taken_from_the_store(tree: Path, tmp_path: Path) -> None:
    source = 'fn main() {\n    print!(include_str!("../../words.txt"));\n    let _ = shared::WORDS;\n}\n'
    write(tree, {"one/src/main.rs": source, "words.txt": "first"})
    lines: list[str] = []
    (first,) = execute_build(plan(tree, "one"), lines.append)
    assert lines[-1] == "one reads words.txt from outside its package, so it is compiled anew each time"
    write(tree, {"words.txt": "second"})
    (second,) = execute_build(plan(tree, "one"), silent)
    assert (says(first, tmp_path), says(second, tmp_path)) == ("first", "second")


def test_a_damaged_package_is_built_again(tree: Path, tmp_path: Path) -> None:
    (artifact,) = execute_build(plan(tree, "one"), silent)
    artifact.path.write_bytes(b"not what it was")
    assert plan(tree, "one").stored == ()
    assert execute_build(plan(tree, "one"), silent) == (artifact,)
    assert says(artifact, tmp_path) == "one: shared words"


def test_an_interruption_leaves_nothing_running_and_the_next_build_works(tree: Path, tmp_path: Path) -> None:
    write(tree, {"shared/src/lib.rs": 'pub const WORDS: &str = "after the interruption";\n'})

    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute_build(plan(tree), interrupted)
    (artifact,) = execute_build(plan(tree, "one"), silent)
    assert says(artifact, tmp_path) == "one: after the interruption"
