"""The body of a comment or issue: a marker nobody sees, by which it is found again, and GitHub's limit. Pure."""

from __future__ import annotations

import re

# https://github.com/orgs/community/discussions/27190: "body is too long (maximum is 65536 characters)"
LIMIT = 65_536
_CUT = "\n\n*Cut here: the whole text is in the job's summary.*\n"
_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})", re.MULTILINE)
_ROOM = 200  # for what has to be closed


def marker(project: str, environment: str, matter: str) -> str:
    """The first line of what is ours; `matter` tells several of one environment apart."""
    plain = re.sub(r"[^a-z0-9]+", "-", matter.lower()).strip("-")
    return f"<!-- crabwalk {project}/{environment} {plain} -->"


def body(mark: str, text: str) -> str:
    """`text` below its marker, cut at a line where it is too long, with what is open there closed."""
    whole = f"{mark}\n{text.strip()}\n"
    if len(whole) <= LIMIT:
        return whole
    kept = whole[: LIMIT - len(_CUT) - _ROOM]
    kept = kept[: kept.rfind("\n")] if "\n" in kept[len(mark) + 1 :] else kept
    return kept + _closed(kept) + _CUT


def _closed(text: str) -> str:
    """What ends an open code block and open details."""
    fence = ""
    for found in _FENCE.finditer(text):
        if not fence:
            fence = found[1]
        elif found[1].startswith(fence):
            fence = ""
    open_details = max(0, text.count("<details") - text.count("</details>"))
    return (f"\n{fence}" if fence else "") + "\n</details>" * min(open_details, 8)
