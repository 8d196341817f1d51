"""checkov, which scans the Terraform modules: in a virtual environment of its own, shared by all clones.

It brings some eighty packages that have nothing to do with ours, so it lies in the cache, under a name that says what
it was made from.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provision import known
from provision.shell import SetupError, run, say
from provision.venv import ENVIRONMENT, base_python

LOCK = "requirements-checkov.lock"
COMPLETE = "complete"


def cache() -> Path:
    """Where its environments lie."""
    return known.cache("checkov")


def identity(root: Path) -> str:
    """What an environment is made from: the lock file and this Python."""
    said = f"{sys.version} {base_python().resolve()}\n"
    return hashlib.sha256(said.encode() + (root / LOCK).read_bytes()).hexdigest()[:16]


def directory(root: Path) -> Path:
    """The environment that belongs to this lock file."""
    return cache() / identity(root)


def python_of(root: Path) -> Path:
    """The interpreter that has checkov."""
    return directory(root) / "bin" / "python"


def is_complete(root: Path) -> bool:
    """Whether it was installed to the end."""
    return (directory(root) / COMPLETE).is_file() and python_of(root).exists()


def provide(root: Path) -> Path:
    """Install it unless some clone has; returns the file that is there as long as it is whole."""
    made = directory(root)
    if not is_complete(root):
        with alone():
            if not is_complete(root):
                install(root, made)
    return made / COMPLETE


def install(root: Path, made: Path) -> None:
    """Make the environment anew; it counts only once it is whole."""
    say(f"checkov: installing {LOCK} into {made}")
    shutil.rmtree(made, ignore_errors=True)
    pip = ("-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(root / LOCK))
    for command in ((base_python(), "-m", "venv", made), (made / "bin" / "python", *pip)):
        done = run(command, env=ENVIRONMENT, cwd=root)
        if not done.ok:
            raise SetupError(
                f"checkov: it could not be installed (exit code {done.code}):\n{done.tail()}\n"
                "  Is the package index reachable (proxy, PIP_INDEX_URL, PIP_CERT)?"
            )
    (made / COMPLETE).touch()


@contextmanager
def alone() -> Iterator[None]:
    """One set-up at a time, of whatever clone."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / ".lock").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
