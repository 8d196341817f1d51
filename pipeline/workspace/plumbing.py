"""git's own processes: one a question, or one kept open for many objects. Nothing here writes to a repository.

Trees and blobs are read through these, because importing GitPython costs more than all of them together.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_CHUNK = 500  # ids asked for at once: their text must fit into a pipe that nobody reads while it is written


class GitFault(Exception):  # noqa: N818 - git_faults.py makes of it what a person reads
    """git ended with an error; `said` is its own words."""

    def __init__(self, said: str, code: int) -> None:
        super().__init__(said)
        self.said = said
        self.code = code


def run(root: Path, *arguments: str) -> str:
    """What one git process prints; bytes that are not UTF-8 become surrogates."""
    return finish(start(root, *arguments))


def start(root: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A git process that runs while something else is done; `finish` collects it."""
    try:
        return subprocess.Popen(
            ["git", *arguments],
            cwd=root,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise GitFault("git is not on PATH", 127) from None


def finish(process: subprocess.Popen[bytes]) -> str:
    """What a started process prints."""
    out, err = process.communicate()
    if process.returncode:
        raise GitFault(err.decode("utf-8", "replace").strip(), process.returncode)
    return out.decode("utf-8", "surrogateescape")


def _environment() -> Mapping[str, str]:
    # messages are matched, so they come untranslated; `status` must not write the index
    return {**os.environ, "LC_ALL": "C", "LANGUAGE": "C", "GIT_OPTIONAL_LOCKS": "0"}


class Blobs:
    """Contents of objects by id, through one `git cat-file --batch` that stays open; each is read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._known: dict[str, bytes | None] = {}

    def keep(self, identity: str, data: bytes) -> None:
        """Contents that lie in no object: files of the work tree."""
        self._known[identity] = data

    def load(self, ids: Iterable[str]) -> None:
        """Reads objects that are about to be asked for."""
        wanted = [identity for identity in dict.fromkeys(ids) if identity not in self._known]
        for at in range(0, len(wanted), _CHUNK):
            chunk = wanted[at : at + _CHUNK]
            self._known.update(zip(chunk, self._ask(chunk), strict=True))

    def read(self, identity: str) -> bytes | None:
        """A blob's bytes; None for what is no blob or not there."""
        if identity not in self._known:
            self.load([identity])
        return self._known[identity]

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None

    def _ask(self, ids: list[str]) -> Iterator[bytes | None]:
        if self._process is None:
            self._process = subprocess.Popen(
                ["git", "cat-file", "--batch"],
                cwd=self._root,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        to, answers = self._process.stdin, self._process.stdout
        assert to is not None  # noqa: S101 - for the type checker: both are pipes
        assert answers is not None  # noqa: S101
        to.write("".join(f"{identity}\n" for identity in ids).encode())
        to.flush()
        for identity in ids:
            words = answers.readline().split()
            if not words:
                raise GitFault(f"cat-file ended before {identity}", 1)
            if len(words) != 3:  # `ID missing`
                yield None
                continue
            data = answers.read(int(words[2]))
            answers.read(1)
            yield data if words[1] == b"blob" else None
