"""Reads what a binary was built for from its ELF headers. Trusts no name and no folder."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from pipeline.build.model import Architecture
from pipeline.errors import BuildError

MACHINES: dict[int, Architecture] = {62: "x86_64", 183: "arm64"}

_PT_DYNAMIC, _PT_INTERP = 2, 3
_DT_NULL, _DT_NEEDED = 0, 1


@dataclass(frozen=True)
class Elf:
    """The few facts of an executable that decide whether Lambda can start it."""

    machine: int  # e_machine
    interpreter: bool
    needs_libraries: bool

    @property
    def static(self) -> bool:
        return not (self.interpreter or self.needs_libraries)


def read(path: Path) -> Elf:
    """The headers of a 64-bit little-endian ELF file; a BuildError for anything else."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise BuildError("is not a 64-bit little-endian ELF file", where=str(path))
    try:
        return _parse(data)
    except struct.error:
        raise BuildError("is a truncated ELF file", where=str(path)) from None


def _parse(data: bytes) -> Elf:
    (machine,) = struct.unpack_from("<H", data, 18)
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    interpreter = needed = False
    for index in range(count):
        kind, _, start, _, _, length = struct.unpack_from("<IIQQQQ", data, offset + index * size)
        interpreter = interpreter or kind == _PT_INTERP
        if kind == _PT_DYNAMIC:
            needed = needed or _needs(data, start, length)
    return Elf(machine, interpreter, needed)


def _needs(data: bytes, start: int, length: int) -> bool:
    """Whether the dynamic section names a library; a static position-independent binary has one that names none."""
    for entry in range(start, start + length, 16):
        (tag,) = struct.unpack_from("<q", data, entry)
        if tag == _DT_NULL:
            return False
        if tag == _DT_NEEDED:
            return True
    return False


def check(path: Path, architecture: Architecture, service: str) -> Elf:
    """Refuses what Lambda could not start: another machine's binary, or one that needs libraries at run time."""
    elf = read(path)
    found = MACHINES.get(elf.machine, f"machine {elf.machine}")
    if found != architecture:
        raise BuildError(f"{service}: the binary is for {found}, the manifest says {architecture}", where=str(path))
    if not elf.static:
        raise BuildError(
            f"{service}: the binary is linked dynamically, so it would not start on Lambda",
            where=str(path),
            hint="a dependency links a system library; use its vendored or pure Rust variant",
        )
    return elf
