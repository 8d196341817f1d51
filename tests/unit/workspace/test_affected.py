from __future__ import annotations

import subprocess

import pytest

from pipeline.manifest import load_services
from pipeline.manifest.project import load_project
from pipeline.workspace.affected import affected


def both(clone) -> dict[str, str | None]:
    base = clone.git("rev-parse", "HEAD")
    return {"hello": base, "health": base}


def test_nothing_changed_affects_nothing(clone) -> None:
    assert clone.affected(both(clone)) == {"health": [], "hello": []}


def test_a_service_that_was_never_released_is_affected(clone) -> None:
    assert clone.affected({"health": clone.git("rev-parse", "HEAD")}) == {"health": [], "hello": ["never released"]}


def test_its_own_files_affect_only_itself(clone) -> None:
    bases = both(clone)
    clone.write("services/hello/src/main.rs", "fn main() { }\n")
    clone.commit()
    assert clone.affected(bases) == {"health": [], "hello": ["services/hello/src/main.rs changed"]}


def test_many_files_are_counted(clone) -> None:
    bases = both(clone)
    for number in range(5):
        clone.write(f"services/hello/src/m{number}.rs", "")
    clone.commit()
    (reason,) = clone.affected(bases)["hello"]
    assert reason == ("services/hello/src/m0.rs, services/hello/src/m1.rs, services/hello/src/m2.rs and 2 more changed")


def test_uncommitted_work_does_not_count(clone) -> None:
    bases = both(clone)
    clone.write("services/hello/src/main.rs", "fn main() { }\n")
    assert clone.affected(bases) == {"health": [], "hello": []}


@pytest.mark.parametrize(
    "path",
    ["README.md", "docs/a.txt", "tests/a.py", "services/hello/README.md", "modules/rust-lambda/tests/b.tftest.hcl"],
)
def test_what_no_release_is_made_from_affects_nothing(clone, path: str) -> None:
    bases = both(clone)
    clone.write(path, "other\n")
    clone.commit()
    assert clone.affected(bases) == {"health": [], "hello": []}


def test_a_shared_crate_affects_all_that_are_built_from_it(clone) -> None:
    bases = both(clone)
    clone.write("rust_shared/src/lib.rs", "// other\n")
    clone.commit()
    reason = "depends on rust_shared, which changed (rust_shared/src/lib.rs)"
    assert clone.affected(bases) == {"health": [reason], "hello": [reason]}


def test_a_crate_behind_a_crate_names_the_way(clone) -> None:
    bases = both(clone)
    clone.write("util/src/lib.rs", "// other\n")
    clone.commit()
    assert clone.affected(bases)["hello"] == [
        "depends on util (hello → rust_shared → util), which changed (util/src/lib.rs)"
    ]


def test_dev_dependencies_are_not_in_the_binary(clone) -> None:
    bases = both(clone)
    clone.write("devtools/src/lib.rs", "// other\n")
    clone.replace("Cargo.lock", 'name = "rand"\nversion = "0.8.0"', 'name = "rand"\nversion = "0.9.0"')
    clone.commit()
    assert clone.affected(bases) == {"health": [], "hello": []}


def test_a_build_dependency_is(clone) -> None:
    clone.write(
        "services/health/Cargo.toml",
        '[package]\nname = "health"\nversion = "0.1.0"\n[build-dependencies]\ndevtools = { path = "../../devtools" }\n',
    )
    clone.commit()
    bases = both(clone)
    clone.write("devtools/src/lib.rs", "// other\n")
    clone.commit()
    assert clone.affected(bases) == {
        "health": ["depends on devtools, which changed (devtools/src/lib.rs)"],
        "hello": [],
    }


def test_a_rename_out_of_and_into_a_crate_counts_for_both(clone) -> None:
    clone.write("services/hello/src/moved.rs", "// a file long enough to be detected as renamed\n" * 5)
    clone.commit()
    bases = both(clone)
    clone.git("mv", "services/hello/src/moved.rs", "services/health/src/moved.rs")
    clone.commit()
    assert clone.affected(bases) == {
        "health": ["services/health/src/moved.rs was added"],
        "hello": ["services/hello/src/moved.rs was deleted"],
    }


def test_a_third_party_version_affects_those_that_reach_it(clone) -> None:
    bases = both(clone)
    clone.replace("Cargo.lock", '"serde 1.0.1"', '"serde 1.0.2"')
    clone.replace("Cargo.lock", 'version = "1.0.1"', 'version = "1.0.2"')
    clone.commit()
    assert clone.affected(bases) == {"health": [], "hello": ["serde 1.0.1 → 1.0.2 in Cargo.lock"]}


def test_a_third_party_version_behind_a_local_crate(clone) -> None:
    bases = both(clone)
    clone.replace("Cargo.lock", 'name = "itoa"\nversion = "1.0.0"', 'name = "itoa"\nversion = "1.0.1"')
    clone.commit()
    assert clone.affected(bases) == {
        "health": ["itoa 1.0.0 → 1.0.1 in Cargo.lock (through rust_shared)"],
        "hello": ["itoa 1.0.0 → 1.0.1 in Cargo.lock (through rust_shared)"],
    }


def test_a_deleted_or_broken_lock_affects_everything(clone) -> None:
    bases = both(clone)
    clone.write("Cargo.lock", "<<<<<<< ours\n")
    clone.commit()
    found = clone.affected(bases)
    assert (
        found["hello"]
        == found["health"]
        == [
            "Cargo.lock cannot be compared: it is missing or unreadable on one side",
            "Cargo.lock is not valid TOML, so what it changes is unknown",
        ]
    )
    (clone.root / "Cargo.lock").unlink()
    clone.commit()
    assert clone.affected(bases)["hello"] == ["Cargo.lock cannot be compared: it is missing or unreadable on one side"]


def test_a_profile_affects_all_and_a_member_list_none(clone) -> None:
    bases = both(clone)
    clone.replace("Cargo.toml", '"devtools"]', '"devtools", "extra"]')
    clone.commit()
    assert clone.affected(bases) == {"health": [], "hello": []}
    clone.replace("Cargo.toml", "lto = true", "lto = false")
    clone.commit()
    assert clone.affected(bases) == {
        "health": ["profile.release changed in Cargo.toml"],
        "hello": ["profile.release changed in Cargo.toml"],
    }


def test_a_workspace_dependency_affects_those_that_inherit_it(clone) -> None:
    bases = both(clone)
    clone.replace("Cargo.toml", 'serde = "1"', 'serde = { version = "1", features = ["derive"] }')
    clone.commit()
    assert clone.affected(bases) == {"health": [], "hello": ["Cargo.toml: workspace.dependencies.serde changed"]}


def test_inherited_package_keys_affect_those_that_inherit_them(clone) -> None:
    bases = both(clone)
    clone.replace("Cargo.toml", 'edition = "2024"', 'edition = "2021"')
    clone.commit()
    assert clone.affected(bases) == {"health": [], "hello": []}
    clone.replace("Cargo.toml", 'version = "0.1.0"', 'version = "0.2.0"')
    clone.commit()
    reason = "depends on rust_shared, which changed (Cargo.toml: workspace.package.version)"
    assert clone.affected(bases)["hello"] == [reason]


def test_a_patch_by_path_affects_all_of_the_workspace(clone) -> None:
    clone.write(
        "Cargo.toml", (clone.root / "Cargo.toml").read_text() + '[patch.crates-io]\nitoa = { path = "vendor/itoa" }\n'
    )
    clone.write("vendor/itoa/Cargo.toml", '[package]\nname = "itoa"\nversion = "1.0.0"\n')
    clone.commit()
    bases = both(clone)
    clone.write("vendor/itoa/src/lib.rs", "")
    clone.commit()
    assert clone.affected(bases)["health"] == ["depends on itoa, which changed (vendor/itoa/src/lib.rs)"]


def test_cargo_configuration_and_toolchain_affect_all_below(clone) -> None:
    bases = both(clone)
    clone.write(".cargo/config.toml", "[build]\n")
    clone.write("services/health/../rust-toolchain.toml", "[toolchain]\n")
    clone.commit()
    assert clone.affected(bases)["hello"] == [
        ".cargo/config.toml was added, which its build reads",
        "services/rust-toolchain.toml was added, which its build reads",
    ]


def test_the_project_file_counts_by_its_meaning(clone) -> None:
    bases = both(clone)
    clone.write("crabwalk.yaml", "# a comment\ncrabwalk: 1\nproject: demo\n")
    clone.commit()
    assert clone.affected(bases) == {"health": [], "hello": []}
    clone.write("crabwalk.yaml", "crabwalk: 1\nproject: other\n")
    clone.commit()
    assert clone.affected(bases) == {"health": ["crabwalk.yaml changed"], "hello": ["crabwalk.yaml changed"]}


def test_terraform_modules_affect_the_services_that_use_them(clone) -> None:
    bases = both(clone)
    clone.write("modules/http-api/main.tf", "# other\n")
    clone.commit()
    assert clone.affected(bases) == {
        "health": [],
        "hello": ["modules/http-api/main.tf changed, which is its infrastructure"],
    }


def test_each_service_has_its_own_base(clone) -> None:
    first = clone.git("rev-parse", "HEAD")
    clone.write("rust_shared/src/lib.rs", "// other\n")
    second = clone.commit()
    clone.write("services/hello/src/main.rs", "// other\n")
    clone.commit()
    assert clone.affected({"hello": second, "health": first}) == {
        "health": ["depends on rust_shared, which changed (rust_shared/src/lib.rs)"],
        "hello": ["services/hello/src/main.rs changed"],
    }


def test_services_with_one_base_share_one_diff(clone, monkeypatch: pytest.MonkeyPatch) -> None:
    bases = both(clone)
    repository = clone.open()
    asked: list[str] = []
    real = repository.compare
    monkeypatch.setattr(repository, "compare", lambda base, head: asked.append(base) or real(base, head))
    project = load_project(clone.root)
    affected(repository, project, load_services(project, None), bases)
    assert asked == [bases["hello"]]


def test_a_base_that_is_gone_widens_to_everything(clone) -> None:
    assert clone.affected({"hello": "1" * 40, "health": clone.git("rev-parse", "HEAD")}) == {
        "health": [],
        "hello": ["its base 111111111111 is not in this clone, so what changed is unknown"],
    }
    assert clone.affected({"hello": "0" * 40, "health": "0" * 64})["hello"] == [
        "its base is all zeros, GitHub's name for what was before a new branch, so what changed is unknown"
    ]


def test_a_shallow_clone_widens_to_everything(clone, tmp_path) -> None:
    bases = both(clone)
    clone.commit()
    shallow = type(clone)(tmp_path / "shallow")
    source = f"file://{clone.root}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", source, shallow.root], check=True, capture_output=True)
    reason = "the clone is shallow, so what changed is unknown"
    assert shallow.affected(bases) == {"health": [reason], "hello": [reason]}
    shallow.close()


def test_a_project_in_a_folder_of_the_repository(clone) -> None:
    clone.git("checkout", "-q", "--orphan", "nested")
    names = clone.git("ls-files").splitlines()
    (clone.root / "sub").mkdir()
    for name in {name.split("/")[0] for name in names}:
        clone.git("mv", name, f"sub/{name}")
    clone.commit()
    nested = type(clone)(clone.root / "sub")
    bases = both(nested)
    nested.write("util/src/lib.rs", "// other\n")
    nested.write("modules/rust-lambda/main.tf", "# other\n")
    nested.replace("Cargo.toml", "lto = true", "lto = false")
    clone.write("elsewhere.txt", "")
    clone.commit()
    assert nested.affected(bases)["health"] == [
        "depends on util (health → rust_shared → util), which changed (sub/util/src/lib.rs)",
        "profile.release changed in sub/Cargo.toml",
        "sub/modules/rust-lambda/main.tf changed, which is its infrastructure",
    ]
    nested.close()


def test_a_service_between_two_dependencies_removed_and_added(clone) -> None:
    bases = both(clone)
    clone.replace("services/health/Cargo.toml", "tokio.workspace = true", "")
    clone.replace("Cargo.lock", 'dependencies = ["rust_shared", "tokio"]', 'dependencies = ["rust_shared"]')
    clone.commit()
    assert clone.affected(bases) == {
        "health": ["services/health/Cargo.toml: dependencies.tokio changed", "tokio 1.40.0 removed in Cargo.lock"],
        "hello": [],
    }
