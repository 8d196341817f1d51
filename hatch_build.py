"""Puts into the wheel what crabwalk brings along besides its Python, below `pipeline/_carried`; `pipeline/carried.py`
finds it there. A list of patterns instead of whole folders: tests and build outputs have no business in a wheel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = (
    "modules/.terraform.lock.hcl",
    "modules/*/*.tf",
    "modules/*/README.md",
    "rust_shared/Cargo.toml",
    "rust_shared/src/**/*",
    "Cargo.toml",
    "Cargo.lock",
    "clippy.toml",
    "deny.toml",
    "rustfmt.toml",
    ".github/workflows/*.yml",
    ".github/actions/**/*",
    "presets/**/*",
)


def carried(root: Path) -> dict[str, str]:
    """Where each file comes from, and its place in the wheel."""
    found = sorted({path for pattern in CARRIED for path in root.glob(pattern) if path.is_file()})
    return {str(path): f"pipeline/_carried/{path.relative_to(root).as_posix()}" for path in found}


class CarriedFiles(BuildHookInterface[Any]):
    """hatchling calls it before it packs; an editable install finds the files in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Enter the files, if the wheel is a real one."""
        if version != "editable":
            build_data["force_include"].update(carried(Path(self.root)))
