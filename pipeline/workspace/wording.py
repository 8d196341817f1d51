"""How changes are named in reasons: a few of them, and what happened to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.workspace.git import Change, shown
from pipeline.workspace.model import File, Reason

UNREADABLE = "U"  # a status beside git's: the file is there and says nothing that can be compared
_VERBS = {"A": "was added", "D": "was deleted", UNREADABLE: "cannot be read"}
_MARKS = {"A": " (added)", "D": " (deleted)", UNREADABLE: " (cannot be read)"}
_CHANGES = {"A": "added", "D": "deleted", UNREADABLE: "unreadable"}
SHOWN = 3


@dataclass(frozen=True)
class Item:
    """One file that changed: its path, what happened to it, and where only some of its keys count, which."""

    path: str
    status: str = "M"
    keys: str = ""

    @classmethod
    def of(cls, change: Change) -> Item:
        return cls(shown(change.path), change.status)

    @property
    def text(self) -> str:
        return f"{self.path}: {self.keys}" if self.keys else self.path

    @property
    def marked(self) -> str:
        return self.text + _MARKS.get(self.status, "")

    @property
    def file(self) -> File:
        return File(self.path, _CHANGES.get(self.status, "changed"))


def by_name(item: Item) -> str:
    return item.text


def because(kind: str, detail: str, way: Sequence[str], items: Sequence[Item]) -> Reason:
    """A reason that ends in files."""
    files = dict.fromkeys(item.file for item in items)
    return Reason(kind, detail, (*way, few([item.marked for item in items])), tuple(files))


def sentence(items: Sequence[Item]) -> str:
    if len(items) == 1:
        return f"{items[0].text} {_VERBS.get(items[0].status, 'changed')}"
    return f"{few([item.text for item in items])} changed"


def few(words: Sequence[str]) -> str:
    """The first three, and how many more."""
    if len(words) <= SHOWN:
        return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"{', '.join(words[:SHOWN])} and {len(words) - SHOWN} more"
