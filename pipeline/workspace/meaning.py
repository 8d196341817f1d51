"""Whether a file says the same on both sides, whatever its comments and layout. Pure."""

from __future__ import annotations

from typing import Any

from pipeline.errors import Problem
from pipeline.workspace import toml
from pipeline.workspace.tree import Tree


def same_yaml(path: str, before: Tree, after: Tree, ignored: frozenset[str] = frozenset()) -> bool:
    """Is a YAML file readable and the same on both sides, but for the `ignored` keys?"""
    old, new = (_yaml(tree.read(path), ignored) for tree in (before, after))
    return old is not None and bool(old == new)


def same_toml(path: str, before: Tree, after: Tree, ignored: frozenset[str] = frozenset()) -> bool:
    """The same for TOML; what is none is compared by its bytes."""
    old, new = (_toml(tree.read(path), ignored) for tree in (before, after))
    return bool(old == new)


def _toml(data: bytes | None, ignored: frozenset[str]) -> Any:
    content = toml.parse(data)
    return data if content is None else {key: value for key, value in content.items() if key not in ignored}


def _yaml(data: bytes | None, ignored: frozenset[str]) -> Any:
    from pipeline.manifest.document import compose

    problems: list[Problem] = []
    node = compose((data or b"").decode("utf-8", "replace"), "", problems)
    if node is None or problems:
        return None
    return {key: value for key, value in node.plain().items() if key not in ignored}
