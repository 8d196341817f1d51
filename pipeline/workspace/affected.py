"""Which services a range of commits affects, and why. Reads git, decides by `rules.py`, changes nothing.

What it cannot know widens: a shallow clone, a missing base, an unreadable Cargo file affect everything, and say so.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import UsageError
from pipeline.manifest.project import Project
from pipeline.workspace import modules
from pipeline.workspace.cache import Cache
from pipeline.workspace.cargo import spelled
from pipeline.workspace.git import Repository
from pipeline.workspace.rules import Judgement, Reason, Subject
from pipeline.workspace.snapshot import Reader

__all__ = ["Affected", "Described", "Reason", "affected"]


_FETCH = "git fetch origin NAME (in GitHub Actions: `fetch-depth: 0` for actions/checkout)"


class Described(Protocol):
    """What is read of a service; its manifest's typed form has it, and so has a `Declared` one."""

    @property
    def name(self) -> str: ...
    @property
    def directory(self) -> Path: ...
    @property
    def file(self) -> Path: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def triggers(self) -> Sequence[Any]: ...


Answer = Mapping[str, tuple[Reason, ...]]


@dataclass(frozen=True)
class Affected:
    """One service against its base; no reasons = not affected."""

    service: str
    base: str | None
    reasons: tuple[Reason, ...]

    @property
    def affected(self) -> bool:
        return bool(self.reasons)


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
    subjects = {service.name: _subject(service, prefix, repo) for service in services}
    directories = tuple(sorted({subject.directory for subject in subjects.values()}))
    cache = Cache.of(repo.directory)
    reader = Reader(repo, cache, directories, prefix, uncommitted=uncommitted)
    answers: dict[str, Answer] = {}
    found = []
    unknown = {base: unknowable(repo, base, released=released) for base in {bases.get(name) for name in subjects}}
    for name in sorted(subjects):
        base = bases.get(name)
        reason = unknown[base]
        if reason is not None or base is None:
            found.append(Affected(name, base, (reason,) if reason else ()))
            continue
        if base not in answers:
            answers[base] = _answer(repo, cache, reader, base, tuple(subjects.values()), uncommitted=uncommitted)
        found.append(Affected(name, base, answers[base][name]))
    cache.save()
    repo.blobs.close()
    return tuple(found)


def _answer(
    repo: Repository, cache: Cache, reader: Reader, base: str, subjects: Sequence[Subject], *, uncommitted: bool
) -> Answer:
    """The reasons of all services against one base; the same trees and manifests have the same ones."""
    key = "" if uncommitted else spelled([repo.tree_of(base), repo.head_tree, reader.prefix, subjects])
    kept = cache.answer(key) if key else None
    if kept is not None:
        return {name: tuple(Reason(kind, detail, tuple(chain)) for kind, detail, chain in some) for name, some in kept}
    judgement = Judgement(reader.snapshot(base), subjects)
    answer = {subject.name: judgement.reasons(subject) for subject in subjects}
    if key:
        rows = [(name, [(one.kind, one.detail, one.chain) for one in some]) for name, some in answer.items()]
        cache.remember(key, rows)
    return answer


def unknowable(repo: Repository, base: str | None, *, released: bool = False) -> Reason | None:
    """Why what changed since a base cannot be told; None when it can."""
    if base is None:
        return Reason("never-released", "never released")
    if repo.shallow:
        return Reason("shallow", "the clone is shallow, so what changed is unknown")
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

    In a `pull_request` checkout of GitHub the head is a merge into the target branch, so this is the target's side of
    it, and the branch itself exists only as `origin/NAME`. None when they have nothing in common.
    """
    try:
        other = repo.resolve(reference)
    except UsageError:
        try:
            other = repo.resolve(f"origin/{reference}")
        except UsageError:
            raise UsageError(f"no commit `{reference}` in this clone", hint=_FETCH) from None
    return repo.merge_base(repo.head, other)


def _relative(path: Path, repo: Repository) -> str:
    relative = posixpath.relpath(path.as_posix(), repo.root.as_posix())
    return "" if relative == "." else relative


def _subject(service: Described, prefix: str, repo: Repository) -> Subject:
    resources = getattr(service, "resources", {})
    kinds = [str(getattr(resource, "kind", "")) for resource in resources.values()]
    used = modules.used([trigger.kind for trigger in service.triggers], kinds)
    directory = _relative(service.directory.resolve(), repo)
    inputs = getattr(service, "inputs", ())
    return Subject(
        name=service.name,
        directory=directory,
        manifest=posixpath.join(directory, service.file.name),
        features=service.features,
        inputs=tuple(posixpath.normpath(posixpath.join(prefix, path)) for path in inputs),
        modules=tuple(posixpath.join(prefix, "modules", module) for module in used),
    )
