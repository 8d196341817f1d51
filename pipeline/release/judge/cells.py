"""Rows of named cells from CSV or JSON text, each cell with its line and column. Knows the columns, no values."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.errors import Problem

COUNTS = ("canary_n", "canary_bad", "baseline_n", "baseline_bad")
TIMES = ("t", "minute")
NEEDED = ("step", *COUNTS)
OPTIONAL = ("signal", "periods")
HEADER = ",".join(("t", *NEEDED))


@dataclass(frozen=True)
class Cell:
    """A value as it was written, and where."""

    value: object
    line: int
    column: int


@dataclass
class Reader:
    """Collects the problems of one file."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def fault(self, line: int, column: int, what: str, instead: str = "") -> None:
        """Note a problem, and what to write instead."""
        self.problems.append(Problem(self.file, line, column, what, instead))


# CSV


def csv_rows(text: str, reader: Reader) -> Iterator[tuple[dict[str, Cell], int, int]]:
    """Each row's cells by column, with its line and column; what is wrong with the form goes to the reader."""
    header: list[str] | None = None
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = list(_cells(line, number))
        if header is None:
            header = [str(cell.value).lower() for cell in cells]
            _check_names(list(zip(header, cells, strict=True)), (number, 1), reader, line)
            if reader.problems:
                return
            continue
        if len(cells) != len(header):
            what = f"{len(cells)} cell{'s' if len(cells) != 1 else ''} under a header of {len(header)}"
            at = cells[len(header)].column if len(cells) > len(header) else len(line) + 1
            reader.fault(number, at, what, f"write one each for {', '.join(header)}")
            continue
        yield dict(zip(header, cells, strict=True)), number, 1
    if header is None:
        reader.fault(1, 1, "there is no header", f"write `{HEADER}`")


def _cells(line: str, number: int) -> Iterator[Cell]:
    """The cells of a line, quotes taken off, each with the column it begins in."""
    start, quoted = 0, False
    for at, char in enumerate(line + ","):
        if char == '"':
            quoted = not quoted
        elif char == "," and (not quoted or at == len(line)):
            raw = line[start:at]
            value = raw.strip()
            if len(value) > 1 and value[0] == value[-1] == '"':
                value = value[1:-1].replace('""', '"').strip()
            yield Cell(value, number, start + 1 + len(raw) - len(raw.lstrip()))
            start = at + 1


def _check_names(names: Sequence[tuple[str, Cell]], at: tuple[int, int], reader: Reader, line: str = "") -> None:
    """A header or the keys of an object must be the known columns, each once."""
    known = [name for name, _ in names]
    for separator, called in ((";", "`;`"), ("\t", "tabs")):
        if len(names) == 1 and separator in line:
            reader.fault(*at, f"the columns are separated by {called}", f"write `{HEADER}`")
            return
    for i, (name, cell) in enumerate(names):
        if name not in {*TIMES, *NEEDED, *OPTIONAL}:
            what = f"`{name}` is not a column of a recording" if name else "a column has no name"
            reader.fault(cell.line, cell.column, what, f"write one of t, {', '.join((*NEEDED, *OPTIONAL))}")
        elif name in known[:i]:
            reader.fault(cell.line, cell.column, f"column `{name}` is there twice", "remove one")
    if not any(name in known for name in TIMES):
        reader.fault(*at, "column `t` is missing", f"write `{HEADER}`")
    elif all(name in known for name in TIMES):
        reader.fault(*at, "`t` and `minute` mean the same", "remove one")
    for name in NEEDED:
        if name not in known:
            reader.fault(*at, f"column `{name}` is missing", f"write `{HEADER}`")


# JSON


class _Pairs(list[tuple[str, object]]):
    """A JSON object with the keys it repeats."""


def json_rows(text: str, reader: Reader) -> Iterator[tuple[dict[str, Cell], int, int]]:
    """As `csv_rows`, of a list of objects, or of the list under `minutes` of an object."""
    shape = f"write a list of objects with the keys t, {', '.join(NEEDED)}"
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        reader.fault(error.lineno, error.colno, f"this is not JSON: {error.msg}", shape)
        return
    except (ValueError, RecursionError):
        reader.fault(1, 1, "a number is too long, or lists are nested too deep", shape)
        return
    at = text.index("[") if isinstance(whole, list) else _value_of(text, "minutes") if isinstance(whole, dict) else -1
    if at < 0 or text[at] != "[":
        reader.fault(1, 1, "the rows are not a list", shape)
        return
    lines = [-1, *(i for i, char in enumerate(text) if char == "\n")]

    def place(at: int) -> tuple[int, int]:
        line = bisect_left(lines, at)
        return line, at - lines[line - 1]

    decoder = json.JSONDecoder(object_pairs_hook=_Pairs)
    at = _skip(text, at + 1)
    if text[at] == "]":
        reader.fault(*place(at), "there is no row", shape)
    while text[at] != "]":
        value, end = decoder.raw_decode(text, at)
        line, column = place(at)
        if isinstance(value, _Pairs):
            names = [(key, Cell(one, *place(_key(text, key, at, end)))) for key, one in value]
            before = len(reader.problems)
            _check_names(names, (line, column), reader)
            if len(reader.problems) == before:
                yield dict(names), line, column
        else:
            reader.fault(line, column, "a row is not an object", shape)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _value_of(text: str, key: str) -> int:
    """Where the value of a key of the outermost object begins; -1 if it has none."""
    decoder, at, found = json.JSONDecoder(), _skip(text, _skip(text, 0) + 1), -1
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if name == key:
            found = at
        _, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at] == "," else at
    return found


def _key(text: str, key: str, start: int, end: int) -> int:
    """Where a key stands in the object between `start` and `end`."""
    at = text.find(json.dumps(key, ensure_ascii=False), start, end)
    return start if at < 0 else at


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at
