"""Reads from ELF headers what a binary was built for and what it needs. Trusts no name and no folder."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.build.targets import INTERPRETERS, LIBRARIES, Architecture, Platform, Version, shown
from pipeline.errors import BuildError

MACHINES: dict[int, Architecture] = {62: "x86_64", 183: "arm64"}

_LOAD, _DYNAMIC, _INTERPRETER, NOTE = 1, 2, 3, 4
_NEEDED, _STRING_TABLE, _VERSIONS, _VERSION_COUNT = 1, 5, 0x6FFFFFFE, 0x6FFFFFFF
_GLIBC = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")
_ALLOCATED = 0x2
_DEBUG = (".symtab", ".debug_", ".zdebug_")


@dataclass(frozen=True)
class Segment:
    """One program header."""

    kind: int
    offset: int
    address: int
    length: int  # in the file


@dataclass(frozen=True)
class Section:
    """One section header; `header` is where it stands in the file."""

    name: str
    kind: int
    flags: int
    offset: int
    length: int
    alignment: int
    header: int

    @property
    def loaded(self) -> bool:
        return bool(self.flags & _ALLOCATED)


@dataclass(frozen=True)
class Elf:
    """The facts of an executable that decide whether Lambda can start it."""

    machine: int  # e_machine
    interpreter: str
    libraries: tuple[str, ...]
    versions: tuple[str, ...]  # of symbols it needs: `GLIBC_2.34`
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]

    @property
    def static(self) -> bool:
        return not (self.interpreter or self.libraries)

    @property
    def stripped(self) -> bool:
        return not any(section.name.startswith(_DEBUG) and not section.loaded for section in self.sections)


def read(binary: bytes) -> Elf:
    """The headers of a 64-bit little-endian ELF file; a BuildError for anything else."""
    if binary[:6] != b"\x7fELF\x02\x01":
        raise BuildError("is not a 64-bit little-endian ELF file")
    try:
        return _parse(binary)
    except (struct.error, IndexError):
        raise BuildError("is a truncated ELF file") from None


def check(binary: bytes, platform: Platform, service: str) -> Elf:
    """Refuses what Lambda could not start: another machine's binary, or one that needs what the runtime has not."""
    elf = read(binary)
    found = MACHINES.get(elf.machine, f"machine {elf.machine}")
    if found != platform.architecture:
        raise BuildError(f"{service}: the binary is for {found}, the manifest says {platform.architecture}")
    if platform.glibc is None:
        if not elf.static:
            raise BuildError(
                f"{service}: the binary is linked dynamically, so it would not start on Lambda",
                hint="a dependency links a system library; use its vendored or pure Rust variant",
            )
        return elf
    _check_glibc(elf, platform, platform.glibc, service)
    return elf


def _check_glibc(elf: Elf, platform: Platform, floor: Version, service: str) -> None:
    if elf.interpreter and elf.interpreter != INTERPRETERS[platform.architecture]:
        raise BuildError(f"{service}: the binary asks for the loader {elf.interpreter}, which Lambda does not have")
    foreign = sorted(set(elf.libraries) - LIBRARIES)
    if foreign:
        raise BuildError(
            f"{service}: the binary needs {', '.join(foreign)}, which the Lambda runtime does not have",
            hint="a dependency links a system library; use its vendored or pure Rust variant",
        )
    newest = max(((int(m[1]), int(m[2])) for m in map(_GLIBC.fullmatch, elf.versions) if m), default=(0, 0))
    if newest > floor:
        raise BuildError(
            f"{service}: the binary needs glibc {shown(newest)}, and may count on {shown(floor)} only",
            hint="build with the compiler cargo-zigbuild, which links against the older version, or with target: musl",
        )


def _parse(data: bytes) -> Elf:
    (machine,) = struct.unpack_from("<H", data, 18)
    segments = tuple(_segments(data))
    path = next((segment for segment in segments if segment.kind == _INTERPRETER), None)
    interpreter = data[path.offset : path.offset + path.length].rstrip(b"\0").decode("ascii", "replace") if path else ""
    tags = list(_dynamic(data, segments))
    values = dict(tags)
    strings = _at(segments, values.get(_STRING_TABLE, 0))
    libraries = tuple(_text(data, strings + value) for tag, value in tags if tag == _NEEDED)
    versions: tuple[str, ...] = ()
    if _VERSIONS in values:
        start = _at(segments, values[_VERSIONS])
        versions = tuple(sorted(set(_versions(data, start, values.get(_VERSION_COUNT, 0), strings))))
    return Elf(machine, interpreter, libraries, versions, segments, tuple(_sections(data)))


def _segments(data: bytes) -> Iterator[Segment]:
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, table + index * size)
        yield Segment(kind, offset, address, length)


def _sections(data: bytes) -> Iterator[Section]:
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    if not count:
        return
    (strings,) = struct.unpack_from("<Q", data, table + names * size + 24)
    for index in range(count):
        header = table + index * size
        name, kind, flags, _, offset, length, _, _, align, _ = struct.unpack_from("<IIQQQQIIQQ", data, header)
        yield Section(_text(data, strings + name), kind, flags, offset, length, align, header)


def _dynamic(data: bytes, segments: tuple[Segment, ...]) -> Iterator[tuple[int, int]]:
    """The entries of the dynamic section; a static position-independent binary has one that names no library."""
    for segment in segments:
        if segment.kind == _DYNAMIC:
            for entry in range(segment.offset, segment.offset + segment.length, 16):
                tag, value = struct.unpack_from("<qQ", data, entry)
                if tag == 0:
                    return
                yield tag, value


def _versions(data: bytes, start: int, count: int, strings: int) -> Iterator[str]:
    """The names in the list of versions that are needed of each library."""
    for _ in range(count):
        _, wanted, _, first, following = struct.unpack_from("<HHIII", data, start)
        entry = start + first
        for _ in range(wanted):
            _, _, _, name, after = struct.unpack_from("<IHHII", data, entry)
            yield _text(data, strings + name)
            entry += after
        start += following


def _at(segments: tuple[Segment, ...], address: int) -> int:
    """Where an address lies in the file."""
    for segment in segments:
        if segment.kind == _LOAD and segment.address <= address < segment.address + segment.length:
            return address - segment.address + segment.offset
    return address


def _text(data: bytes, start: int) -> str:
    end = data.find(b"\0", start)
    if end < 0:
        raise IndexError
    return data[start:end].decode("utf-8", "replace")
