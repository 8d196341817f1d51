"""What a binary is made for: the machine, the C library, and what of it the Lambda runtime brings. Tables only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import BuildError

Architecture = Literal["arm64", "x86_64"]
Version = tuple[int, int]

_RUST: dict[Architecture, str] = {"arm64": "aarch64", "x86_64": "x86_64"}
_EXPLICIT = re.compile(r"gnu\.(\d{1,3})\.(\d{1,3})")

# The glibc of Amazon Linux, by the runtime that stands on it.
GLIBC: dict[str, Version] = {"provided.al2": (2, 26), "provided.al2023": (2, 34)}

# What of it both runtimes have; a binary that needs another library would not start.
LIBRARIES = frozenset(
    {
        "libc.so.6",
        "libm.so.6",
        "libgcc_s.so.1",
        "libpthread.so.0",
        "libdl.so.2",
        "librt.so.1",
        "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
    }
)
INTERPRETERS: dict[Architecture, str] = {
    "arm64": "/lib/ld-linux-aarch64.so.1",
    "x86_64": "/lib64/ld-linux-x86-64.so.2",
}


@dataclass(frozen=True)
class Platform:
    """A machine and a C library; with glibc the newest version whose symbols may be used."""

    architecture: Architecture
    glibc: Version | None = None  # None: static, with musl

    @property
    def triple(self) -> str:
        """As rustc names it."""
        return f"{_RUST[self.architecture]}-unknown-linux-{'gnu' if self.glibc else 'musl'}"

    @property
    def name(self) -> str:
        """With the floor, as cargo-zigbuild takes it: `aarch64-unknown-linux-gnu.2.34`."""
        return f"{self.triple}.{shown(self.glibc)}" if self.glibc else self.triple


def platform(architecture: Architecture, target: str, runtime: str) -> Platform:
    """What a manifest asks for; `gnu` alone means the glibc of its runtime."""
    if target == "musl":
        return Platform(architecture)
    brings = GLIBC[runtime]
    if target == "gnu":
        return Platform(architecture, brings)
    explicit = _EXPLICIT.fullmatch(target)
    if explicit is None:
        raise BuildError(f"`{target}` is no target", hint="musl, gnu, or gnu with a version of glibc: gnu.2.28")
    floor = (int(explicit[1]), int(explicit[2]))
    if floor > brings:
        raise BuildError(f"target `{target}`: {runtime} has glibc {shown(brings)}", hint="target: gnu")
    return Platform(architecture, floor)


def shown(version: Version) -> str:
    """`2.34`."""
    return f"{version[0]}.{version[1]}"
