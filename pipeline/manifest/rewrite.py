"""Writes one value into a manifest as a person would: everything else stays, comments and layout too. Pure.

The value is changed at its mark, or a line is added where the key is missing; the text is read again, and what does not
say the new value then is refused.
"""

from __future__ import annotations

from pipeline.errors import CrabwalkError, Problem
from pipeline.manifest.document import compose
from pipeline.manifest.node import Mark, Node

QUOTES = "\"'"


def with_memory(text: str, name: str, environment: str, memory_mb: int) -> str:
    """The manifest's text with this memory, in the environment's overlay where that has its own.

    Raises CrabwalkError where the file is not written so that it can be changed at one place.
    """
    value = f"{memory_mb} MB"
    top = _composed(text, name)
    overlay = _overlay(top, environment)
    holder = overlay if overlay is not None and "memory" in (overlay.mapping or {}) else top
    old = (holder.mapping or {}).get("memory")
    made = _added(text, top, value) if old is None else _replaced(text, old, value)
    after = _composed(made, name) if made is not None else None
    where = None if after is None else (_overlay(after, environment) if holder is overlay else after)
    if made is None or where is None or _plain(where) != value or _others(after) != _others(top):
        raise CrabwalkError(
            "the memory cannot be written here without changing anything else",
            where=name,
            hint=f"write `memory: {value}` yourself",
        )
    return made


def _composed(text: str, name: str) -> Node:
    problems: list[Problem] = []
    node = compose(text, name, problems)
    if node is None or problems:
        raise CrabwalkError("the manifest cannot be read", where=name, hint="crabwalk check")
    return node


def _overlay(top: Node, environment: str) -> Node | None:
    overlays = (top.mapping or {}).get("overlays")
    return (overlays.mapping or {}).get(environment) if overlays is not None else None


def _plain(holder: Node) -> object:
    found = (holder.mapping or {}).get("memory")
    return found.value if found is not None else None


def _others(top: Node | None) -> object:
    """Everything but memory sizes."""
    plain = top.plain() if top is not None else None
    if isinstance(plain, dict):
        plain.pop("memory", None)
        for overlay in (plain.get("overlays") or {}).values():
            if isinstance(overlay, dict):
                overlay.pop("memory", None)
    return plain


def _replaced(text: str, old: Node, value: str) -> str | None:
    at = _offset(text, old.mark)
    quote = text[at] if text[at : at + 1] and text[at] in QUOTES else ""
    start = at + len(quote)
    if text[start : start + len(old.text)] != old.text:
        return None
    return text[:start] + value + text[start + len(old.text) :]


def _added(text: str, top: Node, value: str) -> str | None:
    """On a line of its own below `name`."""
    mark = top.keys.get("name")
    if mark is None or mark.column != 1:
        return None
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if lines[mark.line - 1].endswith("\r\n") else "\n"
    if not lines[mark.line - 1].endswith("\n"):
        lines[mark.line - 1] += ending
    lines.insert(mark.line, f"memory: {value}{ending}")
    return "".join(lines)


def _offset(text: str, mark: Mark) -> int:
    lines = text.splitlines(keepends=True)
    return sum(len(line) for line in lines[: mark.line - 1]) + mark.column - 1
