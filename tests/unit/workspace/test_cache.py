from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.workspace import cache as under_test
from pipeline.workspace.cache import Cache
from pipeline.workspace.cargo import manifest
from pipeline.workspace.plumbing import Blobs

TOML = b'[package]\nname = "a"\n[dependencies]\nb = { path = "../b", features = ["x"] }\n'


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    found = Blobs(tmp_path)
    found.keep("a", TOML)
    found.keep("broken", b"<<<")
    return found


def forgetful(tmp_path: Path) -> Blobs:
    """Blobs that would fail: what is asked for must come from the cache."""
    return Blobs(tmp_path / "nowhere")


def test_what_was_read_is_known_the_next_time(tmp_path: Path, blobs: Blobs) -> None:
    first = Cache(tmp_path / "cache", "clone")
    assert first.missing(["a", "broken"]) == ["a", "broken"]
    found = first.manifest("a", blobs)
    assert first.manifest("broken", blobs) is None
    first.remember("question", [["x", []]])
    first.save()
    second = Cache(tmp_path / "cache", "clone")
    assert second.missing(["a", "broken"]) == ["broken"]
    assert (
        second.manifest("a", forgetful(tmp_path))
        == found
        == manifest({"package": {"name": "a"}})._replace(dependencies=found.dependencies if found else ())
    )
    assert second.answer("question") == [["x", []]]
    assert second.answer("another") is None
    assert Cache(tmp_path / "cache", "other clone").missing(["a"]) == ["a"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[:-2] + b" " + data[-2:],
        lambda data: data.replace(data[:4], b"0000", 1),
        lambda _: b"",
        lambda _: b"\xff\n[]",
        lambda data: data.partition(b"\n")[0] + b"\nnull",
    ],
)
def test_a_damaged_file_counts_as_empty(tmp_path: Path, blobs: Blobs, damage) -> None:
    first = Cache(tmp_path / "cache", "clone")
    first.manifest("a", blobs)
    first.remember("question", [])
    first.save()
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(damage(file.read_bytes()))
    second = Cache(tmp_path / "cache", "clone")
    assert second.missing(["a"]) == ["a"]
    assert second.answer("question") is None
    second.manifest("a", blobs)
    second.save()
    assert Cache(tmp_path / "cache", "clone").missing(["a"]) == []


def test_other_code_does_not_believe_it(tmp_path: Path, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Cache(tmp_path / "cache", "clone")
    first.manifest("a", blobs)
    first.save()
    monkeypatch.setattr(under_test, "version", lambda: "other")
    assert Cache(tmp_path / "cache", "clone").missing(["a"]) == ["a"]


def test_it_is_bounded(tmp_path: Path, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        blobs.keep(str(number), TOML.replace(b'"a"', f'"a{number}"'.encode()))
    first = Cache(tmp_path / "cache", "clone")
    for number in range(100):
        first.manifest(str(number), blobs)
    for number in range(40):
        first.remember(f"question {number}", number)
    first.save()
    monkeypatch.setattr(under_test, "_MAX_BYTES", 4000)
    second = Cache(tmp_path / "cache", "clone")
    second.manifest("1", blobs)
    second.manifest("a", blobs)
    second.save()
    third = Cache(tmp_path / "cache", "clone")
    assert third.missing(["1", "a", "2"]) == ["2"], "only those of the last run"
    assert third.answer("question 39") == 39
    monkeypatch.setattr(under_test, "_MAX_FILES", 3)
    for clone in range(4):
        other = Cache(tmp_path / "cache", f"clone {clone}")
        other.remember("question", clone)
        other.save()
        file = tmp_path / "cache" / f"clone {clone}.answers.json"
        os.utime(file, (clone + 10, clone + 10))
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_place_that_cannot_be_written_is_no_fault(tmp_path: Path, blobs: Blobs) -> None:
    (tmp_path / "file").write_text("")
    found = Cache(tmp_path / "file" / "cache", "clone")
    assert found.manifest("a", blobs) is not None
    found.save()
    homeless = Cache(None, "clone")
    assert homeless.manifest("a", blobs) is not None
    homeless.save()
    assert (tmp_path / "file").read_text() == ""


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / "own"))
    assert under_test.directory() == tmp_path / "own"
    monkeypatch.delenv("CRABWALK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert under_test.directory() == tmp_path / "crabwalk"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert under_test.directory() == tmp_path / ".cache/crabwalk"
