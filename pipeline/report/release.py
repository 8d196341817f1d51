"""The end of a release for people: what happened, on which evidence, what to do next. Decides no exit code."""

from __future__ import annotations

from pipeline.release.judge.judge import Counts
from pipeline.release.walk.view import ReleaseResult
from pipeline.report.console import Console
from pipeline.report.text import clean, duration, one_line, percent

LABEL = 10


def result_lines(result: ReleaseResult) -> list[str]:
    """Plain lines: the headline first, what to do next last."""
    lines = [_headline(result)]
    if result.check:
        lines.append(_field("check", result.check))
    if result.sentence:
        lines.append(_field("numbers" if result.canary else "why", result.sentence))
    if result.canary is not None and result.candidate is not None:
        failed = _failed(result.canary, result.candidate)
        if result.baseline is not None and result.stable is not None:
            failed += f"; {_failed(result.baseline, result.stable)}"
        lines.append(_field("failed", failed))
    if result.url:
        lines.append(_field("answers", result.url))
    if result.next:
        lines.append(_field("next", result.next))
    return lines


def show_result(console: Console, result: ReleaseResult) -> None:
    """The same lines, the headline in the colour of the outcome."""
    head, *rest = result_lines(result)
    if result.outcome in {"rolled-back", "rejected", "aborted", "failed", "conflict"}:
        console.bad(head)
    elif result.outcome == "promoted":
        console.good(head)
    else:
        console.title(head)
    for line in rest:
        console.words(line)


def _headline(result: ReleaseResult) -> str:
    service, commit = one_line(result.service), one_line(result.commit)[:7]
    new = f"version {result.candidate}" if result.candidate else "the new version"
    old = f"version {result.stable}" if result.stable else "no version"
    took = duration(result.duration_s)
    said = {
        "promoted": f"{new} promoted after {took}, it has all the traffic",
        "rolled-back": f"{new} rolled back after {took}, {old} has all the traffic again",
        "rejected": f"{new} rejected after {took}, no traffic was moved",
        "aborted": f"{new} aborted after {took}, {old} has all the traffic again",
        "held": f"{new} held after {took}, the traffic stays where it is",
        "conflict": f"conflict after {took}, nothing more was changed",
        "skipped": "skipped",
        "handed-over": f"handed over after {took}, the walk goes on",
        "no-op": f"nothing to release, {old} is what this commit builds",
        "failed": f"failed after {took}",
    }[result.outcome]
    return f"{service} ({one_line(result.environment)}, {commit}): {said}"


def _field(label: str, text: str) -> str:
    return f"  {label:<{LABEL - 2}}{clean(text)}".replace("\n", "\n" + " " * LABEL)


def _failed(counts: Counts, version: str) -> str:
    requests = f"{counts.n:,} request{'s' if counts.n != 1 else ''}"
    rate = f" ({percent(counts.rate)})" if counts.n else ""
    return f"{counts.bad:,} of {requests} to version {version}{rate}"
