"""One YAML file as a tree in which every value and key knows its file, line and column.

Light on purpose: `rollback` reads the project file through it, so PyYAML is only imported when a file is composed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pipeline.errors import Problem

MAX_BYTES = 64 * 1024
MAX_FAULTS = 50  # of one file: nobody reads more, and each costs a search for what was meant
_LONGEST_SAID = 400  # characters of a message or hint
_MOST_NAMED = 24  # names in a hint

Scalar = str | int | float | bool | None


class Mark(NamedTuple):
    """A 1-based place in a file."""

    file: str
    line: int
    column: int

    def problem(self, what: str, instead: str = "") -> Problem:
        """One line, whatever the file holds: what cannot be printed is written out, so that no terminal obeys it."""
        return Problem(self.file, self.line, self.column, _readable(what), _readable(instead))


def _readable(text: str) -> str:
    if len(text) > _LONGEST_SAID:
        text = f"{text[: _LONGEST_SAID - 3]}..."
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


class Node(NamedTuple):
    """A scalar (`text` is what the author wrote), a list or a mapping, and where it begins."""

    mark: Mark
    value: Scalar | tuple[Node, ...] | dict[str, Node]
    text: str = ""
    keys: Mapping[str, Mark] = MappingProxyType({})

    @property
    def mapping(self) -> Mapping[str, Node] | None:
        return self.value if isinstance(self.value, dict) else None

    @property
    def items(self) -> tuple[Node, ...] | None:
        return self.value if isinstance(self.value, tuple) else None

    def plain(self) -> Any:
        """The value without marks, as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, tuple):
            return [child.plain() for child in self.value]
        return self.value

    def shown(self) -> str:
        """The value as a message quotes it."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, tuple):
            return "a list"
        if self.value is None and self.text in {"", "~", "null"}:
            return "nothing"
        return f"`{self.text if len(self.text) <= 60 else self.text[:57] + '...'}`"


def bounded(problems: Iterable[Problem]) -> list[Problem]:
    """The first of each file, by line, and how many more it has."""
    kept: list[Problem] = []
    by_file: dict[str, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    for found in by_file.values():
        ordered = sorted(found)
        kept.extend(ordered[:MAX_FAULTS])
        if len(ordered) > MAX_FAULTS:
            left = f"from here on {len(ordered) - MAX_FAULTS} more"
            kept.append(replace(ordered[MAX_FAULTS], what=left, instead=""))
    return kept


def nearest(word: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown word."""
    return _nearest(word, tuple(sorted(known)))


@lru_cache(maxsize=1024)
def _nearest(word: str, choices: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    named = choices if len(choices) <= _MOST_NAMED else (*choices[: _MOST_NAMED - 1], "...")
    return f"known: {', '.join(named)}" if choices else ""


def read_document(path: Path, name: str, problems: list[Problem]) -> Node | None:
    """Composes one file; faults go to `problems`, and None comes back when the file as a whole is unusable."""
    top = Mark(name, 1, 1)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        problems.append(top.problem(f"cannot be read: {error.strerror}"))
        return None
    if len(raw) > MAX_BYTES:
        problems.append(top.problem(f"larger than {MAX_BYTES // 1024} KB, which no manifest needs"))
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", "replace")
        mark = Mark(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        problems.append(mark.problem("not UTF-8", "save the file as UTF-8"))
        return None
    return compose(text, name, problems)


def compose(text: str, name: str, problems: list[Problem]) -> Node | None:
    """Composes the text of one file; the top must be a mapping."""
    from pipeline.manifest.composer import Composer, Refused

    found: list[Problem] = []
    try:
        node = Composer(text, name, found).document()
    except Refused as refused:
        problems.extend([*found, refused.problem])
        return None
    problems.extend(found)
    if node is None:
        problems.append(Mark(name, 1, 1).problem("the file is empty"))
        return None
    if node.mapping is None:
        problems.append(node.mark.problem(f"the file must be a mapping (`key: value` lines), not {node.shown()}"))
        return None
    return node
