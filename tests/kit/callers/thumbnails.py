"""Pictures into the bucket that triggers the function."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

from callers import configured

RATE = 5
SOURCE = "services/thumbnails/src/main.rs"
GOOD = configured("services/thumbnails")
# Two pictures in three fail, each time.
BAD = (
    SOURCE,
    "            Ok(Some(task)) => {\n",
    """            Ok(Some(task)) if task.key.ends_with(['3', '7']) => Err("not this one".into()),
            Ok(Some(task)) => {
""",
)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture(width: int, height: int, colour: tuple[int, int, int], *, claims: int = 0) -> bytes:
    """A PNG of one colour, whose header may claim sides of another length."""
    rows = (b"\0" + bytes(colour) * width) * height
    header = struct.pack(">IIBBBBB", claims or width, claims or height, 8, 2, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def first_pixel(png: bytes) -> tuple[int, int, tuple[int, ...]]:
    """Width, height and the first pixel of an opaque PNG, which no filter of its first row changes."""
    assert png.startswith(_SIGNATURE)
    width, height = struct.unpack(">II", png[16:24])
    place, data = 8, b""
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + length]
        place += length + 12
    return width, height, tuple(zlib.decompress(data)[1:4])


def caller(shop: Any) -> Callable[[int], None]:
    """One small picture; whether it has a thumbnail is asked elsewhere."""
    s3, bucket = shop.client("s3"), shop.physical("thumbnails", "pictures")
    body = picture(320, 200, (10, 20, 30))

    def call(number: int) -> None:
        s3.put_object(Bucket=bucket, Key=f"in/traffic/{number}", Body=body)

    return call
