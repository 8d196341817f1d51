"""What the store gives back, and what it refuses to."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from pipeline.build.store import Store

KEY = "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def filled(store: Store):
    artifact = store.put(b"the zip", "one", "arm64", 9)
    store.remember(KEY, artifact)
    return artifact


def test_remembered_inputs_give_the_artifact(store: Store) -> None:
    artifact = filled(store)
    assert store.find(KEY, "one") == artifact
    assert artifact.path.read_bytes() == b"the zip"
    assert artifact.sha256 == hashlib.sha256(b"the zip").hexdigest()
    assert base64.b64decode(artifact.code_sha256).hex() == artifact.sha256
    assert artifact.key == f"artifacts/{artifact.sha256}.zip"
    assert (artifact.size, artifact.binary_size, artifact.architecture) == (7, 9, "arm64")


def test_unknown_inputs_give_nothing(store: Store) -> None:
    filled(store)
    assert store.find("1" * 64, "one") is None


def test_a_damaged_artifact_is_not_given(store: Store) -> None:
    artifact = filled(store)
    artifact.path.write_bytes(b"the zap")
    assert store.find(KEY, "one") is None
    assert filled(store).path.read_bytes() == b"the zip", "building again repairs it"
    assert store.find(KEY, "one") == artifact


def test_a_lost_artifact_is_not_given(store: Store) -> None:
    filled(store).path.unlink()
    assert store.find(KEY, "one") is None


@pytest.mark.parametrize("entry", [b"", b"{", b"[]", b"{}", b'{"sha256": 5}', b"\xff"])
def test_a_damaged_entry_is_unknown(store: Store, entry: bytes) -> None:
    filled(store)
    (store.directory / "inputs" / f"{KEY}.json").write_bytes(entry)
    assert store.find(KEY, "one") is None


def test_nothing_half_written_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        store.put(b"the zip", "one", "arm64", 9)
    assert list((store.directory / "artifacts").iterdir()) == []
