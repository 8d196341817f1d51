"""Recorded minutes of a walk, from CSV or JSON text to the judge's rows; every fault with its place, none lost. Pure.

The columns are `t` (or `minute`: a number, or a time as ISO 8601), `step` (-1 before the walk, 0 for the first step),
`canary_n`, `canary_bad`, `baseline_n`, `baseline_bad`, and optionally `signal` and `periods` (of how many the row is
the sum). In CSV, empty lines and lines that begin with # are skipped, but for the first of a copy of the ledger's: it
says what was declared of the walk. JSON is a list of objects with these keys, or an object whose `minutes` is one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from pipeline.errors import ManifestError, Problem
from pipeline.release.judge.cells import COUNTS, HEADER, Cell, Reader, csv_rows, json_rows
from pipeline.release.judge.verdict import Counts, Minute

MOST = 10**15  # requests a minute; floating point tells one more from one less
MOST_STEPS = 1000
MOST_PERIODS = 86_400  # in a row
DECLARED = "# crabwalk evidence "  # and JSON
ERRORS = "errors"  # the signal of rows that name none


class RecordingError(ManifestError):
    """A recording cannot be read; carries all problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        count = len(self.problems)
        self.what = f"{count} problem{'s' if count != 1 else ''} in the recording"
        self.args = (self.what,)


@dataclass(frozen=True)
class Recording:
    """The rows of each signal in the order of time, how each `t` was written, and how many steps were compared."""

    signals: Mapping[str, tuple[Minute, ...]]
    written: Mapping[float, str]
    steps: int
    declared: Mapping[str, Any] = field(default_factory=dict)


def parse(data: bytes, file: str) -> Recording:
    """The recording in `data`; `file` names it in messages, `.json` in its name or a leading [ or { makes it JSON.

    Raises RecordingError with every problem.
    """
    reader = Reader(file)
    rows: list[tuple[Minute, str, str, int]] = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        reader.fault(line, column, f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8")
        raise RecordingError(reader.problems) from error
    if not text.strip():
        reader.fault(1, 1, "the file is empty", f"write `{HEADER}` and a row a minute")
        raise RecordingError(reader.problems)
    found = json_rows if file.lower().endswith(".json") or text.lstrip()[:1] in {"[", "{"} else csv_rows
    for cells, line, column in found(text, reader):
        row = _row(cells, line, column, reader)
        if row is not None:
            rows.append(row)
    signals = _in_order(rows, reader)
    if not reader.problems and not any(minute.step >= 0 for minutes in signals.values() for minute in minutes):
        reader.fault(1, 1, "no row is of a walk: every step is -1", "write 0 as the `step` of the first step's minutes")
    if reader.problems:
        raise RecordingError(reader.problems)
    written = {minute.t: text for minute, _, text, _ in rows}
    walk = [minute for minute, *_ in rows if minute.step >= 0]
    compared = [minute.step for minute in walk if minute.baseline.n] or [minute.step for minute in walk]
    return Recording(signals, written, max(compared) + 1, _declared(text))


def _declared(text: str) -> Mapping[str, Any]:
    """What the first line of a ledger's copy says was declared; nothing of a file of somebody else's."""
    first = text.partition("\n")[0]
    if not first.startswith(DECLARED):
        return {}
    try:
        said = json.loads(first.removeprefix(DECLARED))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _row(cells: Mapping[str, Cell], line: int, column: int, reader: Reader) -> tuple[Minute, str, str, int] | None:
    """One row's minute, signal, written time and line; None with a problem for each cell that is wrong."""
    before = len(reader.problems)
    cell = cells["t"] if "t" in cells else cells["minute"]
    t = _time(cell, reader)
    step = _whole(cells["step"], "step", reader, least=-1)
    n_c, e_c, n_b, e_b = (_whole(cells[name], name, reader) for name in COUNTS)
    for n, bad, side in ((n_c, e_c, "canary"), (n_b, e_b, "baseline")):
        if n is not None and bad is not None and bad > n:
            at = cells[f"{side}_bad"]
            what = f"{side}_bad is {bad:,}, more than the {n:,} of {side}_n"
            reader.fault(at.line, at.column, what, f"write at most {n}")
    signal = cells["signal"] if "signal" in cells else Cell(ERRORS, line, column)
    if not isinstance(signal.value, str) or not signal.value.strip():
        reader.fault(signal.line, signal.column, "the signal has no name", f"write one, such as {ERRORS}")
    periods = _whole(cells["periods"], "periods", reader, least=1) if "periods" in cells else 1
    if periods is not None and periods > MOST_PERIODS:
        at = cells["periods"]
        reader.fault(at.line, at.column, f"periods is {periods:,}", f"write at most {MOST_PERIODS:,}")
    if len(reader.problems) > before or t is None or step is None:
        return None
    minute = Minute(t, step, Counts(n_c or 0, e_c or 0), Counts(n_b or 0, e_b or 0), periods or 1)
    return minute, str(signal.value).strip(), str(cell.value), line


def _whole(cell: Cell, name: str, reader: Reader, *, least: int = 0) -> int | None:
    value, said = _number(cell.value), _said(cell.value)
    where = "-1 before the walk, 0 for the first step" if name == "step" else "a whole number, 0 or more"
    most = MOST_STEPS if name == "step" else MOST
    if value is None or math.isnan(value):
        reader.fault(cell.line, cell.column, f"{name}: {said} is not a number", f"write {where}")
    elif value < least:
        reader.fault(cell.line, cell.column, f"{name}: {said} is less than {least}", f"write {where}")
    elif value > most:
        reader.fault(cell.line, cell.column, f"{name}: {said} is too much", f"write at most {most}")
    elif value != int(value):
        reader.fault(cell.line, cell.column, f"{name}: {said} is not a whole number", f"write {where}")
    else:
        return int(value)
    return None


def _time(cell: Cell, reader: Reader) -> float | None:
    value = _number(cell.value)
    if value is not None and math.isfinite(value):
        return float(value)
    if isinstance(cell.value, str) and value is None:
        try:
            read = datetime.fromisoformat(cell.value)
        except ValueError:
            pass
        else:
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() / 60.0
    what = f"t: {_said(cell.value)} is neither a number nor a time"
    reader.fault(cell.line, cell.column, what, "write the minute, or a time such as 2026-11-21T14:03:00Z")
    return None


def _number(value: object) -> float | None:
    """None for what is no number; one too large for floating point is endless."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if (isinstance(value, str) and not value.isascii()) or "_" in str(value)[:400]:
        return None  # Python would read them
    try:
        return float(value)
    except OverflowError:
        return math.inf if isinstance(value, int) and value > 0 else -math.inf
    except ValueError:
        return None


def _said(value: object) -> str:
    said = value if isinstance(value, str) else json.dumps(value, default=str)
    return f"`{said[:40]}…`" if len(said) > 40 else f"`{said}`" if said else "nothing"


def _in_order(rows: Sequence[tuple[Minute, str, str, int]], reader: Reader) -> dict[str, tuple[Minute, ...]]:
    """The minutes of each signal in the order of time; a minute must be there once, and a step never goes back."""
    signals: dict[str, list[tuple[Minute, str, str, int]]] = {}
    for row in rows:
        signals.setdefault(row[1], []).append(row)
    for name, found in signals.items():
        found.sort(key=lambda row: (row[0].t, row[3]))
        whose = f" of signal {name}" if len(signals) > 1 else ""
        for (before, _, _, line), (after, _, text, later) in pairwise(found):
            if before.t == after.t:
                reader.fault(later, 1, f"minute {text}{whose} is there twice, first in line {line}", "remove one")
            elif after.step < before.step:
                what = f"the step goes back from {before.step} to {after.step} at minute {text}{whose}"
                reader.fault(later, 1, what, f"write {before.step} or more")
    return {name: tuple(row[0] for row in found) for name, found in signals.items()}
