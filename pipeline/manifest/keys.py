"""Reads the keys of a file's node, with a problem for each that is wrong. Light, as `rollback` imports it."""

from __future__ import annotations

from pipeline.errors import Problem
from pipeline.manifest.node import Node, nearest


def unknown_keys(node: Node, known: tuple[str, ...], path: str, problems: list[Problem]) -> None:
    """Adds a problem for every key of `node` that is not `known`."""
    problems.extend(
        mark.problem(f"{path}unknown key `{key}`", nearest(key, known))
        for key, mark in node.keys.items()
        if key not in known
    )


def text(node: Node, key: str, problems: list[Problem], *, path: str = "", required: bool = False) -> str | None:
    child = (node.mapping or {}).get(key)
    if child is None:
        if required:
            problems.append(node.mark.problem(f"{path}the key `{key}` is missing"))
        return None
    if not isinstance(child.value, str) or not child.value:
        instead = f'write "{child.text}" in quotes' if child.text else ""
        problems.append(child.mark.problem(f"{path}{key}: must be text, not {child.shown()}", instead))
        return None
    return child.value
