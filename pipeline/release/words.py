"""What light modules need of the release engine's words: the alias's name, a share of traffic, a time, who it was."""

from __future__ import annotations

import time

ALIAS = "live"
STALE = "AWS answers with the alias as it was before crabwalk's own last write"


def percent(share: float) -> str:
    """A share of traffic in words; half a percent is not 0 %."""
    return f"{share * 100:.6g} %"


def moment(at: float, *, seconds: bool = False) -> str:
    """A time (epoch seconds) as people compare it."""
    return time.strftime(f"%Y-%m-%d %H:%M{':%S' if seconds else ''} UTC", time.gmtime(at))


def who(actor: str, claimed_actor: str | None) -> str:
    """Who it was, for a line: what STS said, without the account, and what GitHub did. JSON has the whole ARN."""
    short = actor.rsplit(":", 1)[-1] or "unknown"
    return f"{short} (GitHub says {claimed_actor})" if claimed_actor else short
