"""What was read from contents is kept by the contents' ids in the user's cache directory. Losing it costs only time.

One file a clone, written whole or not at all. A file of another version of this code, or a damaged one, counts as
empty; nothing in it is believed that its checksum does not cover.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from importlib.util import source_hash  # 64 bits, and no library to load as for hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.cache import directory
from pipeline.workspace.plumbing import Blobs

if TYPE_CHECKING:
    from pipeline.workspace.cargo import Manifest

_MAX_BYTES = 32 * 1024 * 1024
_MAX_ANSWERS = 32
_MAX_FILES = 100


class Cache:
    """Manifests by blob id, and whole answers by a key made of tree ids; each kind in a file of its own."""

    def __init__(self, folder: Path | None, clone: str) -> None:
        self._manifests = _Stored(folder and folder / f"{clone}.manifests.json")
        self._answers = _Stored(folder and folder / f"{clone}.answers.json")
        self._used: dict[str, Manifest | None] = {}

    @classmethod
    def of(cls, repository: Path) -> Cache:
        """The cache of a clone; without a usable directory, one that forgets."""
        clone = source_hash(os.fsencode(repository)).hex()
        try:
            return cls(directory() / "affected", clone)
        except RuntimeError:  # no home
            return cls(None, clone)

    def manifest(self, identity: str, blobs: Blobs) -> Manifest | None:
        """The manifest with these contents; None when they are not TOML."""
        if identity in self._used:
            return self._used[identity]
        from pipeline.workspace import cargo, toml

        found: Manifest | None
        try:
            found = cargo.from_json(self._manifests.rows.get(identity))
        except (TypeError, ValueError, KeyError, IndexError):
            content = toml.parse(blobs.read(identity))
            found = cargo.manifest(content) if content is not None else None
            if found is not None:
                self._manifests.keep(identity, cargo.to_json(found))
        self._used[identity] = found
        return found

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Those of these contents that must be read."""
        rows = self._manifests.rows
        return [identity for identity in ids if identity not in rows and identity not in self._used]

    def answer(self, question: str) -> Any:
        """What was answered to the same question; None when it was not asked."""
        return self._answers.rows.get(source_hash(question.encode()).hex())

    def remember(self, question: str, answer: Any) -> None:
        """Keeps an answer."""
        self._answers.keep(source_hash(question.encode()).hex(), answer)

    def save(self) -> None:
        """Writes what was learnt. Of manifests, those of this run stay, and others while there is room."""
        self._manifests.save(_MAX_BYTES, lambda rows: {key: rows[key] for key in self._used if key in rows})
        self._answers.save(_MAX_BYTES, lambda rows: dict(list(rows.items())[-_MAX_ANSWERS:]))


class _Stored:
    """One file of rows by key."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._changed = False

    @cached_property
    def rows(self) -> dict[str, Any]:
        """What the file has; nothing where it is missing, damaged or of other code."""
        try:
            data = self._file.read_bytes() if self._file is not None else b""
        except OSError:
            return {}
        head, _, body = data.partition(b"\n")
        if head != _head(body):
            return {}
        try:
            return dict(json.loads(body))
        except (ValueError, TypeError):
            return {}

    def keep(self, key: str, row: Any) -> None:
        """Adds a row, as the newest."""
        self.rows.pop(key, None)
        self.rows[key] = row
        self._changed = True

    def save(self, limit: int, fewer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Writes the rows when some are new; only `fewer` of them where all would be too many."""
        if self._file is None or not self._changed:
            return
        for rows in (self.rows, fewer(self.rows)):
            body = json.dumps(rows, separators=(",", ":"), default=str).encode()
            if len(body) <= limit:
                break
        else:
            return
        try:
            _write(self._file, _head(body) + b"\n" + body)
            _prune(self._file.parent)
        except OSError:
            return  # a full or read-only disk


@cache
def version() -> str:
    """A hash of the code that reads and decides: other code may answer otherwise."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return source_hash(b"".join(file.read_bytes() for file in files)).hex()


def _head(body: bytes) -> bytes:
    return f"{version()} {source_hash(body).hex()}".encode()


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(f".{os.getpid()}.half")
    try:
        half.write_bytes(data)
        half.replace(file)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def _prune(folder: Path) -> None:
    """Only the clones used last keep theirs."""
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
    for file in files[:-_MAX_FILES]:
        file.unlink(missing_ok=True)
