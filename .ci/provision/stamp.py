"""The stamp of a finished set-up: what it was made from. It lies in .venv, is written last and removed first."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from provision.shell import probe
from provision.venv import base_python, python_of

TOOLS = ("cc", "rustc", "cargo", "rustup", "terraform", "qemu-aarch64-static")
VARIABLES = (
    "HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "TF_CLI_CONFIG_FILE",
    "CRABWALK_PROVIDER_MIRROR",
    "CRABWALK_RUST",
)


@dataclass(frozen=True)
class Stamp:
    """`paths` must still exist, `cargo` is the directory of the compiler, `said` the one line for the next run."""

    key: str
    said: str
    cargo: str
    paths: tuple[str, ...]


def file(root: Path) -> Path:
    return root / ".venv" / "set-up.json"


def inputs(root: Path) -> dict[str, str]:
    """What a set-up depends on, without starting a program: this folder's files, this Python, the machine's tools."""
    provision = Path(__file__).parent
    sources = [root / "pyproject.toml", *sorted(root.glob("requirements*.lock")), *sorted(provision.glob("*.py"))]
    found = {f"file {path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in sources}
    found["root"] = str(root)
    found["python"] = f"{sys.version} {base_python().resolve()}"
    found.update({f"tool {name}": identity(shutil.which(name, path=outside(root))) for name in TOOLS})
    found.update({f"variable {name}": os.environ.get(name, "") for name in VARIABLES})
    settings = Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup") / "settings.toml"
    found["rustup"] = settings.read_text() if settings.is_file() else ""
    return found


def outside(root: Path) -> str:
    """PATH without this folder's environment, so that activating it changes nothing."""
    parts = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(part for part in parts if part and not Path(part).is_relative_to(root / ".venv"))


def identity(path: str | None) -> str:
    """What tells one installed program from another without starting it."""
    if path is None:
        return "none"
    status = Path(path).stat()
    return f"{path} {Path(path).resolve()} {status.st_size} {status.st_mtime_ns}"


def key(found: Mapping[str, str]) -> str:
    """One hash of all inputs."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def read(root: Path) -> Stamp | None:
    """The last finished set-up; None when there is none or it cannot be read."""
    try:
        fields = json.loads(file(root).read_text())
        return Stamp(fields["key"], fields["said"], fields["cargo"], tuple(fields["paths"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def holds(stamp: Stamp | None, wanted: str, root: Path) -> bool:
    """Whether nothing has to be done: same inputs, everything still there, the environment runs."""
    if stamp is None or stamp.key != wanted or not all(Path(path).exists() for path in stamp.paths):
        return False
    return probe((python_of(root), "-I", "-S", "-c", "")) is not None


def remove(root: Path) -> None:
    """From here on a killed set-up leaves none."""
    file(root).unlink(missing_ok=True)


def write(root: Path, *, said: str, cargo: Path, paths: Iterable[str]) -> None:
    """The last act of a set-up; appears complete or not at all."""
    stamp = Stamp(key(inputs(root)), said, str(cargo), tuple(paths))
    half = file(root).with_suffix(".half")
    half.write_text(json.dumps(asdict(stamp), indent=1))
    half.replace(file(root))
