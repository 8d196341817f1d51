"""Packs one binary as Lambda wants it: the same binary gives the same bytes, wherever and by whomever it is packed.

No clock, owner or folder gets in. The deflate stream is libdeflate's, from a pinned package that bundles its source:
one release's output does not depend on the CPU (1.26 on x86_64, aarch64, riscv64 and s390x, compared), while Python's
own zlib is another one from build to build: zlib-ng, as some systems have it, writes other bytes than zlib.
"""

from __future__ import annotations

import stat
import struct

import deflate

# Part of the inputs of a stored package: another release may write other bytes.
PACKER = f"deflate {deflate.__version__}"

# Beyond 6, executables shrink by less than a half per cent for a third more time.
_LEVEL = 6
_VERSION = 20  # of the format: deflate
_UNIX = 3
_DEFLATED = 8
_DATE = 1 << 5 | 1  # 1980-01-01, the earliest a zip can say
_MODE = (stat.S_IFREG | 0o755) << 16

_COMMON = struct.Struct("<HHHHHIIIHH")  # version, flags, method, time, date, crc, packed size, size, name, extra


def pack(binary: bytes, entry: str = "bootstrap") -> bytes:
    """A zip with one executable entry: `bootstrap`, or `extensions/NAME` in a layer."""
    name = entry.encode("ascii")
    packed = bytes(deflate.deflate_compress(binary, _LEVEL))
    crc = deflate.crc32(binary)
    common = _COMMON.pack(_VERSION, 0, _DEFLATED, 0, _DATE, crc, len(packed), len(binary), len(name), 0)
    local = b"PK\3\4" + common + name
    made_by = struct.pack("<BB", _VERSION, _UNIX)
    # No comment, first disk, no internal attributes, the mode, and the local header at the very start.
    central = b"PK\1\2" + made_by + common + struct.pack("<HHHII", 0, 0, 0, _MODE, 0) + name
    start = len(local) + len(packed)
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), start, 0)
    return b"".join((local, packed, central, end))
