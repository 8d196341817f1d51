"""When cargo-deny must run, and what is said of its reports; the tool itself is a stand-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_deny import FakeDeny

from pipeline.build.supply import check
from pipeline.errors import BuildError

REJECTED: dict[str, Any] = {
    "type": "diagnostic",
    "fields": {
        "severity": "error",
        "message": "failed to satisfy license requirements",
        "graphs": [{"Krate": {"name": "copyleft", "version": "1.0.0"}}],
        "labels": [{"span": "GPL-3.0-only", "message": "rejected: license is not explicitly allowed"}],
    },
}
SUMMARY = {"type": "summary", "fields": {"bans": {"errors": 0}, "licenses": {"errors": 1}}}
NO_DATABASE = {
    "type": "log",
    "fields": {"level": "ERROR", "message": "failed to fetch advisory database https://example.org/db with cli: …"},
}
VULNERABLE = {
    "type": "diagnostic",
    "fields": {
        "severity": "error",
        "message": "use after free",
        "graphs": [{"Krate": {"name": "old", "version": "0.1.0"}}],
        "labels": [{"span": "old 0.1.0", "message": "security vulnerability detected"}],
    },
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "deny.toml").touch()
    return root


@pytest.fixture
def deny(tmp_path: Path) -> FakeDeny:
    return FakeDeny(tmp_path / "bin")


@pytest.fixture
def env(deny: FakeDeny, tmp_path: Path) -> dict[str, str]:
    return {"PATH": str(deny.folder), "CARGO_HOME": str(tmp_path / "cargo")}


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """Without cargo-deny."""
    return {"PATH": str(tmp_path / "empty"), "CARGO_HOME": str(tmp_path / "cargo")}


def test_what_holds_is_checked_in_silence(root: Path, deny: FakeDeny, env: dict[str, str]) -> None:
    said: list[str] = []
    assert check(root, "auto", said.append, env)
    assert said == []
    assert [call[call.index("check") + 1 :] for call in deny.calls] == [["licenses", "bans", "sources"], ["advisories"]]
    assert all(str(root / "Cargo.toml") in call and "--locked" in call for call in deny.calls)


def test_broken_rules_are_named_with_the_crate(root: Path, deny: FakeDeny, env: dict[str, str]) -> None:
    deny.answer("rules", 4, REJECTED, SUMMARY)
    with pytest.raises(BuildError) as caught:
        check(root, "auto", print, env)
    assert caught.value.what == (
        "the supply chain's rules are broken:\n"
        "  copyleft 1.0.0: failed to satisfy license requirements "
        "(GPL-3.0-only: rejected: license is not explicitly allowed)"
    )
    assert caught.value.where == str(root / "deny.toml")


def test_a_vulnerable_crate_fails_too(root: Path, deny: FakeDeny, env: dict[str, str]) -> None:
    deny.answer("advisories", 1, VULNERABLE)
    with pytest.raises(BuildError, match=r"old 0\.1\.0: use after free"):
        check(root, "auto", print, env)


def test_without_the_database_it_is_said_and_the_rest_counts(root: Path, deny: FakeDeny, env: dict[str, str]) -> None:
    deny.answer("advisories", 1, NO_DATABASE)
    said: list[str] = []
    assert check(root, "auto", said.append, env)
    assert said == ["cargo-deny: its advisory database cannot be reached, so advisories are not checked"]
    deny.answer("rules", 4, REJECTED)
    with pytest.raises(BuildError, match="copyleft"):
        check(root, "auto", said.append, env)


def test_a_failure_in_plain_words_is_told_as_it_is(root: Path, deny: FakeDeny, env: dict[str, str]) -> None:
    deny.answer("rules", 101, "thread 'main' panicked", '{"odd": 1}', "[1]")
    with pytest.raises(BuildError, match=r"cargo-deny ended with 101: thread 'main' panicked"):
        check(root, "auto", print, env)


def test_many_faults_are_cut(root: Path, deny: FakeDeny, env: dict[str, str]) -> None:
    deny.answer("rules", 4, *[REJECTED] * 30)
    with pytest.raises(BuildError, match=r"and 10 more$"):
        check(root, "auto", print, env)


def test_off_asks_nothing(root: Path, deny: FakeDeny, env: dict[str, str]) -> None:
    assert not check(root, "off", print, {**env, "CI": "true"})
    assert deny.calls == []


def test_elsewhere_it_may_be_absent(root: Path, bare: dict[str, str]) -> None:
    assert not check(root, "auto", print, bare)
    assert not check(root, "auto", print, {**bare, "CI": "false"})


@pytest.mark.parametrize(("mode", "more"), [("auto", {"CI": "true"}), ("required", {})])
def test_where_it_must_run_its_absence_is_an_error(
    root: Path, bare: dict[str, str], mode: str, more: dict[str, str]
) -> None:
    with pytest.raises(BuildError, match="cargo-deny is not installed") as caught:
        check(root, mode, print, {**bare, **more})
    assert "cargo install cargo-deny --locked" in str(caught.value.hint)
    assert "deny: off" in str(caught.value.hint)


def test_rules_that_are_not_there_are_an_error_only_where_they_must_be(root: Path, env: dict[str, str]) -> None:
    (root / "deny.toml").unlink()
    assert not check(root, "auto", print, env)
    with pytest.raises(BuildError, match=r"there is no deny\.toml"):
        check(root, "required", print, env)


@pytest.mark.parametrize("version", ["cargo-deny 0.14.2", "no version"])
def test_one_that_cannot_read_todays_files_is_as_good_as_none(
    root: Path, tmp_path: Path, env: dict[str, str], version: str
) -> None:
    old = {**env, "PATH": str(FakeDeny(tmp_path / "old", version).folder)}
    assert not check(root, "auto", print, old)
    with pytest.raises(BuildError, match=r"0\.18 or newer is needed"):
        check(root, "required", print, old)
