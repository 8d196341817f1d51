"""When nothing goes forward: quiet hours of the week and declared freezes. Pure; going back is always possible."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.release.terms import Quiet, Terms
from pipeline.release.words import moment

DAY_MIN = 1440


def closed(terms: Terms, now: float) -> str | None:
    """Why nothing goes forward at `now` (epoch seconds), and until when; None when the way is free."""
    freeze = next((one for one in terms.freezes if one.start <= now < one.end), None)
    if freeze is not None:
        why = f" ({freeze.reason})" if freeze.reason else ""
        return f"frozen until {moment(freeze.end)}{why}"
    end = next((end for one in terms.quiet if (end := _until(one, now)) is not None), None)
    return f"quiet hours until {end:%a %H:%M} {end.tzname()}" if end is not None else None


def _until(quiet: Quiet, now: float) -> datetime | None:
    """The end of the quiet hours that `now` lies in; they may have begun the day before."""
    here = datetime.fromtimestamp(now, ZoneInfo(quiet.zone))
    length = (quiet.end - quiet.start) % DAY_MIN or DAY_MIN
    for back in (0, 1):
        day = here - timedelta(days=back)
        if day.weekday() not in quiet.days:
            continue
        # Wall-clock arithmetic: 22:00 to 06:00 stays that when the clocks change.
        start = day.replace(hour=quiet.start // 60, minute=quiet.start % 60, second=0, microsecond=0)
        end = start + timedelta(minutes=length)
        if start.timestamp() <= now < end.timestamp():
            return end
    return None
