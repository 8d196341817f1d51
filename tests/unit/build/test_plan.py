"""Which cargo runs a set of services needs; nothing is compiled here."""

from __future__ import annotations

from pathlib import Path

import pytest
from build_kit import service, toolchain, write

from pipeline.build.plan import plan_with
from pipeline.build.store import Store
from pipeline.errors import BuildError

X86, ARM = "x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"
TOOLCHAINS = {triple: toolchain(triple) for triple in (X86, ARM)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def plan(tree: Path, store: Store, *services):
    return plan_with(tree, services, TOOLCHAINS, store)


def test_one_run_for_all_services_of_a_target(tree: Path, store: Store) -> None:
    (run,) = plan(tree, store, service("two"), service("one")).runs
    assert (run.triple, run.services, run.packages) == (ARM, ("one", "two"), ("one", "two"))
    assert run.local == ("one", "shared", "two")


def test_a_target_each(tree: Path, store: Store) -> None:
    runs = plan(tree, store, service("one"), service("two", architecture="x86_64")).runs
    assert [(run.triple, run.services) for run in runs] == [(ARM, ("one",)), (X86, ("two",))]


def test_features_of_one_service_do_not_reach_another(tree: Path, store: Store) -> None:
    runs = plan(tree, store, service("big"), service("one"), service("two", features=("x",))).runs
    assert sorted((run.packages, run.features) for run in runs) == [
        (("big",), ()),
        (("one", "two"), ()),
        (("two",), ("x",)),
    ]


def test_a_key_does_not_depend_on_what_is_built_with_it(tree: Path, store: Store) -> None:
    (alone,) = plan(tree, store, service("one")).runs
    (together,) = plan(tree, store, service("one"), service("two")).runs
    assert alone.targets[0] == together.targets[0]
    assert alone.packages == together.packages


def test_what_is_known_is_not_run(tree: Path, store: Store) -> None:
    (run,) = plan(tree, store, service("one"), service("two")).runs
    artifact = store.put(b"zip", "one", "arm64", 3)
    store.remember(run.targets[0].key, artifact)
    again = plan(tree, store, service("one"), service("two"))
    assert again.stored == (artifact,)
    assert [run.services for run in again.runs] == [("two",)]
    write(tree, {"services/one/src/main.rs": "fn main() { println!() }\n"})
    assert plan(tree, store, service("one")).stored == ()


def test_another_toolchain_knows_nothing(tree: Path, store: Store) -> None:
    (run,) = plan(tree, store, service("one")).runs
    store.remember(run.targets[0].key, store.put(b"zip", "one", "arm64", 3))
    other = {ARM: toolchain(ARM, "source")}
    assert plan_with(tree, [service("one")], other, store).stored == ()


def test_no_service_is_no_run(tree: Path, store: Store) -> None:
    assert plan(tree, store).runs == ()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (service("one", package="nine"), "no package `nine`"),
        (service("one", binary="nine"), "one: the package `one` has no binary `nine`"),
    ],
)
def test_names_that_are_not_there(tree: Path, store: Store, wrong, words: str) -> None:
    with pytest.raises(BuildError, match=words):
        plan(tree, store, wrong)


def test_two_packages_with_one_binary_are_refused(tree: Path, store: Store) -> None:
    write(tree, {"services/two/src/bin/one.rs": "fn main() {}\n"})
    with pytest.raises(BuildError, match="one and two both have a binary `one`"):
        plan(tree, store, service("one"))


def test_a_missing_lock_file_is_said(tree: Path, store: Store) -> None:
    (tree / "Cargo.lock").unlink()
    with pytest.raises(BuildError, match=r"there is no Cargo\.lock"):
        plan(tree, store, service("one"))
