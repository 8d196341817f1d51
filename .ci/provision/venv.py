"""The virtual environment: made from the hashed lock file, made anew when it was moved or its Python changed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from provision.shell import SetupError, probe, run, say

# A user's pip settings may send packages elsewhere; where they come from stays the user's business.
ENVIRONMENT = {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PYTHONPATH": ""}


def base_python() -> Path:
    """The interpreter below any virtual environment that set-up itself may have been started from."""
    return Path(getattr(sys, "_base_executable", "") or sys.executable)


def python_of(root: Path) -> Path:
    """The environment's own interpreter."""
    return root / ".venv" / "bin" / "python"


def why_new(root: Path) -> str | None:
    """Why the environment must be made anew; None when it can be kept."""
    directory = root / ".venv"
    if not directory.exists():
        return "there is none yet"
    settings = parse(directory / "pyvenv.cfg")
    return why_not(settings, directory, works=probe((python_of(root), "-c", "import pip")) is not None)


def parse(config: Path) -> dict[str, str]:
    """What pyvenv.cfg says; empty without one."""
    lines = config.read_text().splitlines() if config.is_file() else []
    pairs = (line.partition("=") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def why_not(settings: dict[str, str], directory: Path, *, works: bool) -> str | None:
    """Decides on an existing environment by its pyvenv.cfg."""
    if not settings:
        return "it is not complete"
    here = ".".join(str(part) for part in sys.version_info[:3])
    if settings.get("version") != here:
        return f"it is of Python {settings.get('version')}, this is {here}"
    made_by = settings.get("command", "")
    if made_by and Path(made_by.rsplit(" ", 1)[-1]) != directory:
        return "the folder was moved"
    return None if works else "its Python or pip does not run"


def make(root: Path, why: str, *, lock: int) -> None:
    """Makes the environment anew."""
    directory = root / ".venv"
    say(f"python: making the virtual environment ({why})")
    if directory.is_symlink() or directory.is_file():
        directory.unlink()
    elif directory.exists():
        shutil.rmtree(directory)
    done = run((base_python(), "-m", "venv", directory), env=ENVIRONMENT, holding=(lock,))
    if not done.ok:
        raise SetupError(
            f"python: the virtual environment could not be made:\n{done.tail()}\n"
            f"  with {base_python()}; name another: make PYTHON=/path/to/python3"
        )


def install(root: Path, name: str, *, lock: int) -> None:
    """Installs a lock file, every package checked against its hash."""
    say(f"python: installing {name}")
    pip(root, "install", "--quiet", "--require-hashes", "-r", str(root / name), lock=lock)


def install_project(root: Path, *, lock: int) -> None:
    """Installs crabwalk itself, from this folder, so that a change in pipeline/ counts at once."""
    pip(root, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(root), lock=lock)


def pip(root: Path, *arguments: str, lock: int) -> None:
    """One pip command; its last lines when it fails. It shares the lock, so that it may outlive a killed set-up."""
    done = run((python_of(root), "-m", "pip", *arguments), env=ENVIRONMENT, cwd=root, holding=(lock,))
    if not done.ok:
        raise SetupError(
            f"python: pip failed (exit code {done.code}):\n{done.tail()}\n"
            "  Is the package index reachable (proxy, PIP_INDEX_URL, PIP_CERT)? `make setup` goes on where this ended"
        )
