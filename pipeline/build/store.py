"""The content-addressed store: what was built from which inputs. It trusts no file whose hash it has not checked."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.build import cache
from pipeline.build.model import Architecture, Artifact


@dataclass(frozen=True)
class Store:
    """`inputs/KEY.json` names the artifact that came of those inputs, `artifacts/SHA256.zip` is it."""

    directory: Path

    @classmethod
    def default(cls) -> Store:
        return cls(cache.directory() / "store")

    def find(self, key: str, service: str) -> Artifact | None:
        """The artifact of these inputs; None when there is none or it is damaged, then it is built again."""
        try:
            entry = json.loads(self._entry(key).read_bytes())
            path = self._artifact(entry["sha256"])
            if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
                return None
            return _artifact(service, path, entry["sha256"], entry["architecture"], int(entry["binary_size"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, package: bytes, service: str, architecture: Architecture, binary_size: int) -> Artifact:
        """Keeps a zip under its hash."""
        sha256 = hashlib.sha256(package).hexdigest()
        path = self._artifact(sha256)
        _write(path, package)
        return _artifact(service, path, sha256, architecture, binary_size)

    def remember(self, key: str, artifact: Artifact) -> None:
        """From now on these inputs need no compiler."""
        fields = {
            "sha256": artifact.sha256,
            "architecture": artifact.architecture,
            "binary_size": artifact.binary_size,
        }
        _write(self._entry(key), json.dumps(fields).encode())

    def _entry(self, key: str) -> Path:
        return self.directory / "inputs" / f"{key}.json"

    def _artifact(self, sha256: str) -> Path:
        return self.directory / "artifacts" / f"{sha256}.zip"


def _artifact(service: str, path: Path, sha256: str, architecture: Architecture, binary_size: int) -> Artifact:
    code = base64.b64encode(bytes.fromhex(sha256)).decode()
    return Artifact(service, path, sha256, code, path.stat().st_size, architecture, binary_size)


def _write(path: Path, data: bytes) -> None:
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
