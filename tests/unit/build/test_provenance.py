"""The provenance statement: in-toto's and SLSA's shape; of the surroundings only GitHub's names of the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from evidence_kit import BUILT, SOURCE

from pipeline.build.provenance import Builder, builder, predicate, state, statement
from pipeline.build.record import Source

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/release.yml@refs/heads/main",
    "GITHUB_RUN_ID": "42",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_TOKEN": "ghs_secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def test_the_statement_is_about_the_zip() -> None:
    made = statement(BUILT, SOURCE, Builder())
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["predicateType"] == "https://slsa.dev/provenance/v1"
    assert made["subject"] == [{"name": "todos.zip", "digest": {"sha256": "aa" * 32}}]
    assert made["predicate"] == predicate(BUILT, SOURCE, Builder())


def test_the_predicate_says_what_was_asked_for_and_what_went_in() -> None:
    definition = predicate(BUILT, SOURCE, Builder())["buildDefinition"]
    assert definition["externalParameters"] == {
        "repository": "https://example.org/shop.git",
        "commit": "1a2b3c4d",
        "service": "todos",
        "target": "aarch64-unknown-linux-musl",
    }
    assert definition["internalParameters"]["flags"] == ["-Ctarget-cpu=neoverse-n1"]
    assert definition["internalParameters"]["uncommittedChanges"] is False
    assert definition["resolvedDependencies"] == [
        {"uri": "git+https://example.org/shop.git@1a2b3c4d", "digest": {"gitCommit": "1a2b3c4d"}},
        {"name": "Cargo.lock", "digest": {"sha256": "cc" * 32}},
    ]


def test_what_is_not_known_is_not_there() -> None:
    definition = predicate(BUILT, Source(), Builder())["buildDefinition"]
    assert definition["externalParameters"] == {"service": "todos", "target": "aarch64-unknown-linux-musl"}
    assert [dependency["name"] for dependency in definition["resolvedDependencies"]] == ["Cargo.lock"]
    commit_only = predicate(BUILT, Source(commit="1a"), Builder())["buildDefinition"]["resolvedDependencies"][0]
    assert commit_only == {"name": "source", "digest": {"gitCommit": "1a"}}


def test_github_names_the_builder_and_the_run() -> None:
    by = builder(GITHUB)
    details = predicate(BUILT, SOURCE, by)["runDetails"]
    assert details["builder"] == {"id": "https://github.com/acme/shop/.github/workflows/release.yml@refs/heads/main"}
    assert details["metadata"] == {"invocationId": "https://github.com/acme/shop/actions/runs/42/attempts/2"}


def test_elsewhere_nobody_vouches() -> None:
    for env in ({}, {**GITHUB, "GITHUB_ACTIONS": "false"}, {**GITHUB, "GITHUB_RUN_ID": ""}):
        assert builder(env) == Builder()
    assert "metadata" not in predicate(BUILT, SOURCE, Builder())["runDetails"]


def test_the_files_of_a_commit_hold_no_secret(tmp_path: Path) -> None:
    folder = state(tmp_path, BUILT, SOURCE, GITHUB)
    assert folder == tmp_path / "1a2b3c4d"
    texts = [path.read_text() for path in sorted(folder.iterdir())]
    assert len(texts) == 3
    assert not any("secret" in text for text in texts)
    bare = json.loads((folder / "predicate.json").read_text())
    assert json.loads((folder / "provenance.json").read_text())["predicate"] == bare


def test_uncommitted_changes_are_told_and_kept_apart(tmp_path: Path) -> None:
    folder = state(tmp_path, BUILT, replace(SOURCE, dirty=True), {})
    assert folder.name == "1a2b3c4d-dirty"
    assert json.loads((folder / "record.json").read_text())["source"]["dirty"] is True
    assert state(tmp_path, BUILT, Source(), {}).name == "uncommitted"
