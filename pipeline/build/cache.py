"""What the build leaves in the user's cache directory."""

from __future__ import annotations

from pipeline.cache import directory

LOCK = ".crabwalk-lock"  # in a target folder: held by the build that works in it, touched by each

__all__ = ["LOCK", "directory"]
