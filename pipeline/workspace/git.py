"""The repository as the other stages see it: commits, trees, ancestry. The only place for GitPython; it never writes.

Every fault of git becomes a UsageError with git's own words; a GitCommandError never leaves this file.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pipeline.errors import UsageError

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # git missing from PATH is our message, not an ImportError

import git
from git import exc

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


@dataclass(frozen=True, order=True)
class Change:
    """One path that differs between two commits; a rename is a deletion and an addition."""

    path: str
    status: str  # A, D, M or T, as git says it


class Repository:
    """An open repository with at least one commit."""

    def __init__(self, repo: git.Repo, root: Path, head: str, *, shallow: bool) -> None:
        self._repo = repo
        self.root = root
        self.head = head
        self.shallow = shallow

    @classmethod
    def open(cls, path: Path) -> Repository:
        """The repository `path` lies in."""
        try:
            repo = git.Repo(path, search_parent_directories=True)
        except (exc.InvalidGitRepositoryError, exc.NoSuchPathError):
            raise UsageError(f"{path} is not in a git repository", hint="git init, or change to the clone") from None
        if repo.working_tree_dir is None:
            raise UsageError(f"{path} is a bare git repository", hint="clone it and run there")
        root = Path(repo.working_tree_dir).resolve()
        try:
            shallow, head = str(repo.git.rev_parse("--is-shallow-repository", "HEAD^{commit}")).split("\n")
        except exc.GitCommandNotFound:
            raise UsageError("git is not on PATH", hint="apt install git") from None
        except exc.GitCommandError as error:
            said = _said(error)
            if "unknown revision" in said or "ambiguous argument" in said:
                raise UsageError(f"the repository {root} has no commit yet", hint="commit something first") from None
            raise _usage_error(said, root) from None
        return cls(repo, root, head, shallow=shallow == "true")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the git processes kept open for reading."""
        self._repo.close()

    def resolve(self, revision: str) -> str:
        """The commit a branch, tag or abbreviation names."""
        try:
            return str(self._repo.git.rev_parse("--verify", "--end-of-options", f"{revision}^{{commit}}"))
        except exc.GitCommandError:
            hint = "git fetch --unshallow" if self.shallow else "git fetch, or name another commit"
            raise UsageError(f"no commit `{revision}` in this clone", hint=hint) from None

    def has_commit(self, sha: str) -> bool:
        """Is this commit in the clone?"""
        if not _SHA.match(sha):
            return False
        try:
            self._repo.git.get_object_header(f"{sha}^{{commit}}")
        except ValueError:
            return False
        return True

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Is `older` the same commit as `newer` or behind it?"""
        try:
            self._repo.git.merge_base("--is-ancestor", older, newer)
        except exc.GitCommandError as error:
            if error.status == 1:
                return False
            raise _usage_error(_said(error), self.root) from None
        return True

    def merge_base(self, one: str, other: str) -> str | None:
        """The newest commit both descend from."""
        try:
            return str(self._repo.git.merge_base(one, other)) or None
        except exc.GitCommandError as error:
            if error.status == 1:
                return None
            raise _usage_error(_said(error), self.root) from None

    def subject(self, sha: str) -> str:
        """The first line of the commit's message."""
        return self._run("log", "-1", "--format=%s", sha, "--")

    def dirty(self) -> tuple[str, ...]:
        """Paths that are changed, or new and not ignored, and in no commit."""
        out = self._run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        return tuple(sorted(shown(entry[3:]) for entry in out.split("\0") if entry))

    def changes(self, base: str, head: str) -> tuple[Change, ...]:
        """Every path that differs between the trees of two commits, from one git process."""
        out = self._run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none", base, head)
        fields = out.split("\0")
        pairs = zip(fields[::2], fields[1::2], strict=False)
        return tuple(sorted(Change(path, meta.rpartition(" ")[2][:1]) for meta, path in pairs))

    def read(self, commit: str, path: str) -> bytes | None:
        """A file as committed, through one `git cat-file --batch` that stays open; None when there is none."""
        if "\n" in path:
            return None
        try:
            _, kind, _, data = self._repo.git.get_object_data(f"{commit}:{path}")
        except ValueError:
            return None
        return data if kind in {"blob", b"blob"} else None

    def read_all(self, commit: str, paths: Iterable[str]) -> Mapping[str, bytes]:
        """Several files as committed, from one process; what is not there is left out."""
        wanted = [path for path in paths if "\n" not in path]
        if not wanted:
            return {}
        with tempfile.TemporaryFile() as asked:
            asked.write("".join(f"{commit}:{path}\n" for path in wanted).encode("utf-8", "surrogateescape"))
            asked.seek(0)
            try:
                answer = self._repo.git.execute(
                    ["git", "cat-file", "--batch"], istream=asked, stdout_as_string=False, strip_newline_in_stdout=False
                )
            except exc.GitCommandError as error:
                raise _usage_error(_said(error), self.root) from None
        return dict(_batch(bytes(answer), wanted))

    def _run(self, command: str, *arguments: str) -> str:
        try:
            return str(
                self._repo.git.execute(["git", command, *arguments], strip_newline_in_stdout=command != "diff-tree")
            )
        except exc.GitCommandError as error:
            raise _usage_error(_said(error), self.root) from None


def _batch(answer: bytes, wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """The answer of `git cat-file --batch`: `SHA TYPE SIZE`, the bytes, a line end; or `NAME missing`."""
    at = 0
    for path in wanted:
        end = answer.index(b"\n", at)
        header = answer[at:end].rsplit(b" ", 2)
        at = end + 1
        if len(header) == 3 and header[2].isdigit() and _SHA.match(header[0].decode("ascii", "replace")):
            size = int(header[2])
            if header[1] == b"blob":
                yield path, answer[at : at + size]
            at += size + 1


def shown(path: str) -> str:
    """A path as it can be printed: bytes that are not UTF-8 are escaped."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _said(error: Any) -> str:
    text = str(error.stderr or error)
    return text.strip().removeprefix("stderr:").strip().strip("'").strip()


def _usage_error(said: str, root: Path) -> UsageError:
    if "dubious ownership" in said:
        hint = f"git config --global --add safe.directory {root}"
        return UsageError(f"git refuses {root}: it belongs to another user", hint=hint)
    first = said.splitlines()[0] if said else "git failed"
    return UsageError(f"git: {first.removeprefix('fatal: ')}", where=str(root))
