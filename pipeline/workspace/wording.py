"""How changes are named in reasons: a few of them, and what happened to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.workspace.git import Change, shown

_VERBS = {"A": "was added", "D": "was deleted"}
_MARKS = {"A": " (added)", "D": " (deleted)"}
SHOWN = 3


@dataclass(frozen=True)
class Item:
    """One thing that changed: how a chain names it, and what happened to it."""

    text: str
    status: str = "M"

    @classmethod
    def of(cls, change: Change) -> Item:
        return cls(shown(change.path), change.status)

    @property
    def marked(self) -> str:
        return self.text + _MARKS.get(self.status, "")


def by_name(item: Item) -> str:
    return item.text


def sentence(items: Sequence[Item]) -> str:
    if len(items) == 1:
        return f"{items[0].text} {_VERBS.get(items[0].status, 'changed')}"
    return f"{few([item.text for item in items])} changed"


def few(words: Sequence[str]) -> str:
    """The first three, and how many more."""
    if len(words) <= SHOWN:
        return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"{', '.join(words[:SHOWN])} and {len(words) - SHOWN} more"
