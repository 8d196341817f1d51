"""The repository as the other stages see it: commits, trees, ancestry. The only place for GitPython; it never writes.

Every fault of git becomes a UsageError with git's own words. What a release asks comes from git's processes directly;
GitPython, which costs more to load than all of them together, finds where two histories part.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pipeline.errors import UsageError
from pipeline.workspace import plumbing
from pipeline.workspace.git_faults import not_opened, refused, words_of
from pipeline.workspace.plumbing import Blobs, GitFault
from pipeline.workspace.tree import LINK, SUBMODULE, Entry, Tree, compared, listed

if TYPE_CHECKING:
    import subprocess

    import git

SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_FACTS = ("--show-toplevel", "--absolute-git-dir", "--is-shallow-repository", "HEAD^{commit}", "HEAD^{tree}")


@dataclass(frozen=True, order=True)
class Change:
    """One path that differs between two trees; a rename is a deletion and an addition."""

    path: str
    status: str  # A, D or M


class Repository:
    """An open repository with at least one commit."""

    def __init__(self, root: Path, directory: Path, head: str, head_tree: str, *, shallow: bool) -> None:
        self.root = root
        self.directory = directory
        self.head = head
        self.head_tree = head_tree
        self.shallow = shallow
        self.blobs = Blobs(root)
        self._status: subprocess.Popen[bytes] | None = None
        self._uncommitted: list[str] | None = None
        self._trees = {head: head_tree}
        self._descriptions: dict[str, tuple[str, str]] = {}
        self._differences: dict[str, Mapping[str, tuple[Entry | None, Entry | None]]] = {}

    @classmethod
    def open(cls, path: Path) -> Repository:
        """The repository `path` lies in."""
        if not path.is_dir():
            raise UsageError(f"{path} is not in a git repository", hint="git init, or change to the clone")
        try:
            top, directory, shallow, head, tree = plumbing.run(path, "rev-parse", *_FACTS).splitlines()
        except GitFault as fault:
            raise not_opened(fault, path) from None
        return cls(Path(top).resolve(), Path(directory), head, tree, shallow=shallow == "true")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the git processes kept open for reading."""
        self.blobs.close()
        if self._status is not None:
            self._status.communicate()
            self._status = None
        if "_repo" in vars(self):
            self._repo.close()

    # history

    def resolve(self, revision: str) -> str:
        """The commit a branch, tag or abbreviation names."""
        found = self._commit(revision)
        if found is None:
            hint = "git fetch --unshallow" if self.shallow else "git fetch, or name another commit"
            raise UsageError(f"no commit `{revision}` in this clone", hint=hint)
        return found

    def base(self, revision: str) -> str:
        """What a comparison starts from: the commit a revision names, or what is known to name none of this clone.

        That is a full id (history was pushed over; GitHub has all zeros for a new branch), and anything in a shallow
        clone. `affected` widens for those; a name that a whole clone does not have is a UsageError.
        """
        found = self._commit(revision)
        if found is not None:
            return found
        if SHA.match(revision.lower()):
            return revision.lower()
        return revision if self.shallow else self.resolve(revision)

    def tree_of(self, commit: str) -> str | None:
        """The id of a commit's tree; None when the commit is not in the clone."""
        return self._trees.get(commit) if self.has_commit(commit) else None

    def has_commit(self, sha: str) -> bool:
        """Is this commit in the clone?"""
        return sha in self._trees or (SHA.match(sha) is not None and self._commit(sha) == sha)

    def _commit(self, revision: str) -> str | None:
        """The commit a revision names, its tree kept; None when there is none."""
        wanted = (f"{revision}^{{commit}}", f"{revision}^{{tree}}")
        try:
            commit, tree = plumbing.run(self.root, "rev-parse", "--revs-only", "--end-of-options", *wanted).split()
        except (GitFault, ValueError):
            return None
        if not SHA.match(commit):  # `^HEAD` and the like
            return None
        self._trees[commit] = tree
        return commit

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Is `older` the same commit as `newer` or behind it?"""
        try:
            plumbing.run(self.root, "merge-base", "--is-ancestor", older, newer)
        except GitFault as fault:
            if fault.code == 1:
                return False
            raise refused(fault.said, self.root) from None
        return True

    def referenced(self, sha: str) -> bool:
        """Is the commit in the history of the head, a branch or a tag? Where not, it was pushed over."""
        if self.is_ancestor(sha, self.head):
            return True
        return bool(self._run("for-each-ref", "--count=1", "--contains", sha))

    def merge_base(self, one: str, other: str) -> str | None:
        """The newest commit both descend from."""
        from git import exc

        try:
            return str(self._repo.git.merge_base(one, other)) or None
        except exc.GitCommandError as error:
            if error.status == 1:
                return None
            raise refused(words_of(error), self.root) from None

    def reverts(self, sha: str) -> str | None:
        """The commit after `sha`, up to the head, whose message says that it reverts it, as `git revert` writes."""
        if not self.has_commit(sha) or not self.is_ancestor(sha, self.head):
            return None
        said = f"This reverts commit {self.resolve(sha)}"
        found = self._run("rev-list", "--fixed-strings", f"--grep={said}", f"{sha}..{self.head}")
        return found.split()[0] if found.split() else None

    def committed(self, sha: str) -> float | None:
        """When the commit was made (its committer's date, epoch seconds); None when it is not in the clone."""
        if not self.has_commit(sha):
            return None
        return float(self._described(sha)[0])

    def subject(self, sha: str) -> str:
        """The first line of the commit's message."""
        return self._described(sha)[1]

    def _described(self, sha: str) -> tuple[str, str]:
        """When a commit was made, and the first line of its message; asked once."""
        if sha not in self._descriptions:
            at, _, subject = self._run("log", "-1", "--format=%ct %s", sha, "--").rstrip("\n").partition(" ")
            self._descriptions[sha] = (at, subject)
        return self._descriptions[sha]

    @cached_property
    def _repo(self) -> git.Repo:
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # git missing from PATH is our message
        import git

        return git.Repo(self.root)

    # the work tree

    def look(self) -> None:
        """Starts to look for uncommitted changes, for whoever asks next."""
        if self._status is None:
            arguments = ("--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
            self._status = plumbing.start(self.root, "status", *arguments)

    def dirty(self) -> tuple[str, ...]:
        """Paths that are changed, or new and not ignored, and in no commit, as they can be printed."""
        return tuple(sorted(shown(path) for path in self._dirty()))

    def _dirty(self) -> list[str]:
        """The same paths as they are; looked for once, so that one analysis sees one work tree."""
        if self._uncommitted is None:
            self.look()
            process, self._status = self._status, None
            assert process is not None  # noqa: S101 - look() has started it
            try:
                self._uncommitted = [entry[3:] for entry in plumbing.finish(process).split("\0") if entry]
            except GitFault as fault:
                raise refused(fault.said, self.root) from None
        return self._uncommitted

    # trees

    def tree(self, *, uncommitted: bool = False) -> Tree:
        """The files of the head; with `uncommitted`, those of the work tree."""
        entries = listed(self._run("ls-tree", "-r", "-z", "--full-tree", self.head))
        return Tree(entries, self.blobs, self._work(entries) if uncommitted else {})

    def _work(self, entries: dict[str, Entry]) -> dict[str, Entry | None]:
        """What the work tree has instead of the head's entries."""
        return {path: self._lying(path, entries.get(path)) for path in self._dirty()}

    def _lying(self, path: str, committed: Entry | None) -> Entry | None:
        import hashlib

        file = self.root / path
        try:
            if committed is not None and committed.mode == SUBMODULE and file.is_dir():
                return Entry(SUBMODULE, "uncommitted")
            link = file.is_symlink()
            data = os.fsencode(file.readlink()) if link else file.read_bytes()
            mode = LINK if link else "100755" if file.stat().st_mode & 0o100 else "100644"
        except OSError:
            return None
        hashed = hashlib.new("sha1" if len(self.head) == 40 else "sha256", usedforsecurity=False)
        hashed.update(b"blob %d\0" % len(data) + data)
        self.blobs.keep(hashed.hexdigest(), data)
        return Entry(mode, hashed.hexdigest())

    def compare(self, base: str, head: Tree) -> tuple[Tree, tuple[Change, ...]]:
        """The files of the commit `base`, and every path that differs between it and `head`."""
        sides = self._compared(base)
        before = {path: old for path, (old, _) in sides.items()}
        before |= {path: head.entries.get(path) for path in head.over if path not in before}
        tree = Tree(head.entries, self.blobs, before)
        changes = []
        for path, old in before.items():
            new = head.at(path)
            if old != new:
                changes.append(Change(path, "A" if old is None else "D" if new is None else "M"))
        return tree, tuple(sorted(changes))

    def differing(self, base: str) -> frozenset[str]:
        """Every path that differs between the commit `base` and the work tree."""
        return frozenset([*self._compared(base), *self._dirty()])

    def text(self, commit: str, path: str) -> str | None:
        """What a file says in a commit; None when it has none there."""
        try:
            return plumbing.run(self.root, "cat-file", "blob", f"{commit}:{path}")
        except GitFault:
            return None

    def _compared(self, base: str) -> Mapping[str, tuple[Entry | None, Entry | None]]:
        if base not in self._differences:
            arguments = ("-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none", "--abbrev=64")
            self._differences[base] = compared(self._run("diff-tree", *arguments, base, self.head))
        return self._differences[base]

    def _run(self, *arguments: str) -> str:
        try:
            return plumbing.run(self.root, *arguments)
        except GitFault as fault:
            raise refused(fault.said, self.root) from None


def shown(path: str) -> str:
    """A path as it can be printed: bytes that are not UTF-8 are escaped."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
