"""What all crates below a folder are compiled with: configuration of cargo, what it includes, toolchain and the like.

Compared by meaning; what only decides how cargo talks to people and networks does not count. Pure.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from pipeline.workspace import toml
from pipeline.workspace.cargo import table
from pipeline.workspace.meaning import same_toml
from pipeline.workspace.paths import CONFIGURATIONS, TOOLS, Changes
from pipeline.workspace.tree import Tree, join

_TALK = frozenset(
    ["alias", "cache", "cargo-new", "credential-alias", "future-incompat-report", "http", "install", "net", "term"]
)


def folder_of(path: str) -> str | None:
    """The folder below which a file counts for everything; None for every other file."""
    for name in TOOLS:
        if path == name or path.endswith(f"/{name}"):
            return path[: -len(name)].rstrip("/")
    return None


def changed(changes: Changes, before: Tree, after: Tree) -> Iterator[tuple[str, str]]:
    """Each file that counts for everything below a folder, and that folder."""
    for change in changes.all:
        folder = folder_of(change.path)
        if folder is not None and not same_toml(change.path, before, after, ignored=_TALK):
            yield change.path, folder
    for tree in (after, before):
        for path, folder in included(tree):
            if changes.under(path) and folder_of(path) is None:
                yield path, folder


def included(tree: Tree) -> Iterator[tuple[str, str]]:
    """The files that configurations include, and below which folder they count."""
    for path, folder in _configurations(tree):
        seen = [path]
        for file in seen:
            wanted = (toml.parse(tree.read(file)) or {}).get("include", [])
            for entry in wanted if isinstance(wanted, list) else [wanted]:
                name = entry.get("path") if isinstance(entry, Mapping) else entry
                joined = join(posixpath.dirname(file), name) if isinstance(name, str) else None
                if joined is not None and joined not in seen:
                    seen.append(joined)
                    yield joined, folder


def overrides(tree: Tree) -> Mapping[str, Sequence[str]]:
    """What configurations put in the place of packages ([patch] and `paths`), by the folder they count for."""
    found: dict[str, list[str]] = {}
    files = [*_configurations(tree), *included(tree)]
    for file, folder in files:
        content = toml.parse(tree.read(file)) or {}
        paths = content.get("paths", [])
        listed = [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
        for patch in table(content, "patch").values():
            specs = patch.values() if isinstance(patch, Mapping) else ()
            named = [table(spec).get("path") for spec in specs]
            listed += [path for path in named if isinstance(path, str)]
        if listed:
            found.setdefault(folder, []).extend(listed)
    return found


def _configurations(tree: Tree) -> list[tuple[str, str]]:
    found = []
    for path in tree.paths():
        if "cargo/config" in path and path.endswith(CONFIGURATIONS):
            folder = folder_of(path)
            if folder is not None:
                found.append((path, folder))
    return sorted(found)
