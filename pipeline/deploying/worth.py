"""Whether a service's artifact and configuration are anything new: what a deploy skips and a plan foretells. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.release.ledger.records import ServiceRecord


@dataclass(frozen=True)
class Known:
    """Why there is nothing to try. `live` = it has the traffic already, `rejected` = it was rolled back."""

    kind: Literal["live", "rejected"]
    sentence: str


def known(record: ServiceRecord, artifact: str, configuration: str, *, retry: bool) -> Known | None:
    """What the ledger knows of this artifact (SHA-256) with this configuration; None where it is to be tried."""
    rejected = record.rejection(artifact, configuration)
    if rejected is not None:
        sentence = f"release {rejected.release_id} of the same artifact and configuration was rolled back"
        return None if retry else Known("rejected", sentence)
    promoted = record.promoted
    if promoted is not None and (promoted.artifact, promoted.configuration) == (artifact, configuration):
        return Known("live", f"version {promoted.version} is what this commit builds")
    return None
