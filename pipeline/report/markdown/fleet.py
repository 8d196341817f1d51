"""A fleet's release for the job's summary: what happened to it, and the matrix of targets and services. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.report.fleet import Seen, fleet_lines, matrix
from pipeline.report.markdown.blocks import SUMMARY, Block, document, in_bytes
from pipeline.report.markdown.text import code, escaped, row

if TYPE_CHECKING:
    from pipeline.fleet.plan import FleetRelease
    from pipeline.manifest.fleets import Fleet

MARKS = {"done": "✅", "stopped": "❌", "going-back": "⏪"}


def markdown(fleet: Fleet, release: FleetRelease, seen: Seen, limit: int = SUMMARY) -> str:
    """The whole, as long as it fits."""
    mark = MARKS.get(release.phase, "⏳")
    head = f"## {mark} {code(fleet.name)}: {escaped(release.phase)}\n\n"
    why = tuple(f"- {escaped(line.strip())}" for line in fleet_lines(fleet, release)[1:])
    columns, rows = matrix(fleet, release, seen)
    cells = tuple(row(tuple(escaped(cell) for cell in one)) for one in rows)
    blocks = [Block("", why), Block("", cells, tuple(escaped(one) for one in columns))]
    rest = f"{code(f'crabwalk status --env {fleet.name}')} shows all."
    return document(head, blocks, limit=limit, all_of_it=rest, measure=in_bytes)
