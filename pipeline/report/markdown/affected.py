"""Which services a change affects, and why, for the job's summary. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.report.markdown.blocks import SUMMARY, Block, document, in_bytes
from pipeline.report.markdown.links import commit_link
from pipeline.report.markdown.text import code, counted, escaped, row

if TYPE_CHECKING:
    from pipeline.workspace.affected import Affected


def markdown(commit: str, found: Sequence[Affected], removed: Sequence[str], limit: int = SUMMARY) -> str:
    """The summary, in bytes at most `limit`."""
    some = [one for one in found if one.affected]
    head = f"## {counted(len(some), 'service')} of {len(found):,} affected by {commit_link(commit)}\n\n"
    rest = "`crabwalk affected` shows all."
    return document(head, _blocks(some, found, removed), limit=limit, all_of_it=rest, measure=in_bytes)


def _blocks(some: Sequence[Affected], found: Sequence[Affected], removed: Sequence[str]) -> Iterator[Block]:
    rows = tuple(
        row((code(one.service), "<br>".join(escaped(reason.shown) for reason in one.reasons[:_SHOWN]) + _more(one)))
        for one in some
    )
    if rows:
        yield Block("", rows, ("service", "why"))
    if removed:
        yield Block("Their manifests are gone", tuple(f"- {code(one)}" for one in removed))
    others = tuple(f"- {code(one.service)}" for one in found if not one.affected)
    if others:
        yield Block("Not affected", others, fold=True)


_SHOWN = 5  # reasons of one service


def _more(one: Affected) -> str:
    left = len(one.reasons) - _SHOWN
    return f"<br>… and {left:,} more" if left > 0 else ""
