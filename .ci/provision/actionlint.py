"""actionlint, which reads the workflows: compiled once by Go for the user's cache, where all clones share it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from provision import known
from provision.shell import SetupError, run, say

VERSION = "1.7.12"
MODULE = f"github.com/rhysd/actionlint/cmd/actionlint@v{VERSION}"
SECONDS = 600
USUAL = Path("/usr/local/go/bin/go")  # where Go's own installer puts it, on nobody's PATH


def program() -> Path:
    """Where it lies."""
    return known.cache("actionlint") / VERSION / "actionlint"


def provide() -> Path:
    """Compile it unless some clone has; it appears whole or not at all."""
    made = program()
    if made.is_file():
        return made
    go = shutil.which("go") or (str(USUAL) if USUAL.is_file() else None)
    if go is None:
        raise SetupError(
            f"go: actionlint {VERSION}, which checks the workflows, is compiled by Go, and there is none on PATH.\n"
            "  Install Go 1.24 or newer (https://go.dev/dl, or the distribution's golang), then `make setup` again"
        )
    say(f"actionlint: compiling {VERSION} into {made.parent}")
    making = made.parent.with_name(f"{VERSION}.{os.getpid()}")
    done = run((go, "install", MODULE), seconds=SECONDS, env={"GOBIN": str(making), "GOFLAGS": ""})
    if not done.ok:
        shutil.rmtree(making, ignore_errors=True)
        raise SetupError(
            f"actionlint: it could not be compiled (exit code {done.code}):\n{done.tail()}\n"
            "  Is Go's module proxy reachable (GOPROXY), and is Go new enough?"
        )
    if made.parent.exists():  # another clone was faster
        shutil.rmtree(making)
    else:
        making.rename(made.parent)
    return made
