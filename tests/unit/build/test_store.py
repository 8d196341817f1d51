"""What the store gives back, and what it refuses to."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.build import variables
from pipeline.build.store import Made, Store

KEY = "0" * 64
ONE = Made("one", KEY, "arm64", "aarch64-unknown-linux-musl", 9)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def filled(store: Store):
    artifact = store.put(b"the zip", ONE)
    store.remember(KEY, (), artifact)
    return artifact


def find(store: Store, key: str = KEY, **environ: str):
    return store.find(key, "one", environ)


def test_remembered_inputs_give_the_artifact(store: Store) -> None:
    artifact = filled(store)
    assert find(store) == replace(artifact, reused=True)
    assert artifact.path.read_bytes() == b"the zip"
    assert artifact.sha256 == hashlib.sha256(b"the zip").hexdigest()
    assert base64.b64decode(artifact.code_sha256).hex() == artifact.sha256
    assert artifact.key == f"artifacts/{artifact.sha256}.zip"
    assert (artifact.size, artifact.binary_size, artifact.architecture) == (7, 9, "arm64")


def test_unknown_inputs_give_nothing(store: Store) -> None:
    filled(store)
    assert find(store, "1" * 64) is None


def test_a_damaged_artifact_is_not_given(store: Store) -> None:
    artifact = filled(store)
    artifact.path.write_bytes(b"the zap")
    assert find(store) is None
    assert filled(store).path.read_bytes() == b"the zip", "building again repairs it"
    assert find(store) == replace(artifact, reused=True)


def test_a_lost_artifact_is_not_given(store: Store) -> None:
    filled(store).path.unlink()
    assert find(store) is None


@pytest.mark.parametrize("entry", [b"", b"{", b"[]", b"{}", b'{"sha256": 5}', b"\xff"])
def test_a_damaged_entry_is_unknown(store: Store, entry: bytes) -> None:
    filled(store)
    (store.directory / "inputs" / f"{KEY}.json").write_bytes(entry)
    assert find(store) is None


def test_nothing_half_written_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        store.put(b"the zip", ONE)
    assert list((store.directory / "artifacts").iterdir()) == []


def test_variables_lead_to_the_artifact_of_their_values(store: Store) -> None:
    artifacts = {}
    for value in ("red", "blue"):
        made = replace(ONE, inputs=variables.key(KEY, ("COLOUR",), {"COLOUR": value}))
        artifacts[value] = store.put(value.encode(), made)
        store.remember(KEY, ("COLOUR",), artifacts[value])
    for value, artifact in artifacts.items():
        assert find(store, COLOUR=value) == replace(artifact, reused=True)
    assert find(store, COLOUR="green") is None
    assert find(store) is None


def test_what_is_found_counts_as_used(store: Store) -> None:
    artifact = filled(store)
    os.utime(artifact.path, (1, 1))
    find(store)
    assert artifact.path.stat().st_mtime > 1
