"""What was judged by the second, kept in the ledger: CloudWatch forgets seconds after three hours.

`crabwalk/services/SERVICE/evidence/RELEASE.csv` is a recording as `crabwalk judge --replay` reads it, with what was
declared in its first line, so that it gives the verdict the walk had. It is written under the service's lease only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.aws.objects import Objects
from pipeline.errors import CrabwalkError
from pipeline.release.judge.recording import DECLARED, RecordingError, parse
from pipeline.release.judge.verdict import Minute

FRESH_S = 600.0
HEADER = "t,step,canary_n,canary_bad,baseline_n,baseline_bad,signal,periods"


@dataclass(frozen=True)
class Copy:
    """Rows of a walk, and of the hour before it as step -1; `until`: the end of the last one, epoch seconds."""

    until: float = -math.inf
    rows: tuple[Minute, ...] = ()


NOTHING_KEPT = Copy()


class Copies:
    """The copies of one environment. What is known of one is believed for `FRESH_S`: only its controller writes it."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._known: dict[str, tuple[float, Copy]] = {}

    def of(self, service: str, release: str, now: float) -> Copy:
        """What is kept of a release, nothing where there is none.

        Raises AwsError, and CrabwalkError for an object that is no copy.
        """
        at, copy = self._known.get(release, (-math.inf, NOTHING_KEPT))
        if now - at > FRESH_S:
            stored = self._objects.get(key_of(service, release))
            copy = NOTHING_KEPT if stored is None else read(stored.body, key_of(service, release))
            self._known[release] = now, copy
        return copy

    def keep(self, service: str, release: str, copy: Copy, declared: Mapping[str, Any], now: float) -> None:
        """Write what is kept of a release, under the lease of its service. Raises AwsError."""
        self._objects.put(key_of(service, release), written(copy, str(declared.get("signal", "")), declared))
        self._known[release] = now, copy


def key_of(service: str, release: str) -> str:
    """Where a release's copy lies in the environment's bucket."""
    return f"crabwalk/services/{service}/evidence/{release}.csv"


def written(copy: Copy, signal: str, declared: Mapping[str, Any]) -> bytes:
    """The copy as it is kept."""
    first = DECLARED + json.dumps({**declared, "until": copy.until}, sort_keys=True)
    rows = (
        f"{row.t:.0f},{row.step},{row.canary.n},{row.canary.bad},{row.baseline.n},{row.baseline.bad},{signal},"
        f"{row.periods}"
        for row in copy.rows
    )
    return "\n".join((first, HEADER, *rows, "")).encode()


def read(body: bytes, key: str) -> Copy:
    """A copy that was kept; raises CrabwalkError for what is none."""
    try:
        recording = parse(body, key)
        (rows,) = recording.signals.values()
        return Copy(float(recording.declared["until"]), rows)
    except (RecordingError, KeyError, TypeError, ValueError) as error:
        raise CrabwalkError(
            "the ledger's copy of the evidence cannot be read", where=key, hint="restore the object, or delete it"
        ) from error
