"""What changes a key, and what must not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from build_kit import write

from pipeline.build.inputs import Inputs, parse_dep_info
from pipeline.build.packages import read_workspace


def key(root: Path, name: str = "one", declared: tuple[str, ...] = (), **parameters: object) -> str:
    return Inputs(read_workspace(root)).key(name, declared, parameters)


@pytest.mark.parametrize(
    "changed",
    [
        "services/one/src/main.rs",
        "services/one/src/new.rs",
        "services/one/src/events/mod.rs",
        "services/one/src/hooks/target/mod.rs",
        "services/one/build.rs",
        "services/one/data.json",
        "shared/src/lib.rs",
        "Cargo.lock",
        ".cargo/config.toml",
        "CargoLambda.toml",
    ],
)
def test_a_changed_input_changes_the_key(tree: Path, changed: str) -> None:
    before = key(tree)
    write(tree, {changed: "# changed\n"})
    assert key(tree) != before


@pytest.mark.parametrize("changed", ["Cargo.toml", "services/one/Cargo.toml", "shared/Cargo.toml"])
def test_manifests_of_what_is_compiled_count(tree: Path, changed: str) -> None:
    before = key(tree)
    write(tree, {changed: (tree / changed).read_text() + "# changed\n"})
    assert key(tree) != before


@pytest.mark.parametrize(
    ("added", "counts"),
    [
        ("# a comment\n", False),
        ('[dev-dependencies]\nserde = "1"\n', False),
        ("[lints]\nworkspace = true\n", False),
        ('serde = { version = "1", features = ["derive"] }\n', True),
        ("[features]\ndefault = []\n", True),
        ('[target."cfg(unix)".dependencies]\nserde = "1"\n', True),
    ],
)
def test_of_companions_what_cargo_unifies_counts(tree: Path, added: str, *, counts: bool) -> None:
    """A companion's features reach the crates both use, although it is not compiled itself."""
    before, other = key(tree), "services/two/Cargo.toml"
    write(tree, {other: (tree / other).read_text() + added})
    assert (key(tree) != before) is counts


@pytest.mark.parametrize(
    "changed",
    [
        "services/one/service.yaml",
        "services/one/events/one.json",
        "services/one/hooks/check.sh",
        "services/one/target/debug/one",
        "services/two/src/main.rs",
        "services/big/src/main.rs",
        "README.md",
    ],
)
def test_what_no_binary_is_made_of_does_not(tree: Path, changed: str) -> None:
    before = key(tree)
    write(tree, {changed: "changed\n"})
    assert key(tree) == before


def test_place_and_date_do_not_count(tree: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "clone"
    shutil.copytree(tree, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    assert key(copy) == key(tree)


def test_parameters_and_the_users_cargo_configuration_count(tree: Path, tmp_path: Path) -> None:
    before = key(tree, toolchain="a")
    assert key(tree, toolchain="b") != before
    write(tmp_path / "cargo-home", {"config.toml": "[build]\njobs = 1\n"})
    assert key(tree, toolchain="a") != before


def test_a_renamed_file_is_another_input(tree: Path) -> None:
    before = key(tree)
    (tree / "services/one/src/main.rs").rename(tree / "services/one/src/moved.rs")
    assert key(tree) != before


def test_dep_info_shows_what_the_key_does_not_cover(tree: Path) -> None:
    write(tree, {"with space/greeting.txt": "hello\n"})
    text = f"/x/one: {tree}/services/one/src/main.rs {tree}/with\\ space/greeting.txt /elsewhere/lib.rs\n"
    found, read = Inputs(read_workspace(tree)), parse_dep_info(text)
    greeting = tree / "with space" / "greeting.txt"
    assert found.outside("one", (), read) == (greeting,)
    assert found.outside("one", ("with space",), read) == ()
    assert found.outside("one", ("with space/greeting.txt",), read) == ()


def test_declared_files_and_folders_count_and_a_file_is_read_once(tree: Path) -> None:
    write(tree, {"proto/a.proto": "a", "words.txt": "b"})
    before = key(tree, declared=("proto", "words.txt"))
    assert before not in {key(tree), key(tree, declared=("proto",)), key(tree, declared=("words.txt",))}
    write(tree, {"proto/new/b.proto": "b"})
    changed = key(tree, declared=("proto", "words.txt"))
    assert changed != before
    found = Inputs(read_workspace(tree))
    first = found.key("one", ("words.txt",), {})
    write(tree, {"words.txt": "changed in between"})
    assert found.key("one", ("words.txt",), {}) == first
