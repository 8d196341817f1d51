"""What cargo resolved, read from `cargo tree`, and cargo itself asked on a small workspace."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from build_kit import write

from pipeline.build import toolchain
from pipeline.build.resolved import Crate, command, parse, read
from pipeline.errors import BuildError

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
LOCK = f"""
version = 4
[[package]]
name = "todos"
version = "0.1.0"
[[package]]
name = "shared"
version = "0.2.0"
[[package]]
name = "serde"
version = "1.0.1"
source = "{CRATES_IO}"
checksum = "aa"
[[package]]
name = "derive"
version = "1.0.1"
source = "{CRATES_IO}"
checksum = "bb"
[[package]]
name = "odd"
version = "3.0.0"
source = "git+https://example.org/odd?branch=main#0123456789"
[[package]]
name = "odd"
version = "3.0.0"
source = "{CRATES_IO}"
checksum = "cc"
"""
TREE = (
    "0todos v0.1.0 (/work/shop/services/todos)\tMIT\tfast\n"
    "1derive v1.0.1 (proc-macro)\tMIT/Apache-2.0\t\n"
    "2odd v3.0.0\tMIT OR Apache-2.0\t\n"
    "1shared v0.2.0 (/work/shop/shared)\t\taws\n"
    "2serde v1.0.1\tMIT\tstd\n"
    "3odd v3.0.0 (https://example.org/odd?branch=main#01234567)\tMIT\t\n"
    "\n"
    "0shared v0.2.0 (/work/shop/shared)\t\taws (*)\n"
    "1serde v1.0.1\tMIT\talloc (*)\n"
)


def parsed(text: str = TREE):
    return parse(text, tomllib.loads(LOCK), Path("/work/shop"))


def test_a_package_comes_first_with_all_that_it_is_made_of() -> None:
    crates = parsed().of("todos")
    assert [(crate.name, crate.source[:3]) for crate in crates] == [
        ("todos", ""),
        ("derive", "reg"),
        ("odd", "git"),
        ("odd", "reg"),
        ("serde", "reg"),
        ("shared", ""),
    ]
    assert crates[0].path == "services/todos"
    assert crates[0].features == ("fast",)
    assert crates[0].dependencies == ("derive@1.0.1", "shared@0.2.0 path+shared")


def test_crates_of_one_name_and_version_are_told_apart_by_where_they_come_from() -> None:
    by_checksum = {crate.ref: crate.checksum for crate in parsed().of("todos") if crate.name == "odd"}
    assert by_checksum == {
        "odd@3.0.0": "cc",
        "odd@3.0.0 git+https://example.org/odd?branch=main#0123456789": "",
    }


def test_features_of_all_places_are_one_and_old_licence_slashes_mean_or() -> None:
    crates = {crate.name: crate for crate in parsed().of("todos")}
    assert crates["serde"].features == ("alloc", "std")
    assert crates["derive"].licence == "MIT OR Apache-2.0"


def test_a_package_selected_beside_it_is_not_part_of_it() -> None:
    assert [crate.name for crate in parsed().of("shared")] == ["shared", "odd", "serde"]


def test_a_crate_outside_the_project_is_named_without_its_folder() -> None:
    tree = TREE.replace("/work/shop/shared", "/home/me/secret/shared")
    paths = {crate.path for crate in parsed(tree).of("todos")}
    assert paths == {"services/todos", "outside:shared", ""}


def test_an_unknown_package_is_an_error() -> None:
    with pytest.raises(BuildError, match="no package `other`"):
        parsed().of("other")


def test_the_command_asks_for_what_a_build_compiles() -> None:
    line = " ".join(command(Path("/bin/cargo"), ("a", "b"), ("x", "y"), "aarch64-unknown-linux-musl"))
    assert line.startswith(
        "/bin/cargo tree --offline --locked --edges normal,build --target aarch64-unknown-linux-musl"
    )
    assert line.endswith("--package a --package b --features x,y")


MANIFEST = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2024"\n'
FILES = {
    "Cargo.toml": '[workspace]\nresolver = "3"\nmembers = ["app", "fast", "slow", "maker", "tester", "windows"]\n',
    "Cargo.lock": "version = 4\n"
    + "".join(
        f'[[package]]\nname = "{name}"\nversion = "0.1.0"\n{dependencies}'
        for name, dependencies in (
            ("app", 'dependencies = ["fast", "maker", "slow", "tester", "windows"]\n'),
            ("fast", ""),
            ("maker", ""),
            ("slow", ""),
            ("tester", ""),
            ("windows", ""),
        )
    ),
    "app/Cargo.toml": MANIFEST.format("app")
    + '[dependencies]\nfast = { path = "../fast", optional = true }\nslow = { path = "../slow", optional = true }\n'
    + '[build-dependencies]\nmaker = { path = "../maker" }\n[dev-dependencies]\ntester = { path = "../tester" }\n'
    + '[target."cfg(windows)".dependencies]\nwindows = { path = "../windows" }\n',
    "app/src/main.rs": "fn main() {}\n",
    "app/build.rs": "fn main() {}\n",
    **{f"{name}/Cargo.toml": MANIFEST.format(name) for name in ("fast", "slow", "maker", "tester", "windows")},
    **{f"{name}/src/lib.rs": "" for name in ("fast", "slow", "maker", "tester", "windows")},
}


def ask(root: Path, **changed: object):
    cargo = next(toolchain.probe()).directory / "cargo"
    wanted = {"packages": ("app",), "features": ("fast",), "triple": "aarch64-unknown-linux-musl", **changed}
    return read(root, cargo, os.environ, **wanted)


def test_cargo_leaves_out_tests_other_systems_and_what_no_feature_asks_for(tmp_path: Path) -> None:
    root = write(tmp_path / "tree", FILES).resolve()
    crates = ask(root).of("app")
    assert [(crate.name, crate.path) for crate in crates] == [("app", "app"), ("fast", "fast"), ("maker", "maker")]
    assert crates[0] == Crate(
        "app",
        "0.1.0",
        path="app",
        features=("fast",),
        dependencies=("fast@0.1.0 path+fast", "maker@0.1.0 path+maker"),
    )


def test_what_cargo_says_against_it_is_told(tmp_path: Path) -> None:
    root = write(tmp_path / "tree", FILES).resolve()
    with pytest.raises(BuildError, match="nothing"):
        ask(root, packages=("nothing",), features=())
    with pytest.raises(BuildError, match="cannot tell"):
        read(root, tmp_path / "no-cargo", os.environ, packages=("app",), features=(), triple="x")
