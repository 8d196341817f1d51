from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.workspace import cargo, toml
from pipeline.workspace.cargo import Manifest, manifest
from pipeline.workspace.graph import matching, read_graph
from pipeline.workspace.reach import Reach
from pipeline.workspace.tree import join, parents, under


class Files:
    """Cargo.toml files by folder."""

    def __init__(self, **texts: str) -> None:
        self.texts = {path.replace("__", "/"): text for path, text in texts.items()}

    def load(self, paths: Iterable[str]) -> None:
        """Nothing to fetch."""
        assert all(path.endswith("Cargo.toml") for path in paths)

    def real(self, directory: str) -> str:
        return directory

    def content(self, path: str) -> Mapping[str, Any] | None:
        text = self.texts.get(path.removesuffix("Cargo.toml").rstrip("/") or "root")
        return tomllib.loads(text) if text is not None else None

    def get(self, path: str) -> Manifest | None:
        content = self.content(path)
        return manifest(content) if content is not None else None


def test_renamed_inherited_and_target_dependencies_are_followed() -> None:
    graph = read_graph(
        Files(
            root='[workspace]\n[workspace.dependencies]\nshort = { package = "long-name", path = "libs/long" }\n',
            app=(
                '[package]\nname = "app"\n[dependencies]\nshort.workspace = true\n'
                'other = { package = "real", version = "1" }\n'
                "[target.'cfg(unix)'.build-dependencies]\nbuilder = { path = \"../builder\" }\n"
                '[dev-dependencies]\ntester = { path = "../tester" }\n'
            ),
            libs__long='[package]\nname = "long-name"\n',
            builder='[package]\nname = "builder"\n',
            tester='[package]\nname = "tester"\n',
        ),
        ["app"],
        {},
    )
    assert graph.closure("app") == ("app", "libs/long", "builder")
    assert graph.way("app", "libs/long") == ("app", "libs/long")
    assert graph.crates["app"].names == {"long-name", "real", "builder"}
    assert graph.crates["libs/long"].workspace == ""


def test_an_inherited_dependency_has_the_features_of_both() -> None:
    files = Files(
        root='[workspace.dependencies]\na = { version = "1", features = ["x"], default-features = false }\n',
        one='[package]\nname = "one"\n[dependencies]\na = { workspace = true, features = ["y"] }\n',
        two='[package]\nname = "two"\n[dependencies]\na = { workspace = true, default-features = true }\n',
    )
    graph = read_graph(files, ["one", "two"], {})
    found = [graph.crates[name].dependencies[0] for name in ("one", "two")]
    assert [(one.features, one.default_features) for one in found] == [(("x", "y"), False), (("x",), True)]


def test_cycles_and_crates_outside_the_repository_end() -> None:
    graph = read_graph(
        Files(
            a='[dependencies]\nb = { path = "../b" }\nout = { path = "../../out" }\n',
            b='[dependencies]\na = { path = "../a" }\ngone = { path = "../gone" }\n',
        ),
        ["a"],
        {},
    )
    assert set(graph.closure("a")) == set(graph.closure("b")) == {"a", "b", "gone"}
    assert set(graph.crates) == {"a", "b"}
    assert graph.way("a", "gone") == ("a", "b", "gone")


def test_a_crate_belongs_to_the_workspace_that_does_not_exclude_it() -> None:
    files = Files(
        root='[workspace]\nexclude = ["alone", "kept"]\nmembers = ["kept"]\n',
        alone="[package]\nname = 'alone'\n",
        kept="[package]\nname = 'kept'\n",
        named="[package]\nname = 'named'\nworkspace = '../other'\n",
        other="[workspace]\n",
        other__inner="[package]\nname = 'inner'\n",
    )
    graph = read_graph(files, ["alone", "kept", "named", "other/inner"], {})
    assert {crate.name: crate.workspace for crate in graph.crates.values()} == {
        "alone": "alone",
        "kept": "",
        "named": "other",
        "inner": "other",
    }


def test_a_twin_gives_the_crates_that_are_the_same() -> None:
    before = Files(
        root="[workspace]\n",
        a='[package]\nname = "a"\n[dependencies]\nb = { path = "../b" }\n',
        b='[package]\nname = "b"\n',
        c='[package]\nname = "c"\n',
    )
    after = Files(**{**before.texts, "b": '[package]\nname = "b"\n[dependencies]\nc = { path = "../c" }\n'})
    twin = read_graph(before, ["a"], {})
    graph = read_graph(after, ["a"], {}, twin, frozenset(["b"]))
    assert graph.crates == read_graph(after, ["a"], {}).crates
    assert graph.crates["a"] is twin.crates["a"]
    assert read_graph(after, ["a"], {}, twin, frozenset([""])).crates == graph.crates


def test_members_are_named_by_patterns() -> None:
    manifests = ["Cargo.toml", "a/Cargo.toml", "libs/x/Cargo.toml", "libs/x/y/Cargo.toml", "tools/t1/Cargo.toml"]
    assert list(matching("", ["libs/*", "tools/t[0-9]"], manifests)) == ["", "libs/x", "tools/t1"]
    assert list(matching("libs", ["**"], manifests)) == ["libs/x", "libs/x/y"]
    assert list(matching("", ["libs/[", "a"], manifests)) == ["", "a"]


def test_paths() -> None:
    assert [join("a/b", path) for path in ("../c", "..", "../..", "../../..", "/x")] == ["a/c", "a", "", None, None]
    assert under("a/b", "a")
    assert under("a", "a")
    assert under("a", "")
    assert not under("ab", "a")
    assert list(parents("a/b/c")) == ["a/b", "a", ""]


_BUILT = '[package]\nname = "a"\nversion = "1.0.0"\n[dependencies]\nserde = "1"\n[features]\nx = []\n'


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("# a comment\n" + _BUILT, []),
        (_BUILT + '[dev-dependencies]\nproptest = "1"\n', []),
        (_BUILT + "[package.metadata.docs.rs]\nall-features = true\n", []),
        (_BUILT + '[package.metadata.lambda.build]\ncompiler = "cargo"\n', ["package.metadata.lambda"]),
        (_BUILT + '[[test]]\nname = "t"\n[[bench]]\nname = "b"\n[[example]]\nname = "e"\n', []),
        (_BUILT + '[lints.rust]\nmissing_docs = "warn"\n', []),
        (_BUILT.replace("[dep", 'publish = false\nkeywords = ["x"]\n[dep'), []),
        (_BUILT.replace("[dep", 'description = "x"\n[dep'), ["package.description"]),
        (_BUILT.replace('serde = "1"', 'serde = { version = "1", features = ["derive"] }'), ["dependencies.serde"]),
        (_BUILT.replace('serde = "1"', 'serde = { path = "../serde" }'), ["dependencies.serde"]),
        (_BUILT.replace("x = []", 'x = ["serde/rc"]'), ["features.x"]),
        (_BUILT + '[[bin]]\nname = "b"\npath = "../b.rs"\n', ["bin"]),
        (_BUILT + "[lib]\n", ["lib"]),
        (_BUILT + '[target."cfg(unix)".dependencies]\nlibc = "0.2"\n', ["target.cfg(unix).dependencies.libc"]),
        (_BUILT + '[target."cfg(unix)".dev-dependencies]\nlibc = "0.2"\n', []),
        (_BUILT + '[build-dependencies]\ncc = "1"\n', ["build-dependencies", "build-dependencies.cc"]),
        (_BUILT + "[profile.release]\nlto = true\n[workspace]\n", []),
    ],
)
def test_what_of_a_package_is_built(text: str, keys: list[str]) -> None:
    assert cargo.differing(cargo.built(tomllib.loads(_BUILT)), cargo.built(tomllib.loads(text))) == keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("[profile.dev]\nopt-level = 1\n[profile.test]\ndebug = 0\n", []),
        ("[profile.release]\nlto = true\n", ["profile.release"]),
        ('[patch.crates-io]\nserde = { path = "s" }\n', ["patch.crates-io"]),
        ('[workspace]\nresolver = "3"\n', ["resolver"]),
        ('[workspace]\nmembers = ["a"]\n[workspace.lints.rust]\nx = "warn"\n', []),
        ("[workspace.metadata.lambda.build]\n", ["workspace.metadata.lambda"]),
    ],
)
def test_what_of_a_root_counts_for_all(text: str, keys: list[str]) -> None:
    assert cargo.differing(cargo.governed({}), cargo.governed(tomllib.loads(text))) == keys


def test_reach_and_ways() -> None:
    reach = Reach([[1, 2], [3], [3], [], [4, 0]])
    assert [f"{bits:05b}" for bits in reach.bits] == ["01111", "01010", "01100", "01000", "11111"]
    assert reach.way(4, 3) == (4, 0, 1, 3)
    assert reach.way(3, 0) == ()
    circle = Reach([[1], [2], [0], [0]])
    assert circle.bits == [0b0111, 0b0111, 0b0111, 0b1111]


_KEYS = st.sampled_from(
    [
        "package",
        "name",
        "workspace",
        "dependencies",
        "exclude",
        "members",
        "path",
        "version",
        "target",
        "patch",
        "replace",
        "profile",
        "features",
        "bin",
        "lib",
        "default-features",
        "build",
        "metadata",
        "resolver",
    ]
)
_VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=5), st.just("..")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=60)
@given(st.dictionaries(_KEYS, _VALUES), st.dictionaries(_KEYS, _VALUES))
def test_no_toml_breaks_reading(root: Mapping[str, Any], member: Mapping[str, Any]) -> None:
    class Odd(Files):
        def content(self, path: str) -> Mapping[str, Any] | None:
            return {"Cargo.toml": root, "app/Cargo.toml": member}.get(path)

    graph = read_graph(Odd(), ["app"], {})
    assert "app" in graph.closure("app")
    assert cargo.from_json(cargo.to_json(manifest(member))) == manifest(member)
    assert list(matching("", manifest(root).root.members, ["app/Cargo.toml"])) in ([], ["app"])
    cargo.differing(cargo.built(root), cargo.built(member))
    cargo.differing(cargo.governed(root), cargo.governed(member))


_LINES = st.sampled_from(
    [
        "",
        "# comment",
        "# tab\tcomment",
        "[package]",
        "[a]",
        "[a.b]",
        "[a.b.c]",
        "[ a ]",
        "[[bin]]",
        "[dependencies]",
        '[target."cfg(unix)".dependencies]',
        'name = "x"',
        "name='x'",
        'name = "x" # why',
        'b = "\\u0041"',
        "b = 1",
        "b = true",
        "b.workspace = true",
        'b.features = ["x"]',
        'b = { workspace = true, features = ["x", "y"] }',
        'b = { version = "1", default-features = false }',
        "b = {}",
        "b = { }",
        "b = { x = true, }",
        "b = { x = true x = true }",
        "b = { c.d = true }",
        'b = [ "x", "y" ]',
        'b = ["x",]',
        "b = [",
        '  "x",',
        "]",
        'b = """',
        '"b" = true',
        " b = true",
        "b = true\r",
        "\x00",
        'b = "{"',
        'c = "ü #"',
    ]
)


@settings(max_examples=400)
@given(st.lists(_LINES, max_size=9))
def test_the_quick_reading_is_tomllibs_or_none(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        expected: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        expected = None
    assert toml.parse(text.encode()) == expected


def test_most_manifests_are_read_quickly() -> None:
    text = (
        '[package]\nname = "a"\nversion.workspace = true\nauthors = ["A"]\n\n# why\n[dependencies]\n'
        'serde = "1"\nshared = { path = "../shared", features = ["x"] }\ntokio.workspace = true\n\n[lints]\n'
        "workspace = true\n"
    )
    assert toml.plain(text) == tomllib.loads(text)


def test_what_is_not_toml_is_none() -> None:
    assert [toml.parse(data) for data in (None, b"\xff", b"= 1", b"a = [" * 10_000)] == [None] * 4
