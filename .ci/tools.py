"""What only the checks and tests need, after the set-up proper: checkov, actionlint, a browser, shells.

`tools.py` installs what is missing and says nothing where nothing is; `tools.py packages` only prints the names of the
packages that root must install for all of set-up, for a machine whose set-up does not run as root.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from provision import actionlint, apt, checkov
from provision.shell import SetupError, complain

ROOT = Path(__file__).resolve().parents[1]
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """The exit code."""
    if arguments == ["packages"]:
        basics = apt.missing_basics(sys.version_info[:2], cross=platform.machine() != "aarch64")
        print(*basics, *apt.missing_for_tests())
        return 0
    try:
        apt.provide(apt.missing_for_tests())
        checkov.provide(ROOT)
        actionlint.provide()
    except SetupError as fault:
        complain(f"set-up failed. {fault}")
        return 1
    except KeyboardInterrupt:
        complain("set-up was interrupted; `make setup` goes on where it ended")
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
