"""Sets up what `make demo` and `make test` need. Must parse on an old Python: to find a newer one, or to say so."""

from __future__ import annotations

import os
import shutil
import sys

OLDEST = (3, 11)
NEWEST_MINOR = 19


def newer() -> str | None:
    """Another Python on PATH that is new enough and runs (pyenv's shims exist without what they stand for)."""
    names = (f"python3.{minor}" for minor in range(NEWEST_MINOR, OLDEST[1] - 1, -1))
    paths = (shutil.which(name) for name in names)
    return next((path for path in paths if path and os.system(f"'{path}' -c '' 2>/dev/null") == 0), None)  # noqa: S605


def run() -> int:
    """Hands over to the set-up proper once the Python is new enough."""
    if sys.version_info < OLDEST:
        path = newer()
        if path is None:
            here = ".".join(map(str, sys.version_info[:2]))
            print(f"set-up failed. crabwalk needs Python 3.11 or newer, this is {here}.", file=sys.stderr)
            print("  Name another one: make PYTHON=/path/to/python3", file=sys.stderr)
            return 1
        os.execv(path, [path, *sys.argv])  # noqa: S606
    from provision.main import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
