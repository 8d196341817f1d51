"""crabwalk as a user has it: built into a wheel, installed into a fresh environment, run from a folder of the user's.

Its dependencies are those of the environment that runs the tests, by a `.pth` file: the checkout's own editable install
is not among them, because the `.pth` files of a folder that is added so are not read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shop_kit import Done

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 1800.0  # std and all crates are compiled from nothing
AUTHOR = ("-c", "user.name=A developer", "-c", "user.email=developer@example.com", "-c", "commit.gpgsign=false")
# What says where things lie on this machine; everything else of the caller's environment stays behind.
_PASSED = ("PATH", "LANG", "TERRAFORM", "CRABWALK_PROVIDER_MIRROR", "HTTPS_PROXY", "https_proxy")
_PROGRAMS = ("cargo-lambda", "terraform")  # beside the Python that has them installed


def build(folder: Path, target: str = "wheel") -> Path:
    """A wheel or a source distribution of this checkout, without build isolation."""
    command = (sys.executable, "-m", "hatchling", "build", "--directory", str(folder), "--target", target)
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (made,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return made


@dataclass(frozen=True)
class Machine:
    """A home that nobody has used yet, with one environment in which the wheel is installed."""

    home: Path

    @classmethod
    def make(cls, folder: Path, wheel: Path) -> Self:
        home = folder / "home"
        home.mkdir()
        made = cls(home)
        subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(made.venv)), check=True)
        packages = next(made.venv.glob("lib/python*/site-packages"))
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
        # As an installer does: unpacked, with a program for each entry point.
        pip = (sys.executable, "-m", "pip", "--python", str(made.venv / "bin" / "python"), "install")
        subprocess.run((*pip, "--quiet", "--no-deps", "--no-index", str(wheel)), check=True)
        for name in _PROGRAMS:
            there = Path(sys.executable).with_name(name)
            if there.exists():
                (made.venv / "bin" / name).symlink_to(there)
        return made

    @property
    def venv(self) -> Path:
        return self.home / "venv"

    @property
    def environment(self) -> Mapping[str, str]:
        """A login's, with the compiler and the crates that this machine has."""
        kept = {name: os.environ[name] for name in _PASSED if name in os.environ}
        rust = {"CARGO_HOME": Path.home() / ".cargo", "RUSTUP_HOME": Path.home() / ".rustup"}
        return {
            **kept,
            **{name: os.environ.get(name, str(otherwise)) for name, otherwise in rust.items()},
            "RUSTUP_AUTO_INSTALL": "0",
            "HOME": str(self.home),
            "PATH": os.pathsep.join((str(self.venv / "bin"), kept["PATH"])),
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def run(self, *command: str, cwd: Path, **variables: str) -> Done:
        """Run a command as it would be typed; nobody ever sees a traceback."""
        program = shutil.which(command[0], path=self.environment["PATH"])
        assert program is not None, command[0]
        done = subprocess.run(
            (program, *command[1:]),
            cwd=cwd,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        ended = Done(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in ended.said, ended.said
        return ended

    def crabwalk(self, *arguments: str, cwd: Path, code: int = 0, **variables: str) -> Done:
        """A verb that is to end with `code`."""
        ended = self.run("crabwalk", *arguments, cwd=cwd, **variables)
        assert ended.code == code, f"crabwalk {' '.join(arguments)} ended with {ended.code}:\n{ended.said}"
        return ended

    def commit(self, root: Path, subject: str) -> None:
        """What `git add --all` and `git commit` do."""
        for words in (("add", "--all"), (*AUTHOR, "commit", "--quiet", "--message", subject)):
            done = self.run("git", *words, cwd=root)
            assert done.code == 0, done.said
