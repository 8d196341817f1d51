"""The build record: what was built, from what and with what; and the files of evidence that travel with a package.

Nothing of the machine gets in: no clock, no folder, no variable of the environment, no credential of a remote.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

FORMAT = 1
_JSON = "application/json"
# A file of evidence, and the type it has in the bucket.
_TYPES = {
    "sbom.json": "application/vnd.cyclonedx+json; version=1.6",
    "record.json": _JSON,
    "provenance.json": "application/vnd.in-toto+json",
    "symbols.debug": "application/octet-stream",
}


@dataclass(frozen=True)
class Source:
    """The commit that was built; `dirty`: with changes that are in no commit."""

    repository: str = ""  # the remote's address, without credentials
    commit: str = ""
    dirty: bool = False


@dataclass(frozen=True)
class Built:
    """The facts of one service's build that its inputs decide; the same for every commit with these inputs."""

    service: str
    package: str
    binary: str
    features: tuple[str, ...]
    architecture: str
    triple: str
    inputs: str  # the key of the store
    flags: tuple[str, ...]
    toolchain: tuple[str, ...]  # as lines: compiler, std, cargo-lambda, zig
    lock_sha256: str
    zip_sha256: str
    zip_bytes: int
    binary_sha256: str
    binary_bytes: int
    build_id: str = ""
    crates: Mapping[str, int] = field(default_factory=dict)  # code and data of each crate in the binary, bytes


@dataclass(frozen=True)
class Companion:
    """A file of evidence and where it goes in an environment's bucket."""

    key: str
    path: Path
    content_type: str


class Packed(Protocol):
    """The part of an artifact that names its evidence."""

    @property
    def sha256(self) -> str: ...
    @property
    def evidence(self) -> Path | None: ...


def build_record(built: Built, source: Source) -> dict[str, Any]:
    """The record of these facts for this commit."""
    return {
        "format": FORMAT,
        "service": built.service,
        "source": asdict(source),
        "target": {
            "package": built.package,
            "binary": built.binary,
            "features": list(built.features),
            "architecture": built.architecture,
            "triple": built.triple,
        },
        "inputs": built.inputs,
        "cargo_lock": {"sha256": built.lock_sha256},
        "toolchain": list(built.toolchain),
        "flags": list(built.flags),
        "zip": {"sha256": built.zip_sha256, "bytes": built.zip_bytes},
        "binary": {"sha256": built.binary_sha256, "bytes": built.binary_bytes, "build_id": built.build_id},
        "crates": dict(built.crates),
    }


def keep(directory: Path, built: Built, sbom: Mapping[str, Any], symbols: bytes | None = None) -> None:
    """Writes what the inputs decide, once, in the folder of these inputs."""
    write(directory / "built.json", dump(asdict(built)))
    write(directory / "sbom.json", dump(sbom))
    if symbols is not None:
        write(directory / "symbols.debug", symbols)


def kept(directory: Path) -> Built | None:
    """What `keep` wrote; None when it is not there or damaged."""
    try:
        fields = json.loads((directory / "built.json").read_bytes())
        listed = {name: tuple(fields[name]) for name in ("features", "flags", "toolchain")}
        return Built(**{**fields, **listed})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def companions(artifact: Packed) -> tuple[Companion, ...]:
    """What travels with a package: each under its own hash, so that builds of equal bytes do not meet in one name.

    `artifact.evidence` is the folder of one commit, in the folder of the inputs.
    """
    if artifact.evidence is None:
        return ()
    found = []
    for name, content_type in _TYPES.items():
        path = next(
            (folder / name for folder in (artifact.evidence, artifact.evidence.parent) if (folder / name).is_file()),
            None,
        )
        if path is not None:
            stem, _, suffix = name.partition(".")
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            found.append(Companion(f"artifacts/{artifact.sha256}/{stem}-{digest}.{suffix}", path, content_type))
    return tuple(found)


def without_credentials(address: str) -> str:
    """A remote's address as it may be told: no user, password or query, and nothing at all of a folder."""
    if "://" not in address:
        host, colon, path = address.partition(":")
        if not colon or "/" in host:
            return ""
        address = f"ssh://{host}/{path.lstrip('/')}"
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" if parts.hostname else ""


def dump(document: Mapping[str, Any]) -> bytes:
    """JSON with one spelling."""
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def write(path: Path, data: bytes) -> None:
    """Whole or not at all, also when two builds write the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, half = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(half).replace(path)
    except BaseException:
        Path(half).unlink(missing_ok=True)
        raise
