"""Where stages keep what they may lose: the user's cache directory. Never inside a work tree."""

from __future__ import annotations

import os
from pathlib import Path


def directory() -> Path:
    """`$CRABWALK_CACHE`, else `$XDG_CACHE_HOME/crabwalk`, else `~/.cache/crabwalk`."""
    own = os.environ.get("CRABWALK_CACHE")
    if own:
        return Path(own).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache") / "crabwalk"
