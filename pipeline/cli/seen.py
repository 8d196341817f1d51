"""Ids of releases and plans that verbs showed last, so that a shell can complete them without asking AWS.

Kept in the project's `.crabwalk`, where that is. Nothing else may read it: what it names may be gone, and it lacks what
others made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

KEPT = 30


def remember(project: Path, kind: str, ids: Iterable[str | None]) -> None:
    """Put ids in front of those known; a folder that cannot be written is nobody's concern here."""
    fresh = [one for one in ids if one]
    if not fresh:
        return
    known = seen(project)
    known = {**known, kind: list(dict.fromkeys((*fresh, *known.get(kind, ()))))[:KEPT]}
    with suppress(OSError):
        _file(project).write_text(json.dumps(known))


def seen(project: Path) -> Mapping[str, list[str]]:
    """The ids by their kind, the latest first."""
    try:
        found = json.loads(_file(project).read_bytes())
        return {str(kind): [str(one) for one in ids] for kind, ids in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _file(project: Path) -> Path:
    return project / ".crabwalk" / "seen.json"
