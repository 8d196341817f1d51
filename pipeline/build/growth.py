"""What a binary's bytes belong to, crate by crate, and what grew between two of them. Reads symbols, runs nothing."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator, Mapping

OTHER = "other"  # C code, and what has no name

_SHIMS = "__rustc"  # what the compiler itself puts between crates

_ROOT = re.compile(r"C(?:s[0-9a-zA-Z]*_)?(\d+)_?")
_ROOT_FIRST = re.compile(r"(?:I|Y|N[A-Za-z]|[MX](?:s[0-9a-zA-Z]*_)?)*" + _ROOT.pattern)

_SHT_SYMTAB = 2
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_OBJECT, _FUNCTION = 1, 2
_SHOWN = 5
_WORTH_BYTES = 1000  # less is said as nothing
_WORTH_ZIP_BYTES = 500


def sizes_by_crate(elf: bytes) -> dict[str, int]:
    """Bytes of code and data by crate, from the symbol table; empty for a stripped or unreadable binary."""
    sizes: Counter[str] = Counter()
    try:
        seen = set()
        for name, address, size in _symbols(elf):
            if address not in seen:  # several names for the same bytes: identical functions are folded
                seen.add(address)
                sizes[crate_of(name)] += size
    except (struct.error, IndexError, ValueError, OverflowError):
        return {}
    return dict(sorted(sizes.items()))


def report(before: Mapping[str, int], after: Mapping[str, int], *, growth: int, since: str) -> str:
    """One sentence: `zip +25 kB since the last build here; in the binary: std +11 kB`; `growth`: of the zip.

    Nothing where the zip has not moved by half a kilobyte: that is every change of a line.
    """
    if abs(growth) < _WORTH_ZIP_BYTES:
        return ""
    head = f"zip {_kilobytes(growth)} since {since}"
    if not before or not after:
        return head
    deltas = {name: after.get(name, 0) - before.get(name, 0) for name in before.keys() | after.keys()}
    ordered = sorted(deltas.items(), key=lambda item: (-abs(item[1]), item[0]))
    named = [f"{name} {_kilobytes(delta)}" for name, delta in ordered if abs(delta) >= _WORTH_BYTES]
    if not named:
        return head
    left = len(named) - _SHOWN
    more = f", and {left} more crate{'s' if left > 1 else ''}" if left > 0 else ""
    return f"{head}; in the binary: {', '.join(named[:_SHOWN])}{more}"


def crate_of(symbol: str) -> str:
    """The crate a Rust symbol's code was written in, as far as its name tells."""
    crate = OTHER
    if symbol.startswith("_ZN"):
        crate = _legacy(symbol)
    elif symbol.startswith("_R"):
        crate = _v0(symbol)
    return OTHER if crate == _SHIMS else crate


def _legacy(symbol: str) -> str:
    found = re.match(r"_ZN(\d+)", symbol)
    if not found:
        return OTHER
    first = symbol[found.end() : found.end() + int(found[1])]
    if "$" not in first and ".." not in first:
        return first
    # A method of a trait: `_$LT$hyper..Body$u20$as$u20$core..fmt..Debug$GT$`. A type without a path is any crate's.
    path = re.search(r"([A-Za-z_]\w*)\.\.", re.sub(r"\$\w+\$", " ", first))
    return path[1] if path else OTHER


def _v0(symbol: str) -> str:
    """The first crate root of the path: `C`, a disambiguator `s…_`, then length and name."""
    path = symbol[2:]
    # What stands before it may look like one: an `impl` has a disambiguator of its own.
    found = _ROOT_FIRST.match(path) or _ROOT.search(path)
    return path[found.end() : found.end() + int(found[1])] if found else OTHER


def _symbols(elf: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, address and size of every function and constant."""
    (offset,) = struct.unpack_from("<Q", elf, 40)
    size, count = struct.unpack_from("<HH", elf, 58)
    sections = [_SECTION.unpack_from(elf, offset + index * size) for index in range(count)]
    for section in sections:
        if section[1] != _SHT_SYMTAB:
            continue
        names = sections[section[6]][4]
        for name, info, _, index, address, length in _SYMBOL.iter_unpack(elf[section[4] : section[4] + section[5]]):
            if index and length and info & 0xF in (_OBJECT, _FUNCTION):
                start = names + name
                yield elf[start : elf.index(b"\0", start)].decode("ascii", "replace"), address, length


def _kilobytes(count: int) -> str:
    return f"{'+' if count >= 0 else '-'}{(abs(count) + 500) // 1000:,} kB"
