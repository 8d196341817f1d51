"""Which changed files of a crate its binary could be made from. Pure.

Not counted: documentation (README, *.md, docs/), tests/, benches/, examples/, sample events and hooks (events/,
hooks/: the next release tries changed ones, they are no reason for one), a service's own Terraform (infra/: it is
applied, and walks nothing), and settings of git and the linters. Counted
all the same: whatever lies in src/, a place a Cargo.toml spells out as a source, and a file that a source of the crate
names in a literal, as `include_str!("../README.md")` does, unless it is only the crate's documentation
(`#![doc = include_str!(...)]`).
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from pipeline.workspace.git import Change
from pipeline.workspace.tree import SUBMODULE, Tree, parents, under

_FOLDERS = frozenset({"docs", "tests", "benches", "examples", "events", "hooks", "infra"})
_SETTINGS = frozenset(
    [
        ".gitignore",
        ".gitattributes",
        ".editorconfig",
        "rustfmt.toml",
        ".rustfmt.toml",
        "clippy.toml",
        ".clippy.toml",
        "deny.toml",
    ]
)
# Judged by what they say, not by their bytes: see rules.py and toolchain.py.
CONFIGURATIONS = (".cargo/config.toml", ".cargo/config")
TOOLS = (*CONFIGURATIONS, "rust-toolchain.toml", "rust-toolchain", "CargoLambda.toml", "Cross.toml")
_JUDGED = frozenset({"Cargo.toml", "Cargo.lock", "service.yaml", *TOOLS})
_DOC = re.compile(rb"doc\s*=\s*include_str!\s*\([^)]*\)")
_LITERAL = re.compile(rb'"((?:[^"\\\n]|\\.)*)"')
_SEPARATORS = re.compile(rb"[/\\]+")


class Changes:
    """The paths that differ, to be asked for by folder."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self.all = tuple(sorted(changes))
        self._paths = [change.path for change in self.all]
        self.by_path = {change.path: change for change in self.all}

    def __contains__(self, path: str) -> bool:
        return path in self.by_path

    def under(self, folder: str) -> Sequence[Change]:
        """The file itself, or all below the folder."""
        if not folder:
            return self.all
        found = self.all[bisect_left(self._paths, f"{folder}/") : bisect_left(self._paths, f"{folder}0")]
        return (self.by_path[folder], *found) if folder in self.by_path else found


def through_links(changes: Changes, tree: Tree) -> Changes:
    """The changes, and each symbolic link to something that changed as if it had changed itself."""
    for _ in tree.links:
        more = [
            Change(link, "M")
            for link, target in tree.links.items()
            if target is not None and link not in changes and changes.under(target)
        ]
        if not more:
            break
        changes = Changes((*changes.all, *more))
    return changes


def owners(changes: Changes, directories: Iterable[str], tree: Tree, before: Tree) -> Mapping[str, Sequence[Change]]:
    """Each change under the deepest of these directories that holds it."""
    known = set(directories)
    owned: dict[str, list[Change]] = {}
    for change in changes.all:
        owner = next((folder for folder in (change.path, *parents(change.path)) if folder in known), None)
        if owner is not None:
            owned.setdefault(owner, []).append(change)
        # a submodule has its path in the place of everything inside it
        entries = (tree.at(change.path), before.at(change.path))
        if any(entry is not None and entry.mode == SUBMODULE for entry in entries):
            for directory in known:
                if directory != change.path and under(directory, change.path):
                    owned.setdefault(directory, []).append(change)
    return owned


def built(directory: str, changes: Sequence[Change], sources: Sequence[str], tree: Tree) -> list[Change]:
    """Those of a crate's changes that its binary could be made from; `sources` are the places it spells out."""
    counted, doubtful = [], []
    for change in changes:
        relative = change.path[len(directory) + 1 :] if directory else change.path
        if not _left_out(relative) or any(_same_folder(relative, source) for source in sources):
            counted.append(change)
        elif relative not in _JUDGED:
            doubtful.append((relative, change))
    if doubtful:
        words = _named(directory, tree)
        counted += [change for relative, change in doubtful if words.intersection(relative.encode().split(b"/"))]
    return sorted(counted)


def _left_out(relative: str) -> bool:
    first, _, rest = relative.partition("/")
    if first == "src" and rest:
        return False
    name = posixpath.basename(relative)
    return (
        (first in _FOLDERS and bool(rest))
        or name.endswith(".md")
        or relative in _JUDGED
        or (not rest and (name in _SETTINGS or name.partition(".")[0] in {"README", "LICENSE"}))
    )


def _same_folder(relative: str, source: str) -> bool:
    return under(relative, posixpath.dirname(posixpath.normpath(source))) and "/" in posixpath.normpath(source)


def _named(directory: str, tree: Tree) -> set[bytes]:
    """Every part of a path that a string literal in the crate's sources could name."""
    prefix = f"{directory}/" if directory else ""
    sources = [path for path in tree.paths() if path.startswith(prefix) and path.endswith(".rs")]
    tree.load(sources)
    found: set[bytes] = set()
    for path in sources:
        text = _DOC.sub(b"", tree.read(path) or b"")
        for literal in _LITERAL.findall(text):
            found.update(_SEPARATORS.split(literal))
    return found
