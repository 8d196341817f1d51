"""The rules that every Rust package of the workspace keeps to, read from the manifests."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
KINDS = ("dependencies", "dev-dependencies", "build-dependencies")


def toml(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text("utf-8"))


WORKSPACE = toml(ROOT / "Cargo.toml")["workspace"]
FILES = sorted(file for pattern in WORKSPACE["members"] for file in ROOT.glob(f"{pattern}/Cargo.toml"))
MEMBERS = {file.parent.name: toml(file) for file in FILES}
DENY = toml(ROOT / "deny.toml")


@pytest.mark.parametrize("name", MEMBERS)
def test_a_package_has_the_workspaces_lints_and_forbids_unsafe_code(name: str) -> None:
    assert MEMBERS[name]["lints"] == {"workspace": True}
    assert WORKSPACE["lints"]["rust"] == {"missing_docs": "warn", "unsafe_code": "forbid"}


@pytest.mark.parametrize("name", MEMBERS)
def test_what_a_package_shares_with_others_has_one_version(name: str) -> None:
    """What stands in the workspace is taken from there; a crate of one service may stand there alone, as a version."""
    for kind in KINDS:
        for crate, asked in MEMBERS[name].get(kind, {}).items():
            inherited = isinstance(asked, dict) and asked.get("workspace") is True
            assert inherited or crate not in WORKSPACE["dependencies"], crate
            assert inherited or not {"git", "path", "registry"} & set(asked if isinstance(asked, dict) else ()), crate


def test_no_version_is_listed_that_nobody_uses() -> None:
    used = {crate for member in MEMBERS.values() for kind in KINDS for crate in member.get(kind, {})}
    assert set(WORKSPACE["dependencies"]) <= used


def test_a_second_version_of_a_crate_needs_a_reason() -> None:
    bans = DENY["bans"]
    assert (bans["multiple-versions"], bans["wildcards"]) == ("deny", "deny")
    assert all(len(skipped["reason"]) > 20 for skipped in bans["skip"])


def test_crates_come_from_the_registry_alone() -> None:
    assert (DENY["sources"]["unknown-registry"], DENY["sources"]["unknown-git"]) == ("deny", "deny")
    sources = {package.get("source") for package in toml(ROOT / "Cargo.lock")["package"]}
    assert sources == {None, "registry+https://github.com/rust-lang/crates.io-index"}


def test_the_release_profile_is_spelled_out() -> None:
    """cargo-lambda fills in what is missing; `docs/benchmarks.md` has the alternatives."""
    profile = toml(ROOT / "Cargo.toml")["profile"]["release"]
    assert set(profile) == {"opt-level", "lto", "codegen-units", "panic", "strip"}
