"""Keeps the cache from growing for ever: once a day, what was long unused. Never what a build holds or just used."""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.build import cache

DAY = 86_400
TARGET_SECONDS = 30 * DAY
ARTIFACT_SECONDS = 90 * DAY
STORE_BYTES = 5_000_000_000


def daily(on_line: Callable[[str], None], now: Callable[[], float] = time.time) -> None:
    """Prunes when the last time is a day ago; the first build only notes the time."""
    stamp = cache.directory() / "pruned"
    try:
        last = stamp.stat().st_mtime
    except FileNotFoundError:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
        return
    if now() - last < DAY:
        return
    stamp.touch()
    freed = prune(cache.directory(), now())
    if freed:
        on_line(f"removed {freed / 1_000_000:,.0f} MB from {cache.directory()}, unused for long")


def prune(directory: Path, moment: float) -> int:
    """Removes old target folders and artifacts; returns the bytes that were freed."""
    return sum(_targets(directory / "target", moment)) + sum(_artifacts(directory / "store", moment))


def _targets(directory: Path, moment: float) -> Iterator[int]:
    """Target folders no build used; the lock's own time says when one did, and holding it that none does now."""
    for lock in sorted(directory.glob(f"*/{cache.LOCK}")):
        if moment - lock.stat().st_mtime < TARGET_SECONDS:
            continue
        with lock.open("ab") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield _bytes(lock.parent)
            shutil.rmtree(lock.parent, ignore_errors=True)


def _artifacts(store: Path, moment: float) -> Iterator[int]:
    """Artifacts from the one that was not used for longest, by age and then by what is too much."""
    found = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in store.glob("artifacts/*.zip"))
    entries = list(_entries(store))
    evidence = {key: _bytes(store / "evidence" / key) for key, _ in entries}
    total = sum(size for _, size, _ in found) + sum(evidence.values())
    for used, size, path in found:
        age = moment - used
        if age < DAY or (age < ARTIFACT_SECONDS and total <= STORE_BYTES):
            continue
        path.unlink(missing_ok=True)
        freed = size
        for key, sha256 in entries:
            if sha256 == path.stem:
                (store / "inputs" / f"{key}.json").unlink(missing_ok=True)
                shutil.rmtree(store / "evidence" / key, ignore_errors=True)
                freed += evidence[key]
        total -= freed
        yield freed
    yield from _without_entry(store, {key for key, _ in entries}, moment)


def _without_entry(store: Path, known: set[str], moment: float) -> Iterator[int]:
    """Evidence of packages that no inputs lead to."""
    for folder in store.glob("evidence/*"):
        if folder.name not in known and moment - folder.stat().st_mtime > ARTIFACT_SECONDS:
            yield _bytes(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _entries(store: Path) -> Iterator[tuple[str, str]]:
    """Keys of inputs, each with the hash of its artifact."""
    for path in store.glob("inputs/*.json"):
        try:
            entry = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(entry, dict) and "sha256" in entry:
            yield path.stem, str(entry["sha256"])


def _bytes(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
