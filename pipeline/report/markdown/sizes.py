"""How large packages are, and by how much that changed. Pure."""

from __future__ import annotations

from pipeline.report.markdown.text import code, row

_WORTH = 0.0005  # of the size before: less is no tenth of a percent
SIZES = ("service", "zip", "change")


def size_row(service: str, size: int | None, before: int | None) -> str:
    """A service's zip against that of the release before it; bytes."""
    now = "-" if size is None else kilobytes(size)
    if size is None or before is None:
        return row((code(service), now, "nothing to compare with"))
    grown = (size - before) / before if before else 0.0
    share = f" ({grown:+.1%})" if abs(grown) >= _WORTH else ""
    return row((code(service), now, f"{size - before:+,} B{share}" if size != before else "none"))


def kilobytes(size: int) -> str:
    """As people compare zips: `1,234.5 kB`."""
    return f"{size / 1000:,.1f} kB"
