"""The status of services for people: a headline each, then what is known, what happens next, what can be done. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.release.ledger.records import Frozen
from pipeline.release.verbs.status import NOTHING, Approval, ServiceStatus
from pipeline.release.words import moment
from pipeline.report.history import who
from pipeline.report.text import odds, one_line, percent

LABEL = 11
LAST = 110  # characters


def status_lines(found: ServiceStatus, width: int | None = None) -> list[str]:
    """Plain lines, the headline first; `width`: of a terminal, where long ones are folded below their label."""
    lines = [f"{one_line(found.service)}: {found.state.replace('-', ' ')}{_traffic(found)}"]
    return [folded for line in (*lines, *_fields(found)) for folded in _fold(line, width)]


def _fields(found: ServiceStatus) -> Iterator[str]:
    commit = f" of {found.commit[:12]}" if found.commit else ""
    rang = ", ".join(found.ringing)
    known = {
        "release": f"{found.release}{commit}" if found.release is not None else _unknown(found),
        "last": _last(found) if found.last is not None else None,
        "now": found.doing if found.doing != NOTHING else None,
        "steps": _steps(found) if found.step is not None and found.steps else None,
        "paused": _paused(found.paused) if found.paused is not None else None,
        "approval": _approval(found.approval) if found.approval is not None else None,
        "quiet": found.quiet,
        "frozen": _frozen(found.frozen) if found.frozen is not None else None,
        "alarms": f"rang before the walk, not counted: {rang}" if rang else None,
        "evidence": _evidence(found.evidence) if found.evidence is not None else None,
        "then": found.then,
        "answers": found.url,
        "next": found.next,
    }
    yield from (f"  {label:<{LABEL - 2}}{one_line(text)}" for label, text in known.items() if text)


def _last(found: ServiceStatus) -> str:
    """How the last release ended, in a line; the history has all of it."""
    said = one_line(found.last or "")
    short = textwrap.shorten(said, LAST, placeholder=" …")
    return said if short == said else f"{short} (`crabwalk history {found.service}` has the rest)"


def _unknown(found: ServiceStatus) -> str | None:
    return "-" if found.state == "rolled-back" else None


def _paused(one: Mapping[str, Any]) -> str:
    reason = f": {one['reason']}" if one["reason"] else ""
    return f"since {moment(one['since'])} by {who(one['actor'], one['claimed_actor'])}{reason}"


def _approval(one: Approval) -> str:
    may = f" by {', '.join(one.approvers)}" if one.approvers else ""
    return f"of {percent(one.traffic)}{may}, asked {moment(one.since)}, until {moment(one.until)}: {one.command}"


def _evidence(one: Mapping[str, Any]) -> str:
    numbers = f"e-value {odds(float(one['e_value']))}, worse at {odds(float(one['limit']))}"
    named = f"{one['check']}: " if one.get("check") else ""
    return f"{one['sentence']} ({named}{one['outcome']}, {numbers})"


def _traffic(found: ServiceStatus) -> str:
    shares = ", ".join(f"version {version} {percent(share)}" for version, share in found.traffic.items())
    return f", {shares}" if shares else ""


def _steps(found: ServiceStatus) -> str:
    """Every declared step, the current one marked."""
    names = [percent(share) for share in (*found.steps, 1.0)]
    return " → ".join(f"[{name}]" if index == found.step else name for index, name in enumerate(names))


def _frozen(mark: Frozen) -> str:
    what = f"rolled back version {mark.version}" if mark.version else "rolled back"
    if mark.at == 0:
        return f"somebody {what}; who and why is not recorded"
    reason = f": {mark.reason}" if mark.reason else ""
    return f"since {moment(mark.at)}: {who(mark.actor, mark.claimed_actor)} {what}{reason}"


def _fold(line: str, width: int | None) -> list[str]:
    if width is None or len(line) <= width:
        return [line]
    return textwrap.wrap(
        line, max(width, 30), subsequent_indent=" " * LABEL, break_long_words=False, break_on_hyphens=False
    )
