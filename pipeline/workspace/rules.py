"""The rules by which a service is affected, each with the chain from the service to what changed. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from pipeline.manifest.project import PROJECT_FILE
from pipeline.workspace import cargo, modules, toolchain
from pipeline.workspace.git import Change, shown
from pipeline.workspace.graph import Crate
from pipeline.workspace.meaning import same_yaml
from pipeline.workspace.model import Reason, Subject
from pipeline.workspace.paths import built, owners
from pipeline.workspace.siblings import Siblings
from pipeline.workspace.snapshot import Snapshot
from pipeline.workspace.tree import under
from pipeline.workspace.wording import SHOWN, UNREADABLE, Item, because, by_name, few, sentence

# Parts of the project file that decide nothing about a service: where it can be released to, where manifests lie, and
# which states its infrastructure lies in.
_PLACES = frozenset({"environments", "services", "stack"})


class Judgement:
    """The rules on one snapshot. What does not depend on the service is worked out once."""

    def __init__(self, snapshot: Snapshot, subjects: Iterable[Subject]) -> None:
        self._snapshot = snapshot
        self._services = {subject.directory: subject for subject in subjects}

    def reasons(self, subject: Subject) -> tuple[Reason, ...]:
        """All reasons why `subject` is affected, the nearest first."""
        if not self._snapshot.changes.all:
            return ()
        rules: tuple[Callable[[Subject], Iterable[Reason]], ...] = (
            self._own_files,
            self._inputs,
            self._crates,
            self._locked,
            self._siblings,
            self._extensions,
            self._workspace,
            self._toolchain,
            self._project,
            self._modules,
        )
        return tuple(reason for rule in rules for reason in rule(subject))

    # its own folder

    def _own_files(self, subject: Subject) -> Iterator[Reason]:
        found = self._touched.get(subject.directory)
        if found:
            yield because("files", sentence(found), (subject.name,), found)

    def _inputs(self, subject: Subject) -> Iterator[Reason]:
        for path in subject.inputs:
            found = [Item.of(change) for change in self._snapshot.changes.under(path)]
            if found:
                yield because("input", f"{sentence(found)}, an input", (subject.name,), found)

    # path dependencies

    def _crates(self, subject: Subject) -> Iterator[Reason]:
        graph = self._snapshot.after.graph
        touched = [one for one in self._touched if one != subject.directory and graph.reaches(subject.directory, one)]
        ways = sorted(
            (graph.way(subject.directory, directory) for directory in touched), key=lambda way: (len(way), way)
        )
        for way in ways:
            found = self._touched[way[-1]]
            names = [graph.name(step) for step in way]
            through = f" ({' → '.join(names)})" if len(names) > 2 else ""
            detail = f"depends on {names[-1]}{through}, which changed ({few([item.text for item in found])})"
            yield because("crate", detail, (subject.name, *way[1:]), found)

    @cached_property
    def _touched(self) -> Mapping[str, Sequence[Item]]:
        """What changed of each crate's binary, by its folder."""
        snapshot = self._snapshot
        graph = snapshot.after.graph
        folders = {*self._services, *graph.nodes}
        found: dict[str, list[Item]] = {}
        owned = owners(snapshot.changes, folders, snapshot.after.tree, snapshot.before.tree)
        for directory, changes in owned.items():
            crate = graph.crates.get(directory)
            sources = crate.manifest.sources if crate is not None else ()
            manifest = self._services[directory].manifest if directory in self._services else ""
            files = [change for change in changes if change.path != manifest]
            items = [Item.of(change) for change in built(directory, files, sources, snapshot.after.tree)]
            items += self._manifest_items(directory, changes)
            found.setdefault(directory, []).extend(items)
        for crate in graph.crates.values():
            for folder in crate.sources:
                items = [Item.of(change) for change in snapshot.changes.under(folder)]
                found.setdefault(crate.directory, []).extend(items)
            if self._inheritable:
                found.setdefault(crate.directory, []).extend(self._inherited(crate))
        return {directory: sorted(set(items), key=by_name) for directory, items in found.items() if items}

    def _manifest_items(self, directory: str, changes: Sequence[Change]) -> Iterator[Item]:
        """Cargo.toml and service.yaml by what they say."""
        before, after = self._snapshot.sides
        path = posixpath.join(directory, "Cargo.toml")
        subject = self._services.get(directory)
        for change in changes:
            if change.path == path:
                old, new = before.content(path), after.content(path)
                if old is None or new is None:
                    yield self._whole(change)
                    continue
                keys = cargo.differing(cargo.built(old), cargo.built(new))
                if keys:
                    yield Item(shown(path), keys=few(keys))
            elif (
                subject is not None
                and change.path == subject.manifest
                and not same_yaml(change.path, before.tree, after.tree)
            ):
                yield Item.of(change)

    def _whole(self, change: Change) -> Item:
        """A Cargo file that cannot be compared by what it says: what happened to it, or that it is unreadable."""
        there = change.status == "M" and self._snapshot.after.content(change.path) is None
        return Item(shown(change.path), UNREADABLE) if there else Item.of(change)

    @cached_property
    def _inheritable(self) -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
        """Of each workspace's root, the keys of its dependencies and package that differ."""
        found = {}
        for root in self._snapshot.after.graph.roots:
            path = posixpath.join(root, "Cargo.toml")
            if path not in self._snapshot.changes:
                continue
            old, new = (cargo.inheritable(side.content(path) or {}) for side in self._snapshot.sides)
            keys = [frozenset(cargo.differing(was, now)) for was, now in zip(old, new, strict=True)]
            if any(keys):
                found[root] = (keys[0], keys[1])
        return found

    def _inherited(self, crate: Crate) -> Iterator[Item]:
        dependencies, package = self._inheritable.get(crate.workspace, (frozenset(), frozenset()))
        keys = [one.key for one in crate.dependencies if one.inherited and one.key in dependencies]
        found = [f"workspace.dependencies.{key}" for key in sorted(set(keys))]
        found += [f"workspace.package.{key}" for key in sorted(crate.manifest.inherited) if key in package]
        if found:
            yield Item(shown(posixpath.join(crate.workspace, "Cargo.toml")), keys=few(found))

    # what others wrote

    def _locked(self, subject: Subject) -> Iterator[Reason]:
        before, after = (side.graph.crates.get(subject.directory) for side in self._snapshot.sides)
        if after is None:
            return
        path = posixpath.join(after.workspace, "Cargo.lock")
        if path not in self._snapshot.changes:
            return
        locks = self._snapshot.locks(after.workspace)
        if locks is None:
            detail = f"{shown(path)} cannot be compared: it is missing or unreadable on one side"
            yield because("lock", detail, (subject.name,), [self._whole(self._snapshot.changes.by_path[path])])
            return
        was, now = (before or after).name, after.name
        found = [(locks.way(difference.name, was, now), difference) for difference in locks.differences(was, now)]
        found.sort(key=lambda one: (len(one[0]), one[1].name))
        for way, difference in found[: len(found) if len(found) <= SHOWN + 1 else SHOWN]:
            steps = [self._directory(package.name, after) if not package.source else package.name for package in way]
            text = f"{shown(path)}: {difference.text}" if len(way) < 3 or not way[-2].source else difference.text
            through = f" (through {' → '.join(steps[1:-1])})" if len(way) > 2 else ""
            detail = f"{difference.text} in {shown(path)}{through}"
            yield Reason("dependency", detail, (subject.name, *steps[1:-1], text))
        if len(found) > SHOWN + 1:
            text = f"{len(found) - SHOWN} more packages"
            yield Reason("dependency", f"{text} in {shown(path)}", (subject.name, f"{shown(path)}: {text}"))

    def _directory(self, name: str, near: Crate) -> str:
        return self._folders.get((near.workspace, name), name)

    @cached_property
    def _folders(self) -> Mapping[tuple[str, str], str]:
        crates = self._snapshot.after.graph.crates.values()
        return {(crate.workspace, crate.name): crate.directory for crate in crates}

    def _siblings(self, subject: Subject) -> Iterator[Reason]:
        if subject.features or not self._snapshot.requests_differ:
            return
        was, after = (side.graph.crates.get(subject.directory) for side in self._snapshot.sides)
        if was is None or after is None or was.workspace != after.workspace:
            return  # a new service, or one in another workspace, is affected anyway
        locks = self._snapshot.locks(after.workspace)
        before, now = (side.companions for side in self._snapshot.sides)
        for found in self._unified.changed(subject.directory):
            packages = [name for name in found.packages if locks is None or locks.touches(name, after.name)]
            if packages:
                path = shown(posixpath.join(found.directory, "Cargo.toml"))
                graph = (now if found.directory in now.graph.crates else before).graph
                through = graph.way(found.sibling, found.directory)
                detail = f"is built together with {graph.name(found.sibling)}, where {path} asks for {few(packages)}"
                yield Reason("features", detail, (subject.name, *through, f"{path}: {few(packages)}"))

    @cached_property
    def _unified(self) -> Siblings:
        return Siblings(*(side.companions for side in self._snapshot.sides))

    def _extensions(self, subject: Subject) -> Iterator[Reason]:
        """An extension is a layer of the functions that run with it: a new one is another configuration of theirs."""
        others = [other for other in self._services.values() if other.name in subject.extensions and other != subject]
        for rule in (self._own_files, self._inputs, self._crates, self._locked):
            for other in others:
                for reason in rule(other):
                    detail = f"runs with {other.name}: {reason.detail}"
                    yield Reason("extension", detail, (subject.name, *reason.chain), reason.files)

    # what counts for all crates of a workspace, or below a folder

    def _workspace(self, subject: Subject) -> Iterator[Reason]:
        after = self._snapshot.after.graph.crates.get(subject.directory)
        before = self._snapshot.before.graph.crates.get(subject.directory)
        if self._snapshot.unreadable:
            found = Item(shown(self._snapshot.unreadable[0]), UNREADABLE)
            detail = f"{found.text} is not valid TOML, so what it changes is unknown"
            yield because("workspace", detail, (subject.name,), [found])
        elif after is not None:
            path = shown(posixpath.join(after.workspace, "Cargo.toml"))
            if before is not None and before.workspace != after.workspace:
                yield because("workspace", f"it now belongs to the workspace {path}", (subject.name,), [Item(path)])
            keys = self._governed(after.workspace)
            if keys:
                detail = f"{few(keys)} changed in {path}"
                yield because("workspace", detail, (subject.name,), [Item(path, keys=few(keys))])

    def _governed(self, root: str) -> Sequence[str]:
        path = posixpath.join(root, "Cargo.toml")
        if path not in self._snapshot.changes:
            return ()
        if root not in self._governing:
            old, new = (cargo.governed(side.content(path) or {}) for side in self._snapshot.sides)
            self._governing[root] = cargo.differing(old, new)
        return self._governing[root]

    @cached_property
    def _governing(self) -> dict[str, Sequence[str]]:
        return {}

    def _toolchain(self, subject: Subject) -> Iterator[Reason]:
        for path, folder in self._configured:
            if under(subject.directory, folder):
                found = [Item.of(change) for change in self._snapshot.changes.under(path)]
                detail = f"{sentence(found)}, which its build reads"
                yield because("toolchain", detail, (subject.name,), found)

    @cached_property
    def _configured(self) -> Sequence[tuple[str, str]]:
        before, after = (side.tree for side in self._snapshot.sides)
        return sorted(set(toolchain.changed(self._snapshot.changes, before, after)))

    # the project

    def _project(self, subject: Subject) -> Iterator[Reason]:
        if self._project_differs:
            path = shown(self._project_file)
            yield because("project", f"{path} changed", (subject.name,), [Item(path)])

    @property
    def _project_file(self) -> str:
        return posixpath.join(self._snapshot.prefix, PROJECT_FILE)

    @cached_property
    def _project_differs(self) -> bool:
        before, after = (side.tree for side in self._snapshot.sides)
        path = self._project_file
        return path in self._snapshot.changes and not same_yaml(path, before, after, ignored=_PLACES)

    def _modules(self, subject: Subject) -> Iterator[Reason]:
        if not self._snapshot.changes.under(self._modules_folder):
            return
        for module in self._with_called(subject.modules):
            changes = self._snapshot.changes.under(module)
            found = [Item.of(change) for change in changes if modules.applied(change.path, module)]
            if found:
                detail = f"{sentence(found)}, which is its infrastructure"
                yield because("module", detail, (subject.name, module), found)

    @property
    def _modules_folder(self) -> str:
        return posixpath.join(self._snapshot.prefix, "modules")

    def _with_called(self, used: tuple[str, ...]) -> tuple[str, ...]:
        if used not in self._called:
            self._called[used] = modules.with_called(used, *(side.tree for side in self._snapshot.sides))
        return self._called[used]

    @cached_property
    def _called(self) -> dict[tuple[str, ...], tuple[str, ...]]:
        return {}
