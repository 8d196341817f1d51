"""The program: `crabwalk`, and `python -m pipeline`."""

from __future__ import annotations

import signal
from typing import NoReturn


def main() -> NoReturn:
    """The command line; while it is still being loaded, Ctrl-C ends the process and nothing is said."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pipeline.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
