"""The content-addressed store: what was built from which inputs. It trusts no file whose hash it has not checked."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.build import cache, variables
from pipeline.build.model import Artifact
from pipeline.build.record import write
from pipeline.build.targets import Architecture


@dataclass(frozen=True)
class Store:
    """`inputs/KEY.json` names the artifact that came of those inputs, `artifacts/SHA256.zip` is it.

    Where the compilation read environment variables, `inputs/KEY.json` names them and a second key leads to the
    artifact: `environ` is what a compilation would see.
    """

    directory: Path

    @classmethod
    def default(cls) -> Store:
        """`$CRABWALK_STORE`, by which packages travel between the jobs of a workflow; else with the user's cache."""
        own = os.environ.get("CRABWALK_STORE")
        return cls(Path(own).absolute() if own else cache.directory() / "store")

    def find(self, key: str, service: str, environ: Mapping[str, str]) -> Artifact | None:
        """The artifact of these inputs; None when there is none or it is damaged, then it is built again."""
        try:
            entry = json.loads(self._entry(key).read_bytes())
            if "variables" in entry:
                key = variables.key(key, entry["variables"], environ)
                entry = json.loads(self._entry(key).read_bytes())
            path = self._artifact(entry["sha256"])
            if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
                return None
            os.utime(path)  # in use: pruning goes by it
            made = Made(service, key, entry["architecture"], entry["triple"], int(entry["binary_size"]))
            return made.artifact(path, entry["sha256"], reused=True)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, package: bytes, made: Made) -> Artifact:
        """Keeps a zip under its hash."""
        sha256 = hashlib.sha256(package).hexdigest()
        path = self._artifact(sha256)
        write(path, package)
        return made.artifact(path, sha256)

    def remember(self, key: str, names: Sequence[str], artifact: Artifact) -> None:
        """From now on these inputs, with the values these variables had, need no compiler."""
        fields = {
            "sha256": artifact.sha256,
            "architecture": artifact.architecture,
            "triple": artifact.triple,
            "binary_size": artifact.binary_size,
        }
        write(self._entry(artifact.inputs), json.dumps(fields).encode())
        if artifact.inputs != key:
            write(self._entry(key), json.dumps({"variables": list(names)}).encode())

    def evidence(self, inputs: str) -> Path:
        """The folder of what travels with an artifact of these inputs."""
        return self.directory / "evidence" / inputs

    def _entry(self, key: str) -> Path:
        return self.directory / "inputs" / f"{key}.json"

    def _artifact(self, sha256: str) -> Path:
        return self.directory / "artifacts" / f"{sha256}.zip"


@dataclass(frozen=True)
class Made:
    """What is known of a package before it has a hash."""

    service: str
    inputs: str
    architecture: Architecture
    triple: str
    binary_size: int

    def artifact(self, path: Path, sha256: str, *, reused: bool = False) -> Artifact:
        return Artifact(
            self.service,
            path,
            sha256,
            base64.b64encode(bytes.fromhex(sha256)).decode(),
            path.stat().st_size,
            self.architecture,
            self.binary_size,
            self.triple,
            self.inputs,
            reused,
        )
