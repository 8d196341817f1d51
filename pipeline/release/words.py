"""What light modules need of the release engine's words: the alias's name, a share of traffic for people."""

from __future__ import annotations

ALIAS = "live"


def percent(share: float) -> str:
    """A share of traffic in words; half a percent is not 0 %."""
    return f"{share * 100:.6g} %"
