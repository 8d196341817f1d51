"""Which packages there are and what they ask of each other."""

from __future__ import annotations

from pathlib import Path

import pytest
from build_kit import write

from pipeline.build.packages import read_workspace
from pipeline.errors import BuildError


def names(packages):
    return [package.name for package in packages]


def test_members_and_their_binaries(tree: Path) -> None:
    packages = read_workspace(tree).packages
    assert {name: sorted(package.binaries) for name, package in packages.items()} == {
        "big": ["big"],
        "one": ["one"],
        "two": ["two"],
        "tool": ["tool"],
        "shared": [],
    }


def test_the_closure_follows_path_dependencies_written_either_way(tree: Path) -> None:
    workspace = read_workspace(tree)
    assert names(workspace.closure("one")) == names(workspace.closure("one"))
    assert names(workspace.closure("one")) == ["one", "shared"]
    assert names(workspace.closure("two")) == ["shared", "two"]
    assert names(workspace.closure("tool")) == ["tool"], "what only tests need is not compiled"


def test_companions_ask_no_different_features_of_a_package(tree: Path) -> None:
    write(tree, {"leaf/Cargo.toml": '[package]\nname = "leaf"\n'})
    two = (tree / "services/two/Cargo.toml").read_text()
    write(tree, {"services/two/Cargo.toml": two + 'leaf = { path = "../../leaf" }\n'})
    workspace = read_workspace(tree)
    assert names(workspace.companions("one")) == names(workspace.companions("two")) == ["one", "two"]
    assert names(workspace.companions("big")) == ["big", "tool"], "its features may not reach the others"
    assert names(workspace.companions("tool")) == ["big", "tool"]


def test_features_asked_by_way_of_another_package_keep_apart_too(tree: Path) -> None:
    write(
        tree,
        {
            "between/Cargo.toml": """
                [package]
                name = "between"
                [dependencies]
                shared = { workspace = true, features = ["aws"] }
            """,
            "services/two/Cargo.toml": """
                [package]
                name = "two"
                [dependencies]
                between = { path = "../../between" }
            """,
        },
    )
    workspace = read_workspace(tree)
    assert names(workspace.companions("one")) == ["one"]
    assert names(workspace.companions("two")) == ["big", "tool", "two"]


def test_build_and_platform_dependencies_count(tree: Path) -> None:
    write(
        tree,
        {
            "tool/Cargo.toml": """
                [package]
                name = "tool"
                [build-dependencies]
                shared = { workspace = true, default-features = false }
                [target.'cfg(unix)'.dependencies]
                other = { path = "../other", features = ["b", "a"] }
            """,
            "other/Cargo.toml": '[package]\nname = "other"\n',
        },
    )
    workspace = read_workspace(tree)
    assert names(workspace.closure("tool")) == ["other", "shared", "tool"]
    other = workspace.package("tool").dependencies[0]
    assert (other.directory.name, other.features, other.default_features) == ("other", ("a", "b"), True)


def test_a_patched_crate_concerns_every_package(tree: Path) -> None:
    manifest = (tree / "Cargo.toml").read_text() + '[patch.crates-io]\nserde = { path = "patched" }\n'
    write(tree, {"Cargo.toml": manifest, "patched/Cargo.toml": '[package]\nname = "serde"\n'})
    assert names(read_workspace(tree).closure("tool")) == ["serde", "tool"]


def test_a_single_package_is_a_workspace(tmp_path: Path) -> None:
    root = write(tmp_path, {"Cargo.toml": '[package]\nname = "alone"\n', "src/main.rs": ""})
    assert names(read_workspace(root).closure("alone")) == ["alone"]


def test_declared_binaries(tree: Path) -> None:
    declared = '[package]\nname = "tool"\nautobins = false\n[[bin]]\nname = "special"\npath = "x.rs"\n'
    write(tree, {"tool/Cargo.toml": declared})
    assert read_workspace(tree).package("tool").binaries == {"special"}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("Cargo.toml", "[workspace", "cannot be read as TOML"),
        ("tool/Cargo.toml", "[lib]\n", "declares no package"),
    ],
)
def test_faults_say_the_file(tree: Path, name: str, text: str, words: str) -> None:
    write(tree, {name: text})
    with pytest.raises(BuildError, match=words) as caught:
        read_workspace(tree)
    assert caught.value.where == str(tree / name)


def test_no_workspace_and_no_such_package(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"there is no Cargo\.toml"):
        read_workspace(tmp_path / "elsewhere")
    with pytest.raises(BuildError, match="no package `nine`") as caught:
        read_workspace(tree).package("nine")
    assert caught.value.hint == "there are: big, one, shared, tool, two"
