"""The four DORA figures for people, with of how many releases each is made. Pure."""

from __future__ import annotations

from pipeline.release.ledger.dora import Figures
from pipeline.report.text import duration, percent


def figure_lines(found: Figures, span_s: float) -> list[str]:
    """One line a figure; where there is nothing to count it says so."""
    span = duration(span_s) if span_s < 172_800 else f"{span_s / 86_400:.0f} days"
    nothing = f"no releases in {span}"
    often = lead = rate = restore = nothing
    if found.per_day is not None:
        many = f"{found.deployments} release{'s' if found.deployments != 1 else ''} in {span}"
        often = f"{many}, {found.per_day:.2g} a day"
        lead = "no release's commit time is known"
    if found.lead_time_s is not None:
        lead = f"{duration(found.lead_time_s)}, median of {found.lead_time_n}"
    if found.failure_rate is not None:
        rate = f"{percent(found.failure_rate)}, {found.failures} of {found.changes}"
        restore = "nothing was taken back"
    if found.restore_s is not None:
        restore = f"{duration(found.restore_s)}, median of {found.restore_n}"
    return [
        f"  deployment frequency   {often}",
        f"  lead time for changes  {lead}",
        f"  change failure rate    {rate}",
        f"  time to restore        {restore}",
    ]
