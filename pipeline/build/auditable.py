"""`cargo auditable` under cargo-lambda: the list of crates goes into the binary, for scanners of what is deployed.

cargo-lambda has no option for it, but cargo hands the wrapper to its own rustc calls through any subcommand, and
cargo-auditable asks the linker in zig's dialect (since 0.7). Only the service's own crates are linked anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.build.tools import installed
from pipeline.errors import BuildError


@dataclass(frozen=True)
class Auditable:
    """The cargo-auditable of this machine; `identity` is part of the toolchain's, it shapes binaries."""

    program: Path
    identity: str

    @property
    def variables(self) -> dict[str, str]:
        """What makes any cargo use it: the wrapper, and the options its own `cargo metadata` needs."""
        options = {"offline": False, "locked": True, "frozen": False, "config": []}
        return {"RUSTC_WORKSPACE_WRAPPER": str(self.program), "CARGO_AUDITABLE_ORIG_ARGS": json.dumps(options)}


def find(env: Mapping[str, str]) -> Auditable:
    """The one on PATH or where cargo installs; BuildError when there is none."""
    found = installed("cargo-auditable", env)
    if found is None:
        raise BuildError(
            "cargo-auditable is not installed, and crabwalk.yaml asks for auditable binaries",
            hint="`cargo install cargo-auditable --locked`; `build: {auditable: false}` goes without",
        )
    # It cannot tell its version.
    digest = hashlib.sha256(found.read_bytes()).hexdigest()
    return Auditable(found, f"cargo-auditable {digest[:16]}")
