"""Executables made by hand: a header, program headers, a dynamic section, sections with and without symbols."""

from __future__ import annotations

import struct
from collections.abc import Sequence

BASE = 0x10000  # where the file is mapped


def elf(
    machine: int = 183,
    *,
    interpreter: str = "",
    libraries: Sequence[str] = (),
    versions: Sequence[str] = (),
    tags: Sequence[int] | None = None,
) -> bytes:
    """A minimal ELF64 with one loaded segment. `tags` are further entries of a dynamic section."""
    strings = bytearray(b"\0")

    def string(text: str) -> int:
        strings.extend(text.encode() + b"\0")
        return len(strings) - 1 - len(text.encode())

    dynamic = [(1, string(name)) for name in libraries]
    names = [string(name) for name in versions]
    needs = b""
    if names:
        file = string("libc.so.6")
        needs = struct.pack("<HHIII", 1, len(names), file, 16, 0)
        for index, name in enumerate(names):
            after = 16 if index + 1 < len(names) else 0
            needs += struct.pack("<IHHII", 0, 0, index + 2, name, after)
    has_dynamic = bool(dynamic or versions or tags is not None)
    kinds = [1, *([2] if has_dynamic else []), *([3] if interpreter else [])]
    body = 64 + 56 * len(kinds)
    place = {"strings": body}
    place["needs"] = place["strings"] + len(strings)
    place["path"] = place["needs"] + len(needs)
    path = interpreter.encode() + b"\0" if interpreter else b""
    place["dynamic"] = place["path"] + len(path)
    entries = [*dynamic, *((tag, 1) for tag in tags or ())]
    if has_dynamic:
        entries += [(5, BASE + place["strings"])]
        entries += [(0x6FFFFFFE, BASE + place["needs"]), (0x6FFFFFFF, 1)] if names else []
        entries += [(0, 0)]
    table = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    end = place["dynamic"] + len(table)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HHI", 3, machine, 1)
    head += struct.pack("<QQQ", 0, 64, 0) + struct.pack("<IHHHHHH", 0, 64, 56, len(kinds), 64, 0, 0)
    spans = {1: (0, end), 2: (place["dynamic"], len(table)), 3: (place["path"], len(path))}
    for kind in kinds:
        start, length = spans[kind]
        head += struct.pack("<IIQQQQQQ", kind, 4, start, BASE + start, BASE + start, length, length, 8)
    return head + bytes(strings) + needs + path + table
