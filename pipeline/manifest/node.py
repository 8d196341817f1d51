"""A YAML file's tree, in which every value and key knows its file, line and column, and the words for what is wrong.

Light on purpose: `rollback` reads the project file by it, so nothing here imports PyYAML.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from pipeline.errors import Problem

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
