"""Entries of the history for people: when, what, how it ended, who, on which evidence, who asked what. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipeline.release import words
from pipeline.release.around.transitions import BY_HAND
from pipeline.release.ledger.records import Entry
from pipeline.release.model import REJECTS
from pipeline.report.text import duration, odds, one_line, percent

ASKED = {
    "promote": "promoted",
    "full": "promoted to all traffic",
    "pause": "paused",
    "resume": "resumed",
    "abort": "aborted",
}


def entry_lines(entry: Entry) -> list[str]:
    """Plain lines: the headline first."""
    took = "" if entry.ended <= entry.started else f", in {duration(entry.ended - entry.started)}"
    lines = [_headline(entry), _field("by", f"{who(entry.actor, entry.claimed_actor)}{took}")]
    steps = ", ".join(f"{percent(one['traffic'])} {_clock(one['started'])}" for one in entry.steps)
    for label, text in (
        ("steps", steps),
        ("check", _check(entry.evidence)),
        ("why", one_line(entry.sentence)),
        ("reason", one_line(entry.reason) if entry.kind != "release" and entry.reason != "by hand" else ""),
    ):
        if text:
            lines.append(_field(label, text))
    lines += [_field("asked", _asked(one)) for one in entry.orders]
    return lines


def ended(entry: Entry) -> str:
    """How it ended. Entries from before there was a word for it call what was rejected rolled back."""
    before_traffic = entry.kind == "release" and entry.reason in REJECTS
    return "rejected" if before_traffic else entry.outcome


def who(actor: str, claimed: str | None) -> str:
    """Who it was: what STS says, shortened, and what GitHub says."""
    return words.who(one_line(actor), one_line(claimed) if claimed else None)


def _headline(entry: Entry) -> str:
    at = words.moment(entry.started)
    old, new = entry.stable or "none", entry.candidate or "none"
    versions = f"version {new} → {old}" if entry.kind == "rollback" else f"version {old} → {new}"
    if entry.candidate is None:
        versions = f"version {old}"
    said = ended(entry).replace("-", " ") + (" by hand" if entry.kind == "rollback" else "")
    if entry.kind == "release" and entry.reason == BY_HAND:  # the rollback has an entry of its own
        said = f"release ended, {BY_HAND}"
    commit = f", {one_line(entry.commit or '')[:12]}" if entry.commit else ""
    subject = f" {one_line(entry.subject)}" if entry.subject else ""
    return f"{at} {one_line(entry.service)}: {said}, {versions}{commit}{subject}"


def _check(evidence: dict[str, Any]) -> str:
    """Which check decided, and how strongly."""
    if not evidence.get("outcome"):
        return ""
    name = str(evidence.get("check") or "errors")
    verdict = f"{name}: {evidence['outcome']} ({evidence.get('reason') or 'evidence'})"
    return f"{verdict}, e-value {odds(float(evidence['e_value']))}" if "e_value" in evidence else verdict


def _asked(order: dict[str, Any]) -> str:
    what = ASKED.get(str(order.get("kind")), str(order.get("kind")))
    by = who(str(order.get("actor", "")), order.get("claimed_actor"))
    reason = f": {one_line(str(order['reason']))}" if order.get("reason") else ""
    return f"{_clock(float(order.get('at', 0.0)))} {by} {what}{reason}"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _field(label: str, text: str) -> str:
    return f"  {label:<8}{text}"
