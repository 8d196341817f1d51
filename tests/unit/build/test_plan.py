"""Which cargo runs a set of services needs; nothing is compiled here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from build_kit import service, toolchain, write

from pipeline.build.packages import read_workspace
from pipeline.build.plan import plan_build, plan_with
from pipeline.build.store import Made, Store
from pipeline.build.targets import Platform
from pipeline.errors import BuildError, UsageError

X86, ARM = Platform("x86_64"), Platform("arm64")
AL2, AL2023 = Platform("arm64", (2, 26)), Platform("arm64", (2, 34))
TOOLCHAINS = {platform: toolchain(platform.triple) for platform in (X86, ARM, AL2, AL2023)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def plan(tree: Path, store: Store, *services):
    return plan_with(read_workspace(tree), services, TOOLCHAINS, store)


def remember(store: Store, target) -> object:
    made = Made(target.service, target.key, "arm64", ARM.name, 3)
    artifact = store.put(b"zip", made)
    store.remember(target.key, (), artifact)
    return replace(artifact, reused=True)


def test_one_run_for_all_services_of_a_target(tree: Path, store: Store) -> None:
    (run,) = plan(tree, store, service("two"), service("one")).runs
    assert (run.triple, run.services, run.packages) == (ARM.triple, ("one", "two"), ("one", "two"))
    assert run.local == ("one", "shared", "two")


def test_a_target_each(tree: Path, store: Store) -> None:
    runs = plan(tree, store, service("one"), service("two", architecture="x86_64")).runs
    assert [(run.platform, run.services) for run in runs] == [(ARM, ("one",)), (X86, ("two",))]


def test_a_floor_of_glibc_is_a_target_of_its_own(tree: Path, store: Store) -> None:
    wishes = [service("one", target="gnu"), service("two", target="gnu", runtime="provided.al2")]
    runs = plan(tree, store, *wishes).runs
    assert [(run.platform, run.services) for run in runs] == [(AL2, ("two",)), (AL2023, ("one",))]
    assert len({target.key for run in runs for target in run.targets}) == 2


def test_a_layer_is_another_package_than_a_function(tree: Path, store: Store) -> None:
    (function,) = plan(tree, store, service("one")).runs
    (layer,) = plan(tree, store, service("one", kind="extension")).runs
    assert (function.targets[0].wanted.entry, layer.targets[0].wanted.entry) == ("bootstrap", "extensions/one")
    assert function.targets[0].key != layer.targets[0].key


def test_features_of_one_service_do_not_reach_another(tree: Path, store: Store) -> None:
    runs = plan(tree, store, service("big"), service("one"), service("two", features=("x",))).runs
    assert sorted((run.packages, run.features) for run in runs) == [
        (("big", "tool"), ()),
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
    artifact = remember(store, run.targets[0])
    again = plan(tree, store, service("one"), service("two"))
    assert again.stored == (artifact,)
    assert [run.services for run in again.runs] == [("two",)]
    write(tree, {"services/one/src/main.rs": "fn main() { println!() }\n"})
    assert plan(tree, store, service("one")).stored == ()


def test_another_toolchain_knows_nothing(tree: Path, store: Store) -> None:
    (run,) = plan(tree, store, service("one")).runs
    remember(store, run.targets[0])
    for other in (toolchain(ARM.triple, "source"), replace(toolchain(ARM.triple), linking="cargo")):
        assert plan_with(read_workspace(tree), [service("one")], {ARM: other}, store).stored == ()


def test_what_is_forced_knows_nothing(tree: Path, store: Store) -> None:
    (run,) = plan(tree, store, service("one")).runs
    remember(store, run.targets[0])
    forced = plan_with(read_workspace(tree), [service("one")], TOOLCHAINS, None)
    assert (forced.stored, forced.runs) == ((), (run,))


def test_declared_inputs_count(tree: Path, store: Store) -> None:
    write(tree, {"proto/a.proto": "a"})
    wish = service("one", inputs=("proto",))
    (before,) = plan(tree, store, wish).runs
    write(tree, {"proto/deep/b.proto": "b"})
    (after,) = plan(tree, store, wish).runs
    assert before.targets[0].key != after.targets[0].key
    assert plan(tree, store, service("one")).runs[0].targets[0].key not in {before.targets[0].key, after.targets[0].key}


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


def test_a_missing_lock_file_is_said(tree: Path) -> None:
    (tree / "Cargo.lock").unlink()
    with pytest.raises(BuildError, match=r"there is no Cargo\.lock"):
        plan_build(tree, [service("one")])


def test_an_unknown_compiler_is_refused(tree: Path) -> None:
    with pytest.raises(UsageError, match="`zig` is no compiler") as caught:
        plan_build(tree, [service("one")], compiler="zig")
    assert caught.value.hint == "it has cargo-zigbuild, cargo, cross"


def test_without_any_home_nothing_is_planned(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(BuildError, match="HOME is not set"):
        plan_build(tree, [service("one")])
