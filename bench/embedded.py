"""The embedded AWS a benchmark measures against, in a folder of its own that goes with it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline import local


@contextmanager
def embedded() -> Iterator[tuple[Path, str]]:
    """A folder and the endpoint; commands that are started meanwhile use it, compiled as an installed crabwalk is."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["CRABWALK_LOCAL_DIR"] = str(folder / "aws")
        running = local.up()
        try:
            yield folder, running.endpoint
        finally:
            local.down()
