"""What pruning removes, and what it leaves to those who use it."""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.build import prune, variables
from pipeline.build.cache import LOCK
from pipeline.build.prune import ARTIFACT_SECONDS, DAY, TARGET_SECONDS
from pipeline.build.store import Made, Store

NOW = time.time()
ONE = Made("one", "1" * 64, "arm64", "aarch64-unknown-linux-musl", 9)


def aged(path: Path, seconds: float) -> Path:
    os.utime(path, (NOW - seconds, NOW - seconds))
    return path


def target(cache: Path, name: str, age: float) -> Path:
    folder = cache / "target" / name
    (folder / "deps").mkdir(parents=True)
    (folder / "deps" / "big").write_bytes(bytes(1000))
    (folder / LOCK).touch()
    aged(folder / LOCK, age)
    return folder


def stored(cache: Path, number: int, age: float, size: int = 100):
    store, inputs = Store(cache / "store"), str(number) * 64
    artifact = store.put(bytes([number]) * size, replace(ONE, inputs=inputs))
    store.remember(inputs, (), artifact)
    store.evidence(inputs).mkdir(parents=True)
    (store.evidence(inputs) / "sbom.json").write_bytes(bytes(50))
    aged(artifact.path, age)
    return artifact


def test_a_target_folder_that_nobody_used(tmp_path: Path) -> None:
    old, new = target(tmp_path, "old", TARGET_SECONDS + 1), target(tmp_path, "new", TARGET_SECONDS - DAY)
    foreign = tmp_path / "target" / "foreign"
    foreign.mkdir()
    assert prune.prune(tmp_path, NOW) == 1000
    assert [path.exists() for path in (old, new, foreign)] == [False, True, True]


def test_a_target_folder_that_a_build_holds(tmp_path: Path) -> None:
    held = target(tmp_path, "held", TARGET_SECONDS + 1)
    with (held / LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        aged(held / LOCK, TARGET_SECONDS + 1)
        assert prune.prune(tmp_path, NOW) == 0
    assert held.is_dir()


def test_old_artifacts_go_with_all_that_belongs_to_them(tmp_path: Path) -> None:
    old, new = stored(tmp_path, 1, ARTIFACT_SECONDS + 1), stored(tmp_path, 2, ARTIFACT_SECONDS - DAY)
    store = Store(tmp_path / "store")
    assert prune.prune(tmp_path, NOW) == 150
    assert store.find(old.inputs, "one", {}) is None
    assert not store.evidence(old.inputs).exists()
    assert store.find(new.inputs, "one", {}) == replace(new, reused=True)
    assert store.evidence(new.inputs).is_dir()


def test_too_much_goes_from_the_oldest_on_but_never_what_was_just_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = [stored(tmp_path, number, (4 - number) * DAY, 1000) for number in (1, 2, 3, 4)]
    monkeypatch.setattr(prune, "STORE_BYTES", 2500)
    prune.prune(tmp_path, NOW + 1)
    assert [artifact.path.exists() for artifact in artifacts] == [False, False, True, True]
    monkeypatch.setattr(prune, "STORE_BYTES", 0)
    prune.prune(tmp_path, NOW)
    assert [artifact.path.exists() for artifact in artifacts] == [False, False, False, True]


def test_evidence_without_inputs_goes_when_it_is_old(tmp_path: Path) -> None:
    folder = Store(tmp_path / "store").evidence(variables.key("1", ("A",), {}))
    folder.mkdir(parents=True)
    assert prune.prune(tmp_path, NOW) == 0
    aged(folder, ARTIFACT_SECONDS + 1)
    prune.prune(tmp_path, NOW)
    assert not folder.exists()


def test_once_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path))
    lines: list[str] = []
    prune.daily(lines.append)
    target(tmp_path, "old", TARGET_SECONDS + 1)
    prune.daily(lines.append)
    assert lines == []
    aged(tmp_path / "pruned", DAY + 1)
    prune.daily(lines.append)
    assert lines == [f"removed 0 MB from {tmp_path}, unused for long"]
    assert not (tmp_path / "target/old").exists()
