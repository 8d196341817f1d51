"""Which services a range of commits affects, and why. The decision is pure: a frozen snapshot in, reasons out.

What it cannot know widens: a shallow clone, a missing base, an unreadable Cargo file affect everything, and say so.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.manifest.project import PROJECT_FILE, Project
from pipeline.workspace.cargo import under
from pipeline.workspace.git import Change, Repository, shown
from pipeline.workspace.lock import differences
from pipeline.workspace.snapshot import Reader, Snapshot

if TYPE_CHECKING:
    from pipeline.manifest.models import Service

_TOOLCHAIN = (".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain")
_VERBS = {"A": "was added", "D": "was deleted"}


@dataclass(frozen=True)
class Reason:
    """Why a service is affected: a kind for programs, a sentence for people."""

    kind: str
    detail: str


@dataclass(frozen=True)
class Affected:
    """One service against its base; no reasons = not affected."""

    service: str
    base: str | None
    reasons: tuple[Reason, ...]

    @property
    def affected(self) -> bool:
        return bool(self.reasons)


@dataclass(frozen=True)
class Subject:
    """What the decision knows of a service; directories are relative to the repository."""

    name: str
    directory: str
    package: str
    modules: tuple[str, ...]


def affected(
    repo: Repository, project: Project, services: Sequence[Service], bases: Mapping[str, str | None]
) -> tuple[Affected, ...]:
    """Each service against the commit of its last promoted release, compared with the head's tree."""
    prefix = _relative(project.root.as_posix(), repo)
    subjects = {service.name: _subject(service, prefix, repo) for service in services}
    directories = tuple(subject.directory for subject in subjects.values())
    reader = Reader(repo, directories, posixpath.join(prefix, PROJECT_FILE))
    snapshots: dict[str, Snapshot] = {}
    found = []
    for name in sorted(subjects):
        base = bases.get(name)
        reason = _unknowable(repo, base)
        if reason is not None or base is None:
            found.append(Affected(name, base, (reason,) if reason else ()))
            continue
        if base not in snapshots:
            snapshots[base] = reader.snapshot(base)
        found.append(Affected(name, base, decide(snapshots[base], subjects[name])))
    return tuple(found)


def _unknowable(repo: Repository, base: str | None) -> Reason | None:
    if base is None:
        return Reason("never-released", "never released")
    if repo.shallow:
        return Reason("shallow", "the clone is shallow, so what changed is unknown")
    if not repo.has_commit(base):
        return Reason("unknown-base", f"its base {base[:12]} is not in this clone, so what changed is unknown")
    return None


def _relative(path: str, repo: Repository) -> str:
    relative = posixpath.relpath(path, repo.root.as_posix())
    return "" if relative == "." else relative


def _subject(service: Service, prefix: str, repo: Repository) -> Subject:
    modules = ["rust-lambda", *(f"{trigger.kind}-api" for trigger in service.triggers)]
    return Subject(
        service.name,
        _relative(service.directory.resolve().as_posix(), repo),
        service.package,
        tuple(posixpath.join(prefix, "modules", module) for module in modules),
    )


def decide(snapshot: Snapshot, subject: Subject) -> tuple[Reason, ...]:
    """All reasons why `subject` is affected, the nearest first."""
    rules: tuple[Callable[[Snapshot, Subject], Iterable[Reason]], ...] = (
        _own_files,
        _crates,
        _locked,
        _workspace,
        _toolchain,
        _project,
        _modules,
    )
    return tuple(reason for rule in rules for reason in rule(snapshot, subject))


def _own_files(snapshot: Snapshot, subject: Subject) -> Iterable[Reason]:
    text = _changed(snapshot.by_service.get(subject.directory, ()))
    if text:
        yield Reason("files", text)


def _crates(snapshot: Snapshot, subject: Subject) -> Iterable[Reason]:
    graph = snapshot.after.graph
    for directory, way in graph.closure(subject.directory).items():
        if directory == subject.directory:
            continue
        text = _changed(snapshot.by_crate.get(directory, ()), verb=False)
        if text:
            names = [graph.crates[step].name if step in graph.crates else posixpath.basename(step) for step in way]
            through = f" ({' → '.join(names)})" if len(names) > 2 else ""
            yield Reason("crate", f"depends on {names[-1]}{through}, which changed ({text})")


def _locked(snapshot: Snapshot, subject: Subject) -> Iterable[Reason]:
    crate = snapshot.after.graph.crates.get(subject.directory)
    workspace = crate.workspace if crate else ""
    if workspace not in snapshot.after.locks:
        return
    path = posixpath.join(workspace, "Cargo.lock")
    before, after = snapshot.before.locks[workspace], snapshot.after.locks[workspace]
    if before is None or after is None:
        yield Reason("lock", f"{path} cannot be compared: it is missing or unreadable on one side")
        return
    reached = [
        lock.reached(subject.package, side.dependencies(workspace))
        for side, lock in ((snapshot.before, before), (snapshot.after, after))
    ]
    found = differences(*reached)
    if found:
        yield Reason("dependency", f"{_few(found)} in {path}")


def _workspace(snapshot: Snapshot, subject: Subject) -> Iterable[Reason]:
    if snapshot.unreadable:
        yield Reason("workspace", f"{snapshot.unreadable[0]} is not valid TOML, so what it changes is unknown")
        return
    graph = snapshot.after.graph
    crates = [graph.crates[step] for step in graph.closure(subject.directory) if step in graph.crates]
    for root in sorted({crate.workspace for crate in crates}):
        path = posixpath.join(root, "Cargo.toml")
        before, after = snapshot.before.graph.workspaces.get(root), graph.workspaces[root]
        if before is None:
            yield Reason("workspace", f"its workspace {path} is new")
            continue
        if before == after:
            continue
        keys = [key for key in (*after.build, *before.build) if before.build.get(key) != after.build.get(key)]
        members = [crate for crate in crates if crate.workspace == root]
        inherited = {key for crate in members for key in crate.inherited}
        package = {key for crate in members for key in crate.inherited_package}
        keys += [
            f"workspace.dependencies.{key}" for key in _differing(before.dependencies, after.dependencies, inherited)
        ]
        keys += [f"workspace.package.{key}" for key in _differing(before.package, after.package, package)]
        if keys:
            yield Reason("workspace", f"{_few(list(dict.fromkeys(keys)))} changed in {path}")


def _differing(before: Mapping[str, object], after: Mapping[str, object], keys: Iterable[str]) -> list[str]:
    return sorted(key for key in keys if before.get(key) != after.get(key))


def _toolchain(snapshot: Snapshot, subject: Subject) -> Iterable[Reason]:
    for change in snapshot.changes:
        for name in _TOOLCHAIN:
            above = change.path.removesuffix(name).rstrip("/")
            if (
                change.path in {name, f"{above}/{name}"}
                and above != subject.directory
                and under(subject.directory, above)
            ):
                yield Reason("toolchain", f"{_changed([change])}, which its build reads")


def _project(snapshot: Snapshot, _: Subject) -> Iterable[Reason]:
    if snapshot.project_file is not None:
        yield Reason("project", f"{snapshot.project_file} changed")


def _modules(snapshot: Snapshot, subject: Subject) -> Iterable[Reason]:
    for module in subject.modules:
        tests = f"{module}/tests"
        text = _changed(
            change for change in snapshot.built if under(change.path, module) and not under(change.path, tests)
        )
        if text:
            yield Reason("module", f"{text}, which is its infrastructure")


def _changed(changes: Iterable[Change], *, verb: bool = True) -> str:
    listed = list(changes)
    if not listed:
        return ""
    text = _few([shown(change.path) for change in listed])
    if not verb:
        return text
    return f"{text} {_VERBS.get(listed[0].status, 'changed') if len(listed) == 1 else 'changed'}"


def _few(words: Sequence[str]) -> str:
    """The first three, and how many more."""
    if len(words) <= 3:
        return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"{', '.join(words[:3])} and {len(words) - 3} more"
