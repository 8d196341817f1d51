"""Splits a linked binary in two: what Lambda runs, and the symbols that backtraces and size reports need.

The linker leaves a build id of zeros; it becomes the hash of what is run. So the id depends on nothing that debug
information tells of the machine that compiled, and names both halves. Needs no tool, changes no other byte that runs.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

import deflate

from pipeline.build import elf
from pipeline.build.elf import Elf, Section
from pipeline.build.flags import ID_BYTES

_NOTE_HEADER = struct.pack("<III", 4, ID_BYTES, 3) + b"GNU\0"  # a note of the owner GNU and the type build id
_COMPRESSED = 0x800
_NULL, _NOTE, _NOBITS = 0, 7, 8
_CRATES = ".dep-v0"
_HEADER_BYTES, _WORTH_COMPRESSING = 64, 1024


@dataclass(frozen=True)
class Halves:
    """`symbols` is an ELF file that debuggers, addr2line and the like match with `binary` by the build id."""

    binary: bytes
    symbols: bytes
    build_id: str  # hex; empty where the linker left none


def split(linked: bytes) -> Halves:
    """The two halves of an executable."""
    found = elf.read(linked)
    if not found.sections:
        return Halves(linked, b"", "")
    place = _place_of_id(linked, found)
    stripped = bytearray(_stripped(linked, found))
    whole = bytearray(linked)
    if place is not None and not any(linked[place : place + ID_BYTES]):
        identifier = hashlib.sha256(stripped).digest()[:ID_BYTES]
        stripped[place : place + ID_BYTES] = whole[place : place + ID_BYTES] = identifier
    shown = bytes(stripped[place : place + ID_BYTES]).hex() if place is not None else ""
    return Halves(bytes(stripped), _symbols(bytes(whole), found), shown)


def _place_of_id(data: bytes, found: Elf) -> int | None:
    for segment in found.segments:
        if segment.kind == elf.NOTE:
            place = data.find(_NOTE_HEADER, segment.offset, segment.offset + segment.length)
            if place >= 0:
                return place + len(_NOTE_HEADER)
    return None


def _stripped(data: bytes, found: Elf) -> bytes:
    """What is loaded, cargo-auditable's list of crates, and the headers of both, since tools find sections by name."""
    (programs,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    end = max([programs + size * count, *(segment.offset + segment.length for segment in found.segments)])
    kept = [index for index, section in enumerate(found.sections) if section.loaded]
    last = max(kept, default=0)
    names, headers = bytearray(b"\0"), bytearray()
    for index, section in enumerate(found.sections[: last + 1]):
        if index not in kept:
            headers += bytes(_HEADER_BYTES)  # an index of its own, since others refer to sections by theirs
            continue
        header = bytearray(data[section.header : section.header + _HEADER_BYTES])
        struct.pack_into("<I", header, 0, len(names))
        (link,) = struct.unpack_from("<I", header, 40)
        struct.pack_into("<I", header, 40, link if link <= last else 0)
        names += section.name.encode() + b"\0"
        headers += header
    body = bytearray(data[:end])
    for section in found.sections[last + 1 :]:
        if section.name == _CRATES:
            content = data[section.offset : section.offset + section.length]
            headers += struct.pack("<IIQQQQIIQQ", len(names), 1, 0, 0, len(body), len(content), 0, 0, 1, 0)
            names += section.name.encode() + b"\0"
            body += content
    own = len(names)
    names += b".shstrtab\0"
    headers += struct.pack("<IIQQQQIIQQ", own, 3, 0, 0, len(body), len(names), 0, 0, 1, 0)
    return _with_sections(bytes(body + names), bytes(headers), len(headers) // _HEADER_BYTES - 1)


def _symbols(data: bytes, found: Elf) -> bytes:
    """All headers; of the contents what is not loaded, and the build id."""
    (programs,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    body, headers = bytearray(data[: programs + size * count]), bytearray()
    for section in found.sections:
        header = bytearray(data[section.header : section.header + _HEADER_BYTES])
        if section.loaded and section.kind != _NOTE:
            struct.pack_into("<I", header, 4, _NOBITS)
        elif section.kind not in {_NULL, _NOBITS}:
            content = _compressed(header, data, section)
            body += bytes(-len(body) % max(section.alignment, 8))
            struct.pack_into("<QQ", header, 24, len(body), len(content))
            body += content
        headers += header
    (names,) = struct.unpack_from("<H", data, 62)
    return _with_sections(bytes(body), bytes(headers), names)


def _compressed(header: bytearray, data: bytes, section: Section) -> bytes:
    """A section's content; debug information compressed, as all of its readers know it."""
    content = data[section.offset : section.offset + section.length]
    if not section.name.startswith(".debug_") or section.flags & _COMPRESSED or len(content) < _WORTH_COMPRESSING:
        return content
    struct.pack_into("<Q", header, 8, section.flags | _COMPRESSED)
    struct.pack_into("<Q", header, 48, 8)
    return struct.pack("<IIQQ", 1, 0, len(content), max(section.alignment, 1)) + bytes(
        deflate.zlib_compress(content, 6)
    )


def _with_sections(body: bytes, headers: bytes, names: int) -> bytes:
    """A file with the section headers at its end; `names` is the section that names the others."""
    body += bytes(-len(body) % 8)
    file = bytearray(body + headers)
    struct.pack_into("<Q", file, 40, len(body))
    struct.pack_into("<HHH", file, 58, _HEADER_BYTES, len(headers) // _HEADER_BYTES, names)
    return bytes(file)
