"""A fault that ended a verb, for the job's summary: what, where, what to do next. Pure and light."""

from __future__ import annotations

from pipeline.errors import CrabwalkError, ManifestError
from pipeline.report.markdown.blocks import SUMMARY, Block, document, in_bytes
from pipeline.report.markdown.text import code, escaped, row

_LONG = 4_000  # a compiler's or Terraform's own words


def markdown(verb: str, fault: CrabwalkError, limit: int = SUMMARY) -> str:
    """The summary, in bytes at most `limit`."""
    first, *more = fault.what.splitlines() or [""]
    lines = [escaped(first)]
    lines += [f"<br>{escaped(one)}" for one in more[:40]]
    if fault.where:
        lines.append(f"\nat {code(fault.where)}")
    if fault.hint:
        lines.append(f"\n**Next:** {escaped(fault.hint, _LONG)}")
    problems: tuple[str, ...] = ()
    if isinstance(fault, ManifestError):
        problems = tuple(
            row((code(f"{one.file}:{one.line}:{one.column}"), escaped(one.what), escaped(one.instead)))
            for one in fault.problems
        )
    blocks = [Block("", tuple(lines))]
    if problems:
        blocks.append(Block("Problems", problems, ("where", "what", "instead")))
    head = f"## ❌ {code(f'crabwalk {verb}')} failed\n\n"
    rest = "The job's log has all."
    return document(head, blocks, limit=limit, all_of_it=rest, measure=in_bytes)
