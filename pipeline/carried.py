"""Where the files lie that crabwalk brings along besides its Python: modules, rust_shared, workflows, presets.

In a checkout they are the repository's own; a wheel carries them below `pipeline/_carried`, by the same paths
(`hatch_build.py` says which). Nothing else may look for them beside the package. Reads nothing but their existence.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_IN_WHEEL = _PACKAGE / "_carried"

_LOCK = ".terraform.lock.hcl"


def carried() -> Path:
    """The folder of all that is carried, by its paths in crabwalk's repository."""
    return _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parent


def modules(project: Path) -> Path:
    """The Terraform modules of the project at `project`: its own where it has a folder of them, else those carried.

    A project's own are told by the provider lock beside them, which every root copies.
    """
    own = project / "modules"
    return own if (own / _LOCK).is_file() else carried() / "modules"
