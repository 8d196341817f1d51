from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.workspace.cargo import join, parents, read_graph, under
from pipeline.workspace.lock import Lock, differences


class Files:
    """Cargo.toml files by path, parsed anew for each question."""

    def __init__(self, **texts: str) -> None:
        self.texts = {path.replace("__", "/"): text for path, text in texts.items()}

    def load(self, paths: object) -> None:
        """Nothing to fetch."""

    def toml(self, path: str) -> Mapping[str, Any] | None:
        text = self.texts.get(path.removesuffix("Cargo.toml").rstrip("/") or "root")
        return tomllib.loads(text) if text is not None else None


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
    )
    assert graph.closure("app") == {
        "app": ("app",),
        "libs/long": ("app", "libs/long"),
        "builder": ("app", "builder"),
    }
    assert graph.crates["app"].dependencies == {"long-name", "real", "builder"}
    assert graph.crates["app"].inherited == {"short"}
    assert graph.crates["libs/long"].workspace == ""


def test_cycles_and_crates_outside_the_repository_end() -> None:
    graph = read_graph(
        Files(
            a='[dependencies]\nb = { path = "../b" }\nout = { path = "../../out" }\n',
            b='[dependencies]\na = { path = "../a" }\ngone = { path = "../gone" }\n',
        ),
        ["a"],
    )
    assert set(graph.closure("a")) == {"a", "b", "gone"}
    assert set(graph.crates) == {"a", "b"}


def test_a_crate_belongs_to_the_workspace_that_does_not_exclude_it() -> None:
    files = Files(
        root='[workspace]\nexclude = ["alone"]\n',
        alone="[package]\nname = 'alone'\n",
        named="[package]\nname = 'named'\nworkspace = '../other'\n",
        other="[workspace]\n",
        other__inner="[package]\nname = 'inner'\n",
    )
    graph = read_graph(files, ["alone", "named", "other/inner"])
    assert {crate.name: crate.workspace for crate in graph.crates.values()} == {
        "alone": "alone",
        "named": "other",
        "inner": "other",
    }


def test_paths() -> None:
    assert [join("a/b", path) for path in ("../c", "..", "../..", "../../..", "/x")] == ["a/c", "a", "", None, None]
    assert under("a/b", "a")
    assert under("a", "a")
    assert under("a", "")
    assert not under("ab", "a")
    assert list(parents("a/b/c")) == ["a/b", "a", ""]


def test_a_lock_tells_versions_and_sources_of_one_name_apart() -> None:
    lock = Lock.of(
        {
            "package": [
                {"name": "app", "version": "0.1.0", "dependencies": ["x 1.0.0", "y 1.0.0 (git+https://example.org/y)"]},
                {"name": "x", "version": "1.0.0", "source": "registry"},
                {"name": "x", "version": "2.0.0", "source": "registry"},
                {"name": "y", "version": "1.0.0", "source": "registry"},
                {"name": "y", "version": "1.0.0", "source": "git+https://example.org/y"},
            ]
        }
    )
    assert {(found.name, found.version, found.source) for found in lock.reached("app", {})} == {
        ("x", "1.0.0", "registry"),
        ("y", "1.0.0", "git+https://example.org/y"),
    }


def test_differences_name_what_changed() -> None:
    def packages(*pins: tuple[str, str, str]) -> Any:
        entries = [{"name": name, "version": version, "source": source} for name, version, source in pins]
        app = {"name": "app", "version": "1", "dependencies": [name for name, _, _ in pins]}
        return Lock.of({"package": [app, *entries]}).reached("app", {})

    before = packages(("a", "1", "r"), ("b", "1", "r"), ("c", "1", "r"), ("d", "1", "r"))
    after = packages(("a", "2", "r"), ("b", "1", "fork"), ("d", "1", "r"), ("e", "3", "r"))
    assert differences(before, after) == ("a 1 → 2", "b 1 from another source", "c 1 removed", "e 3 added")
    assert differences(before, before) == ()


_KEYS = st.sampled_from(
    [
        "package",
        "name",
        "workspace",
        "dependencies",
        "exclude",
        "path",
        "version",
        "target",
        "patch",
        "replace",
        "profile",
    ]
)
_VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=5), st.just("..")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(_KEYS, _VALUES), st.dictionaries(_KEYS, _VALUES))
def test_no_toml_breaks_reading(root: Mapping[str, Any], member: Mapping[str, Any]) -> None:
    class Odd(Files):
        def toml(self, path: str) -> Mapping[str, Any] | None:
            return {"Cargo.toml": root, "app/Cargo.toml": member}.get(path)

    graph = read_graph(Odd(), ["app"])
    assert "app" in graph.closure("app")
    Lock.of(root).reached("app", {})
