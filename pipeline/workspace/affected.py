"""Which services a range of commits affects, and why. Reads git, decides by `rules.py`, changes nothing.

What it cannot know widens: a shallow clone, a missing base, an unreadable Cargo file affect everything, and say so.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.manifest.project import Project
from pipeline.workspace import modules
from pipeline.workspace.cache import Cache
from pipeline.workspace.git import SHA, Repository
from pipeline.workspace.model import Affected, Described, File, Reason, Subject

if TYPE_CHECKING:
    from pipeline.workspace.snapshot import Reader

__all__ = ["Affected", "Described", "Reason", "affected"]

UNKNOWN = frozenset({"shallow", "unknown-base", "no-merge-base"})  # kinds of reasons that stand for not knowing

_FETCH = "git fetch origin NAME (in GitHub Actions: `fetch-depth: 0` for actions/checkout)"


def affected(
    repo: Repository,
    project: Project,
    services: Sequence[Described],
    bases: Mapping[str, str | None],
    *,
    uncommitted: bool = False,
    released: bool = False,
) -> tuple[Affected, ...]:
    """Each service against its base, the commit of its last promoted release: what differs in the head's tree.

    `uncommitted`: in the work tree instead, files that git does not know and does not ignore included.
    `released`: the bases are what was released, so one that no branch has any more was pushed over.
    """
    prefix = _relative(project.root, repo)
    subjects = [_subject(service, prefix, repo) for service in sorted(services, key=lambda service: service.name)]
    unknown = {base: unknowable(repo, base, released=released) for base in {bases.get(one.name) for one in subjects}}
    answers = _Answers(repo, prefix, subjects, uncommitted=uncommitted)
    found = []
    for subject in subjects:
        base = bases.get(subject.name)
        reason = unknown[base]
        reasons = (reason,) if reason is not None else answers.to(str(base))[subject.name]
        found.append(Affected(subject.name, base if base is None or _is_commit(base) else None, reasons))
    answers.close()
    return tuple(found)


class _Answers:
    """The reasons of all services by base. The same trees and manifests have the same ones, so they are kept."""

    def __init__(self, repo: Repository, prefix: str, subjects: Sequence[Subject], *, uncommitted: bool) -> None:
        self._repo = repo
        self._prefix = prefix
        self._subjects = subjects
        self._uncommitted = uncommitted
        self._cache = Cache.of(repo.directory)
        self._known: dict[str, Mapping[str, tuple[Reason, ...]]] = {}

    def to(self, base: str) -> Mapping[str, tuple[Reason, ...]]:
        """The reasons of each service against one base."""
        if base not in self._known:
            trees = [self._repo.tree_of(base), self._repo.head_tree]
            question = "" if self._uncommitted else json.dumps([*trees, self._prefix, self._subjects])
            kept = self._cache.answer(question) if question else None
            if kept is not None:
                self._known[base] = {name: tuple(_read_back(*reason) for reason in reasons) for name, reasons in kept}
            else:
                self._known[base] = self._judged(base, question)
        return self._known[base]

    def _judged(self, base: str, question: str) -> Mapping[str, tuple[Reason, ...]]:
        from pipeline.workspace.rules import Judgement

        judgement = Judgement(self._reader.snapshot(base), self._subjects)
        answer = {subject.name: judgement.reasons(subject) for subject in self._subjects}
        if question:
            rows = [
                [
                    name,
                    [
                        [one.kind, one.detail, one.chain, [[file.path, file.change] for file in one.files]]
                        for one in some
                    ],
                ]
                for name, some in answer.items()
            ]
            self._cache.remember(question, rows)
        return answer

    @cached_property
    def _reader(self) -> Reader:
        from pipeline.workspace.snapshot import Reader

        directories = tuple(sorted({subject.directory for subject in self._subjects}))
        return Reader(self._repo, self._cache, directories, self._prefix, uncommitted=self._uncommitted)

    def close(self) -> None:
        """Keeps what was learnt, and ends the process that read contents."""
        self._cache.save()
        self._repo.blobs.close()


def unknowable(repo: Repository, base: str | None, *, released: bool = False) -> Reason | None:
    """Why what changed since a base cannot be told; None when it can."""
    if base is None:
        return Reason("never-released", "never released")
    if repo.shallow:
        without = "" if _is_commit(base) else f" and has no `{base}`"
        return Reason("shallow", f"the clone is shallow{without}, so what changed is unknown")
    if not base.strip("0"):
        text = "its base is all zeros, GitHub's name for what was before a new branch, so what changed is unknown"
        return Reason("unknown-base", text)
    if not repo.has_commit(base):
        return Reason("unknown-base", f"its base {base[:12]} is not in this clone, so what changed is unknown")
    if released and not repo.referenced(base):
        text = f"its base {base[:12]} is in the history of no branch any more, so what changed is unknown"
        return Reason("unknown-base", text)
    return None


def everything(services: Sequence[Described], reason: Reason) -> tuple[Affected, ...]:
    """All services, for one reason."""
    return tuple(Affected(name, None, (reason,)) for name in sorted(service.name for service in services))


def merge_base(repo: Repository, reference: str) -> str | None:
    """What a pull request started from: the newest commit the head and `reference` have in common.

    A reference that widens (see `Repository.base`) is returned as it is.

    In a `pull_request` checkout of GitHub the head is a merge into the target branch, so this is the target's side of
    it, and the branch itself exists only as `origin/NAME`. None when they have nothing in common.
    """
    try:
        other = repo.resolve(reference)
    except UsageError:
        try:
            other = repo.resolve(f"origin/{reference}")
        except UsageError:
            try:
                return repo.base(reference)
            except UsageError:
                raise UsageError(f"no commit `{reference}` in this clone", hint=_FETCH) from None
    return repo.merge_base(repo.head, other)


def _is_commit(base: str) -> bool:
    return SHA.match(base) is not None and bool(base.strip("0"))


def _read_back(kind: str, detail: str, chain: Sequence[str], files: Sequence[Sequence[str]]) -> Reason:
    return Reason(kind, detail, tuple(chain), tuple(File(path, change) for path, change in files))


def _relative(path: Path, repo: Repository) -> str:
    relative = posixpath.relpath(path.as_posix(), repo.root.as_posix())
    return "" if relative == "." else relative


def _subject(service: Described, prefix: str, repo: Repository) -> Subject:
    kinds = [trigger.kind for trigger in service.triggers], [one.kind for one in service.resources.values()]
    directory = _relative(service.directory.resolve(), repo)
    return Subject(
        name=service.name,
        directory=directory,
        manifest=posixpath.join(directory, service.file.name),
        features=service.features,
        inputs=tuple(posixpath.normpath(posixpath.join(prefix, path)) for path in service.inputs),
        extensions=service.extensions,
        modules=tuple(posixpath.join(prefix, "modules", module) for module in modules.used(*kinds)),
    )
