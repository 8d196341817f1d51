"""What a build tells while it works. A view shows it; a plain callable gets a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from pipeline.build.model import Notice

QUIET_SECONDS = 10.0
STILL_SECONDS = 25.0  # with what the reader of cargo's lines waits, a line each half minute at least
_PARTS = 4  # a line for each quarter of the work


@dataclass(frozen=True)
class Diagnostic:
    """One error or warning of the compiler, in its own words."""

    level: str  # error or warning
    message: str
    rendered: str
    package: str
    file: str = ""
    line: int = 0
    column: int = 0

    @property
    def where(self) -> str | None:
        return f"{self.file}:{self.line}:{self.column}" if self.file else None


@dataclass(frozen=True)
class Progress:
    """Where one cargo run stands."""

    target: str
    services: Sequence[str]
    finished: Sequence[str] = ()  # services whose binaries are linked
    done: int = 0
    total: int | None = None  # crates to do, where cargo could tell
    doing: str = ""
    over: bool = False

    @property
    def crates(self) -> str:
        """`12 of 80 crates`."""
        if self.total is None:
            return _crates(self.done)
        return f"{min(self.done, self.total)} of {_crates(self.total)}"


def _crates(number: int) -> str:
    return f"{number} crate{'s' if number != 1 else ''}"


@runtime_checkable
class View(Protocol):
    """Who wants to know. Every run begins with a progress of nothing done and ends with one that is over."""

    def line(self, text: str) -> None: ...
    def notice(self, notice: Notice) -> None: ...
    def diagnostic(self, diagnostic: Diagnostic) -> None: ...
    def progress(self, progress: Progress) -> None: ...


@dataclass
class Pace:
    """Decides which progress is worth a line of a log: each quarter, news after a while, that it still goes on."""

    now: Callable[[], float] = time.monotonic
    _told: float = field(default=0.0, init=False)
    _part: int = field(default=0, init=False)
    _began: float = field(default=0.0, init=False)
    _last: Progress | None = field(default=None, init=False)

    def line(self, progress: Progress) -> str | None:
        """The line to write now, if any."""
        moment, still = self.now(), progress == self._last
        self._last = progress
        if progress.over:
            return f"{progress.target}: {progress.crates} in {moment - self._began:,.0f} s"
        part = progress.done * _PARTS // progress.total if progress.total else 0
        if not (progress.done or progress.doing or still):
            self._began, self._told, self._part = moment, moment, 0
            count = "" if progress.total is None else f", {_crates(progress.total)}"
            return f"{progress.target}: {', '.join(progress.services)}{count}"
        if part == self._part and moment - self._told < (STILL_SECONDS if still else QUIET_SECONDS):
            return None
        self._told, self._part = moment, part
        elapsed = f"{moment - self._began:,.0f} s" if still else ""
        said = (progress.crates, f"still {progress.doing}" if still and progress.doing else progress.doing, elapsed)
        return f"{progress.target}: {', '.join(word for word in said if word)}"


class Lines:
    """Shows a build as lines of text."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._pace = Pace()

    def line(self, text: str) -> None:
        self._on_line(text)

    def notice(self, notice: Notice) -> None:
        self._on_line(f"{notice.where}: {notice.text}" if notice.where else notice.text)

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        for line in diagnostic.rendered.splitlines():
            self._on_line(line)

    def progress(self, progress: Progress) -> None:
        line = self._pace.line(progress)
        if line is not None:
            self._on_line(line)


def view_of(told: View | Callable[[str], None]) -> View:
    """A view as it is; a callable as one that gets lines."""
    return told if isinstance(told, View) else Lines(told)
