"""Checks with cargo-deny what all crates of the workspace bring in; compiles that tool once for the user's cache.

Advisories come from a database on GitHub. Where that cannot be reached it is said, and the rest is checked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from checks import CACHE as CHECKS
from checks import ROOT

VERSION = "0.20.2"
CACHE = CHECKS / "cargo-deny"
OFFLINE = "failed to fetch advisory database"


def program() -> Path:
    """cargo-deny in the version above. Raises CalledProcessError when it cannot be compiled."""
    found = CACHE / VERSION / "bin" / "cargo-deny"
    if not found.is_file():
        print(f"cargo-deny {VERSION}: compiling it once", flush=True)
        making = CACHE / f"{VERSION}.{os.getpid()}"
        command = ("cargo", "install", "cargo-deny", "--locked", "--quiet", "--version", VERSION, "--root", str(making))
        subprocess.run(command, cwd=CACHE.anchor, check=True)
        shutil.rmtree(CACHE / VERSION, ignore_errors=True)
        making.rename(CACHE / VERSION)
    return found


def main() -> int:
    """0 when all that could be checked is clean."""
    deny = (str(program()), "--all-features", "--locked", "check", "--hide-inclusion-graph")
    code = subprocess.run((*deny, "bans", "licenses", "sources"), cwd=ROOT, check=False).returncode
    if code != 0:
        return code
    done = subprocess.run((*deny, "advisories"), cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode != 0 and OFFLINE in done.stderr:
        print("advisories: not checked, their database cannot be reached", flush=True)
        return 0
    print(done.stderr, file=sys.stderr, end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
