"""The rules of two manifests for one bucket as one list S3 takes: it refuses two that fit the same object. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Fit = tuple[str, str]  # what a key begins with, and what it ends with


def united_rules(new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All that either asks for. Where both fit an object without being the same, one wider rule stands for the two.

    What the wider one tells besides, the function sees for as long as both versions may run.
    """
    events = dict.fromkeys(event for rule in (*new, *old) for event in rule["events"])
    fits: dict[Fit, list[str]] = {}
    for event in events:
        for fit in _apart((rule["prefix"], rule["suffix"]) for rule in (*new, *old) if event in rule["events"]):
            fits.setdefault(fit, []).append(event)
    return [{"events": told, "prefix": prefix, "suffix": suffix} for (prefix, suffix), told in fits.items()]


def _apart(fits: Iterable[Fit]) -> list[Fit]:
    """As few as fit all of these objects, and no object twice."""
    apart: list[Fit] = []
    for fit in fits:
        wide = fit
        while met := [other for other in apart if _meet(wide, other)]:
            at = apart.index(met[0])
            wide = min(wide[0], met[0][0], key=len), min(wide[1], met[0][1], key=len)
            del apart[at]
        apart.append(wide)
    return apart


def _meet(one: Fit, other: Fit) -> bool:
    return (one[0].startswith(other[0]) or other[0].startswith(one[0])) and (
        one[1].endswith(other[1]) or other[1].endswith(one[1])
    )
