"""Drift as an issue's body that is updated in place, and as a job's summary. Never the value of an attribute. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pipeline.infra.drift import StackDrift
from pipeline.report.drift import EDITED, about
from pipeline.report.markdown.blocks import COMMENT, Block, document
from pipeline.report.markdown.links import commit_link
from pipeline.report.markdown.text import code, counted, escaped, row

_ORDER = ("drifted", "unread", "changed", "clean")


def markdown(
    env: str,
    commit: str,
    found: Sequence[StackDrift],
    limit: int = COMMENT,
    measure: Callable[[str], int] = len,
) -> str:
    """The stacks that drifted first; at most `limit` by `measure`."""
    rest = f"{code(f'crabwalk drift --env {env}')} shows all."
    head = f"## Drift in {code(env)}\n\n"
    return document(head, _blocks(env, commit, found), limit=limit, all_of_it=rest, measure=measure)


def _blocks(env: str, commit: str, found: Sequence[StackDrift]) -> Iterator[Block]:
    drifted = [one for one in found if one.state == "drifted"]
    lines = [f"{counted(len(drifted), 'stack')} of {len(found):,} drifted. Compared with {commit_link(commit)}."]
    if drifted:
        verb = code(f"crabwalk drift --env {env} --reapply")
        lines += ["", f"Undo it by hand, or {verb} and the next deploy does."]
    yield Block("", tuple(lines))
    rows = tuple(line for one in sorted(found, key=lambda one: _ORDER.index(one.state)) for line in _rows(one))
    if rows:
        yield Block("Stacks", rows, ("stack", "what", "resource"))


def _rows(one: StackDrift) -> Iterator[str]:
    stack = code(one.stack)
    for change in one.found.drift:
        yield row((stack, f"**{EDITED[change.action]}**", code(about(change))))
    for change in one.found.follows:
        yield row((stack, f"because of it ({change.action})", code(about(change))))
    if one.error is not None:
        yield row((stack, "not looked at", escaped(one.error)))
    for change in one.found.changes:
        yield row((stack, f"to be changed ({change.action})", code(about(change))))
    if not one.declared:
        yield row((stack, "no manifest any more", escaped(", ".join(one.services))))
