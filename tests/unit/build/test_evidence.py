"""Whose statements lie beside a package, for which commit, and what a package grew by."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from build_kit import cargo_run

from pipeline.build import evidence, facts, record
from pipeline.build.record import Built, Source
from pipeline.build.split import Halves
from pipeline.build.store import Made, Store

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "me/project",
    "GITHUB_WORKFLOW_REF": "me/project/.github/workflows/deploy.yml@refs/heads/main",
    "GITHUB_RUN_ID": "7",
}
HEAD = Source("https://example.com/me/project", "a" * 40)


def git(root: Path, *words: str) -> str:
    options = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    done = subprocess.run(["git", "-C", str(root), *options, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def built(number: int = 1, **changes: object) -> Built:
    run = cargo_run()
    halves = Halves(b"binary", b"", "")
    found = facts.built(run, run.targets[0], halves, zipped=bytes([number]) * 10, lock=b"lock", inputs=str(number) * 64)
    return replace(found, **changes)


def test_the_commit_and_whether_the_tree_is_at_it(tmp_path: Path) -> None:
    assert evidence.source(tmp_path) == Source()
    git(tmp_path, "init", "-q")
    assert evidence.source(tmp_path) == Source(), "no commit yet"
    (tmp_path / "a").write_text("a")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert evidence.source(tmp_path) == Source("", commit)
    git(tmp_path, "remote", "add", "origin", "https://me:secret@example.com/me/project.git")
    (tmp_path / "b").write_text("b")
    assert evidence.source(tmp_path) == Source("https://example.com/me/project.git", commit, dirty=True)


def test_a_made_package_has_its_builder_and_a_reused_one_leaves_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in GITHUB.items():
        monkeypatch.setenv(name, value)
    made = Made("hello", "1" * 64, "arm64", "aarch64-unknown-linux-musl", 6)
    artifact = store.put(b"zip", made)
    assert evidence.told(store, artifact, HEAD).evidence is None, "nothing is known of it"
    record.keep(store.evidence(artifact.inputs), built(), {})
    first = evidence.told(store, artifact, HEAD)
    assert builder(first) == "https://github.com/me/project/.github/workflows/deploy.yml@refs/heads/main"
    again = evidence.told(store, replace(artifact, reused=True), HEAD)
    assert builder(again) == builder(first)
    other = evidence.told(store, replace(artifact, reused=True), replace(HEAD, commit="b" * 40, dirty=True))
    assert builder(other) == "urn:crabwalk:builder:unattested", "this run has not built it"
    assert other.evidence is not None
    assert other.evidence.name == "b" * 40 + "-dirty"


def builder(artifact) -> str:
    statement = json.loads((artifact.evidence / "provenance.json").read_bytes())
    return statement["predicate"]["runDetails"]["builder"]["id"]


def test_what_a_zip_grew_by_since_the_last_other_one(store: Store, tmp_path: Path) -> None:
    first = built(1, zip_bytes=10_000, crates={"hello": 5_000})
    second = built(2, zip_bytes=14_000, crates={"hello": 6_000, "ring": 8_000})
    told = []
    for one, commit in ((first, "a"), (first, "b"), (second, "c"), (second, "d"), (first, "e")):
        told.append(facts.grew(store, one, replace(HEAD, commit=commit * 40), tmp_path))
        record.keep(store.evidence(one.inputs), one, {})
    assert told == [
        "",
        "",
        f"zip +4 kB since the last build here ({'a' * 12}); in the binary: ring +8 kB, hello +1 kB",
        "",
        f"zip -4 kB since the last build here ({'c' * 12}); in the binary: ring -8 kB, hello -1 kB",
    ]
    elsewhere = replace(HEAD, repository="https://example.com/another")
    assert facts.grew(store, second, elsewhere, tmp_path) == "", "another project's service of that name"


@pytest.mark.parametrize("dirty", [False, True])
def test_a_commit_is_named_only_when_it_was_built_as_it_is_and_by_the_same_compiler(
    store: Store, tmp_path: Path, *, dirty: bool
) -> None:
    first, second = built(1, zip_bytes=10_000), built(2, zip_bytes=14_000)
    facts.grew(store, first, replace(HEAD, dirty=dirty), tmp_path)
    record.keep(store.evidence(first.inputs), first, {})
    other = second if dirty else replace(second, toolchain=("rustc 1.91.0",))
    assert facts.grew(store, other, HEAD, tmp_path) == "zip +4 kB since the last build here"


def test_the_facts_of_a_binary() -> None:
    found = built()
    assert (found.service, found.triple, found.flags) == ("hello", "aarch64-unknown-linux-musl", ("-Cflag",))
    assert found.toolchain[0] == "rustc 1.90.0"
    assert (found.zip_bytes, found.binary_bytes, found.crates) == (10, 6, {})
