"""The job's summary under GitHub Actions: what a verb did, as Markdown in the file `GITHUB_STEP_SUMMARY` names. Light.

GitHub refuses a step's summary of more than 1 MiB, all of it, so several verbs of one step share that room. A summary
that cannot be written is warned of and ends no verb.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.report.markdown.blocks import SUMMARY

if TYPE_CHECKING:
    from pipeline.errors import CrabwalkError

VARIABLE = "GITHUB_STEP_SUMMARY"
_LEAST = 1_000  # bytes: below it nothing is begun
_FULL = "\n> This summary is full; the job's log has the rest.\n"
_KEPT_FREE = 200  # bytes, for the line above


def wanted() -> bool:
    """Whether there is anybody to write a summary for."""
    return bool(os.environ.get(VARIABLE))


def room() -> int:
    """How many bytes may still be appended."""
    try:
        return max(0, SUMMARY - _KEPT_FREE - Path(os.environ.get(VARIABLE, "")).stat().st_size)
    except OSError:
        return SUMMARY - _KEPT_FREE


def append(text: str) -> None:
    """Append Markdown to the summary, if there is one; what is too long is cut between lines, and that is said."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8", errors="replace") as summary:
            summary.write(_fitting(text.rstrip("\n") + "\n\n", room()))
    except (OSError, ValueError) as error:
        from pipeline.report.console import Console

        Console(json=True).warn(f"the job's summary cannot be written: {error}")


def summarize(render: Callable[[int], str]) -> None:
    """Append what `render` makes for so many bytes; nothing is rendered where nobody wants it."""
    if wanted():
        append(render(max(_LEAST, room() - 2)))


def fault(arguments: list[str], error: CrabwalkError) -> None:
    """Say in the summary what ended a verb. Never the arguments: they may be a secret."""

    def render(limit: int) -> str:
        from pipeline.report.markdown.fault import markdown

        return markdown(next((one for one in arguments if not one.startswith("-")), ""), error, limit)

    summarize(render)


def write_comment(path: Path, text: str) -> None:
    """Write what is to be posted, whole or not at all; UsageError where that cannot be."""
    write_document(path, text, "comment")


def write_document(path: Path, text: str, what: str) -> None:
    """Write a file, whole or not at all; UsageError, which says `what` it was, where that cannot be."""
    from pipeline.errors import UsageError

    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.write_text(text, encoding="utf-8", errors="replace")
        half.replace(path)
    except (OSError, ValueError) as error:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"the {what} cannot be written: {reason}", where=str(path)) from error


def _fitting(text: str, left: int) -> str:
    """As many whole lines as fit; an opened fence or triangle is closed."""
    if len(text.encode()) <= left:
        return text
    made, used = [], 0
    for line in text.splitlines(keepends=True):
        used += len(line.encode())
        if used > left - _KEPT_FREE:
            break
        made.append(line)
    shown = "".join(made)
    fence = "```\n" if sum(line.startswith("```") for line in made) % 2 else ""
    triangle = "\n</details>\n" if shown.count("<details>") > shown.count("</details>") else ""
    return shown + fence + triangle + (_FULL if left > 0 else "")
