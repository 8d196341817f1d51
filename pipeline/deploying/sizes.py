"""How large the zips of a run are, against those that carry the traffic. Only shown: what cannot be read is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.abreast import abreast
from pipeline.build.told import told
from pipeline.errors import CrabwalkError

if TYPE_CHECKING:
    from pipeline.aws.objects import Objects
    from pipeline.release.ledger.records import ServiceRecord


def sizes_before(objects: Objects, artifacts: Mapping[str, str]) -> dict[str, int]:
    """Bytes of zips by service; `artifacts`: the SHA-256 of each."""

    def look(one: tuple[str, str]) -> tuple[str, int | None]:
        try:
            return one[0], told(objects, one[1]).zip_bytes
        except CrabwalkError:
            return one[0], None

    return {name: size for name, size in abreast(look, tuple(artifacts.items())) if size is not None}


def live_artifacts(records: Mapping[str, ServiceRecord]) -> dict[str, str]:
    """The SHA-256 of the zip that carries each service's traffic."""
    return {name: one.promoted.artifact for name, one in records.items() if one.promoted is not None}
