"""Where in a manifest a fault is shown: at the value it is about, and inside an overlay at what the overlay changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.errors import Problem
from pipeline.manifest.node import Mark, Node

Path = tuple[int | str, ...]


@dataclass(frozen=True)
class Finding:
    """Something a rule has to say about the value at `path`; `because` are the other values it follows from."""

    path: Path
    what: str
    instead: str = ""
    because: tuple[Path, ...] = ()
    warning: bool = False
    key: bool = False
    sure: bool = False  # holds whatever else is wrong at `path`


@dataclass(frozen=True)
class Places:
    """A manifest's tree, and the overlay that was merged into it with what its base says wrong already."""

    root: Node
    overlay: Node | None = None
    said: frozenset[tuple[str, str]] = frozenset()

    def problem(
        self, path: Path, what: str, instead: str = "", *, because: Iterable[Path] = (), key: bool = False
    ) -> Problem | None:
        """The problem with its place; None when an overlay only repeats it. `key`: about the key, not its value."""
        text = f"{shown(path[:-1] if key else path)}: {what}" if path[key:] else what
        own = self._in_overlay((path, *because), key=key)
        node, mark, depth = follow(self.root, path)
        there = mark if key and mark is not None and depth == len(path) else node.mark
        problem = (own or self._near(path) or there).problem(text, instead)
        repeats = self.overlay is not None and own is None and (problem.what, problem.instead) in self.said
        return None if repeats else problem

    def find(self, finding: Finding) -> Problem | None:
        """The problem of a finding."""
        return self.problem(finding.path, finding.what, finding.instead, because=finding.because, key=finding.key)

    def _in_overlay(self, paths: Iterable[Path], *, key: bool) -> Mark | None:
        """The first of these that the overlay itself says."""
        if self.overlay is None:
            return None
        for path in paths:
            node, mark, depth = follow(self.overlay, path)
            if path and depth == len(path):
                return mark if key else node.mark
        return None

    def _near(self, path: Path) -> Mark | None:
        """What in the overlay leads towards `path`: the mapping around it, or the key of one further out."""
        if self.overlay is None:
            return None
        node, key, depth = follow(self.overlay, path)
        return node.mark if 0 < depth == len(path) - 1 else key


def follow(node: Node, path: Path) -> tuple[Node, Mark | None, int]:
    """The deepest node along `path`, its key's mark, and how many parts led there."""
    key: Mark | None = None
    for depth, part in enumerate(path):
        if isinstance(part, int) and node.items is not None and part < len(node.items):
            node = node.items[part]
            key = node.mark
        elif isinstance(part, str) and node.mapping is not None and part in node.mapping:
            node, key = node.mapping[part], node.keys.get(part)
        else:
            return node, key, depth
    return node, key, len(path)


def shown(path: Path) -> str:
    """A path as messages write it: `release.steps[0].traffic`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
