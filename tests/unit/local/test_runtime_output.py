"""Lines of a process, from its pipe."""

from __future__ import annotations

import os

from pipeline.local.runtime.output import CHUNK, LONGEST, Output


def test_a_line_that_never_ends_is_handed_on_in_pieces() -> None:
    lines: list[str] = []
    reading, writing = os.pipe()
    output = Output(os.fdopen(reading, "rb"), lines.extend, lambda _: None)
    whole = b"x" * (3 * LONGEST) + b"\nlast\n"
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        rest = memoryview(whole)
        while rest:
            rest = rest[pipe.write(rest[:CHUNK]) or 0 :]
    output.join()
    assert lines[-1] == "last"
    assert "".join(lines[:-1]).encode() == whole.partition(b"\n")[0]
    assert max(map(len, lines)) <= LONGEST + CHUNK
    assert len(lines) > 2
