"""What the build leaves in the user's cache directory, and what is said when it cannot."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.cache import directory
from pipeline.errors import BuildError

LOCK = ".crabwalk-lock"  # in a target folder: held by the build that works in it, touched by each

__all__ = ["LOCK", "directory", "writing"]

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def writing() -> Iterator[None]:
    """A cache that cannot be written, or that is full, is a fault a person can act on."""
    try:
        yield
    except OSError as error:
        if not _concerns(error):
            raise
        raise BuildError(
            f"the cache {directory()} cannot be written: {error.strerror}",
            where=str(error.filename) if error.filename else None,
            hint=f"{'free some space, or ' if error.errno in _FULL else ''}set XDG_CACHE_HOME or CRABWALK_CACHE "
            "to a folder that can be written",
        ) from None


def _concerns(error: OSError) -> bool:
    """Whether it is about the cache or a folder above it; a write that finds no space does not say where."""
    if not isinstance(error.filename, str):
        return error.errno in _FULL
    cache, path = directory(), Path(error.filename)
    return path.is_relative_to(cache) or cache.is_relative_to(path)
