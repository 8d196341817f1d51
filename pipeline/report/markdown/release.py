"""What a deploy did, for its job's summary: worst first, each walk over time, what was left alone and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.infra.model import when
from pipeline.release.walk.outcome import EXIT_CODES, WORST_FIRST
from pipeline.release.walk.view import ReleaseOutcome, ReleaseResult
from pipeline.report.markdown.blocks import SUMMARY, Block, document, in_bytes
from pipeline.report.markdown.links import commit_link
from pipeline.report.markdown.sizes import SIZES, size_row
from pipeline.report.markdown.text import code, counted, escaped, link, row
from pipeline.report.markdown.walk import CHARTS, Tracks, blocks
from pipeline.report.plan import cost_lines, what
from pipeline.report.text import duration

if TYPE_CHECKING:
    from pipeline.deploying.deployed import Deployed

MARKS: Mapping[ReleaseOutcome, str] = {
    "promoted": "✅ promoted",
    "rolled-back": "❌ rolled back",
    "rejected": "❌ rejected",
    "aborted": "❌ aborted",
    "failed": "❌ failed",
    "conflict": "⚠️ conflict",
    "held": "⏸️ held",
    "handed-over": "▶️ handed over",
    "skipped": "⏭️ skipped",
    "no-op": "🟰 nothing new",
}
IDLE: frozenset[ReleaseOutcome] = frozenset({"skipped", "no-op"})


def markdown(found: Deployed, tracks: Tracks, limit: int = SUMMARY, measure: Callable[[str], int] = in_bytes) -> str:
    """The summary; at most `limit` by `measure`."""
    rest = f"{code(f'crabwalk status --env {found.environment}')} shows all."
    head = f"## {_title(found)}\n\n"
    return document(head, _blocks(found, tracks), limit=limit, all_of_it=rest, measure=measure)


def worst_first(results: Sequence[ReleaseResult]) -> list[ReleaseResult]:
    """By how a deploy would end because of them; what was left alone is last."""
    return sorted(results, key=lambda one: (one.outcome in IDLE, WORST_FIRST.index(EXIT_CODES[one.outcome])))


def _title(found: Deployed) -> str:
    where = f"{escaped(found.project)} on {code(found.environment)}"
    if not found.results:
        end = f"; Terraform changed {counted(len(found.changed), 'stack')}" if found.changed else ""
        return f"{where}: {'interrupted' if found.interrupted else 'nothing to release'}{end}"
    outcomes = [one.outcome for one in worst_first(found.results)]
    sums = [f"{outcomes.count(one)} {MARKS[one].partition(' ')[2]}" for one in dict.fromkeys(outcomes)]
    return f"{where}: {', '.join([*sums, *(['interrupted'] if found.interrupted else [])])}"


def _blocks(found: Deployed, tracks: Tracks) -> Iterator[Block]:
    yield Block("", (f"Commit {commit_link(found.commit)}: {escaped(found.subject)}",))
    ordered = worst_first(found.results)
    told = [one for one in ordered if one.outcome not in IDLE]
    if told:
        yield Block("Releases", tuple(_told(one) for one in told), ("service", "", "version", "took", "why", "next"))
    idle = [one for one in ordered if one.outcome in IDLE]
    if idle:
        rows = tuple(row((code(one.service), MARKS[one.outcome], escaped(one.sentence), _next(one))) for one in idle)
        yield Block("Left alone", rows, ("service", "", "why", "next"))
    for number, one in enumerate(told):
        track = tracks.of(one.release_id)
        if track is not None:
            yield from blocks(track, chart=number < CHARTS)
    if found.sizes:
        sizes = tuple(size_row(one.service, one.size, one.before) for one in found.sizes)
        yield Block("Sizes", sizes, SIZES, fold=True)
    why = tuple(f"- {code(name)}: {escaped(reason)}" for name, reasons in found.affected for reason in reasons)
    if why:
        yield Block("Why these services", why, fold=True)
    yield from _infra(found)


def _infra(found: Deployed) -> Iterator[Block]:
    """What Terraform changed, what destroys first, and what that costs."""
    order = ("destroys", "walks", "at-once")
    changes = sorted(found.changes, key=lambda one: (order.index(one.effect), one.address))
    rows = tuple(row((code(one.service or "-"), when(one), code(what(one)))) for one in changes)
    if rows:
        stacks = ", ".join(code(one) for one in found.changed)
        yield Block(f"Terraform changed {stacks}", rows, ("service", "when", "change"), fold=True)
    costs = tuple(f"- {escaped(line)}" for name, one in found.costs for line in cost_lines(name, one))
    if costs:
        yield Block("Cost", costs, fold=True)


def _told(one: ReleaseResult) -> str:
    versions = f"{one.stable or 'none'} → {one.candidate}" if one.candidate else one.stable or "-"
    check = f"{escaped(one.check)}: " if one.check else ""
    return row(
        (
            code(one.service),
            MARKS[one.outcome],
            escaped(versions),
            duration(one.duration_s),
            check + escaped(one.sentence),
            _next(one),
        )
    )


def _next(one: ReleaseResult) -> str:
    address = f" · {link('open', one.url)}" if one.url else ""
    return escaped(one.next) + address
