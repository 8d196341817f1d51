"""The files of a commit, or of the work tree above one: path to mode and content id. Reads links, no other contents.

A path is found as the file system would find it: through symbolic links that stay in the repository.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from pipeline.workspace.plumbing import Blobs

LINK = "120000"
SUBMODULE = "160000"
_MAX_LINKS = 40  # as many as Linux follows


class Entry(NamedTuple):
    """What a path holds."""

    mode: str
    id: str


@dataclass(frozen=True)
class Tree:
    """Entries by path; `over` replaces some of `entries`, None removes one."""

    entries: Mapping[str, Entry]
    blobs: Blobs
    over: Mapping[str, Entry | None] = field(default_factory=dict)

    def at(self, path: str) -> Entry | None:
        """What lies exactly there."""
        return self.over[path] if path in self.over else self.entries.get(path)

    def real(self, path: str) -> str | None:
        """The path with its symbolic links followed; None when they leave the repository or turn in circles."""
        for _ in range(_MAX_LINKS if self.links else 0):
            link = next((step for step in (path, *parents(path)) if step in self.links), None)
            if link is None:
                return path
            target = self.links[link]
            if target is None:
                return None
            path = posixpath.join(target, path[len(link) + 1 :]).rstrip("/")
        return None if self.links else path

    def find(self, path: str) -> Entry | None:
        """The file at a path, through links."""
        entry = self.at(path)
        if entry is not None and entry.mode != LINK:
            return entry
        real = self.real(path) if self.links else None
        return self.at(real) if real is not None else None

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None when there is none."""
        entry = self.find(path)
        return self.blobs.read(entry.id) if entry is not None and entry.mode != SUBMODULE else None

    def load(self, paths: Iterable[str]) -> None:
        """Reads files that are about to be asked for in one go."""
        found = (self.find(path) for path in paths)
        self.blobs.load(entry.id for entry in found if entry is not None and entry.mode != SUBMODULE)

    def paths(self) -> Iterator[str]:
        """Every file."""
        yield from (path for path in self.entries if path not in self.over)
        yield from (path for path, entry in self.over.items() if entry is not None)

    @cached_property
    def with_scripts(self) -> frozenset[str]:
        """The folders that have a src/bin."""
        return frozenset(
            path[: path.index("src/bin/")].rstrip("/")
            for path in self.paths()
            if "/src/bin/" in path or path.startswith("src/bin/")
        )

    @cached_property
    def links(self) -> Mapping[str, str | None]:
        """Every symbolic link and what it points to; None for a place outside the repository."""
        found = [path for path, entry in self.entries.items() if entry[0] == LINK and path not in self.over]
        found += [path for path, entry in self.over.items() if entry is not None and entry.mode == LINK]
        ids = {path: entry.id for path in found if (entry := self.at(path)) is not None}
        self.blobs.load(ids.values())
        return {path: _target(path, self.blobs.read(identity)) for path, identity in ids.items()}


def _target(path: str, data: bytes | None) -> str | None:
    return join(posixpath.dirname(path), (data or b"/").decode("utf-8", "surrogateescape"))


def listed(out: str) -> dict[str, Entry]:
    """The answer of `git ls-tree -r -z`: `MODE TYPE ID<tab>PATH`."""
    found = {}
    for line in out.split("\0"):
        meta, _, path = line.partition("\t")
        if path:
            found[path] = Entry(meta[:6], meta[meta.rindex(" ") + 1 :])
    return found


def compared(out: str) -> dict[str, tuple[Entry | None, Entry | None]]:
    """The answer of `git diff-tree -r -z --raw --abbrev=64`: `:MODE MODE ID ID STATUS`, PATH; both sides by path."""
    fields = out.split("\0")
    found: dict[str, tuple[Entry | None, Entry | None]] = {}
    for meta, path in zip(fields[::2], fields[1::2], strict=False):
        was, now, old, new, status = meta[1:].split(" ")
        found[path] = (
            None if status[0] == "A" else Entry(was, old),
            None if status[0] == "D" else Entry(now, new),
        )
    return found


def join(directory: str, path: str) -> str | None:
    """`path` seen from `directory`; None when it leaves the repository."""
    joined = posixpath.normpath(posixpath.join(directory, path))
    if joined == ".." or joined.startswith(("../", "/")):
        return None
    return "" if joined == "." else joined


def under(path: str, directory: str) -> bool:
    """Is `path` the directory or below it? Everything is below ""."""
    return not directory or path == directory or path.startswith(directory + "/")


def parents(path: str) -> Iterator[str]:
    """The folders above a path, the nearest first, the repository's root ("") last."""
    while path:
        path = posixpath.dirname(path)
        yield path
