"""One thing that was looked for. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# `unsure`: it could not be told, or it will do with a reserve; only `missing` is a fault.
Status = Literal["ok", "missing", "unsure", "skipped"]


@dataclass(frozen=True)
class Finding:
    """What was looked for, and what was there. `how`: in what way a permission was asked; empty for all else."""

    part: str
    subject: str
    status: Status
    found: str
    needed: str
    fix: str = ""
    how: str = ""


def ok(part: str, subject: str, found: str, needed: str, *, how: str = "") -> Finding:
    """It is there."""
    return Finding(part, subject, "ok", found, needed, how=how)


def missing(part: str, subject: str, found: str, needed: str, fix: str, *, how: str = "") -> Finding:
    """It is not there, and something will fail without it."""
    return Finding(part, subject, "missing", found, needed, fix, how)


def unsure(part: str, subject: str, found: str, needed: str, fix: str = "", *, how: str = "") -> Finding:
    """It may be there, or may do."""
    return Finding(part, subject, "unsure", found, needed, fix, how)


def skipped(part: str, subject: str, why: str, needed: str) -> Finding:
    """It was not looked for."""
    return Finding(part, subject, "skipped", why, needed)
