"""What an environment's bucket tells of a package: the evidence that was laid beside its zip. Reads, never trusts.

Where evidence is missing or damaged there is none: nothing is decided from it, it is only shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.aws.objects import Objects


@dataclass(frozen=True)
class Told:
    """The evidence of one package. `files`: all of its keys in the bucket."""

    record: dict[str, Any]
    provenance: dict[str, Any]
    files: tuple[str, ...] = ()

    @property
    def zip_bytes(self) -> int | None:
        """The size of its zip."""
        size = _part(self.record, "zip").get("bytes")
        return size if isinstance(size, int) and size >= 0 else None

    @property
    def crates(self) -> dict[str, int]:
        """Bytes of code and data of each crate in the binary."""
        return {str(name): size for name, size in _part(self.record, "crates").items() if isinstance(size, int)}


def told(objects: Objects, sha256: str, commit: str = "") -> Told:
    """The evidence of the package with this hash, of the build of `commit` where several commits made the same bytes.

    Raises AwsError.
    """
    files = tuple(objects.keys(f"artifacts/{sha256}/"))
    return Told(
        _of_commit(_read(objects, files, "record-"), commit, ("source", "commit")),
        _of_commit(
            _read(objects, files, "provenance-"),
            commit,
            ("predicate", "buildDefinition", "externalParameters", "commit"),
        ),
        files,
    )


def _read(objects: Objects, files: tuple[str, ...], kind: str) -> list[dict[str, Any]]:
    found = []
    for key in files:
        if not key.rpartition("/")[2].startswith(kind):
            continue
        stored = objects.get(key)
        try:
            data = json.loads(stored.body) if stored is not None else None
        except ValueError:
            continue
        if isinstance(data, dict):
            found.append(data)
    return found


def _of_commit(found: list[dict[str, Any]], commit: str, path: tuple[str, ...]) -> dict[str, Any]:
    for data in found:
        at: Any = data
        for name in path:
            at = at.get(name) if isinstance(at, dict) else None
        if commit and at == commit:
            return data
    return found[0] if found else {}


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}
