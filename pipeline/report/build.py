"""A build as it goes: one live line a cargo run on a terminal, timestamped lines now and then in a log.

The compiler's own words are shown as they are; under GitHub Actions they also become annotations of the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pipeline.build.model import Artifact, Notice
from pipeline.build.view import Diagnostic, Pace, Progress
from pipeline.errors import Problem
from pipeline.report.console import Console
from pipeline.report.text import clock, one_line

if TYPE_CHECKING:
    import rich.live
    import rich.text

_REFRESHES_A_SECOND = 4
_COLUMNS = ("service", "target", "binary", "zip", "sha256", "from", "file")
_WIDE_COLUMNS = 80


class BuildView:
    """Shows one build. The live line goes when the run is over; a line about the run stays."""

    def __init__(self, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._now = now
        self._pace = Pace(now)
        self._began = 0.0
        self._failed = False
        self._at: Progress | None = None
        self._live: rich.live.Live | None = None
        self._group: AbstractContextManager[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def line(self, text: str) -> None:
        """Words of a tool, or a step."""
        self._console.progress(text)

    def notice(self, notice: Notice) -> None:
        """Something to know that stops nothing."""
        file, _, line = notice.where.rpartition(":")
        if file and line.isdigit():
            self._console.caution(Problem(file, int(line), 1, notice.text))
        else:
            self._console.warn(notice.text)

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        """What the compiler says, and where."""
        self._console.line(diagnostic.rendered)
        # The first error has its mark from the fault that ends the build, which says whose it is.
        marked = diagnostic.level == "error" and not self._failed
        self._failed = self._failed or marked
        if diagnostic.file and not marked:
            place = Problem(diagnostic.file, diagnostic.line, diagnostic.column, diagnostic.message)
            self._console.annotate(diagnostic.level, place)

    def progress(self, progress: Progress) -> None:
        """Where a run stands; the first of a run opens it, the last closes it."""
        if not self._begun(progress):
            self._begin(progress)
        self._at = progress
        if self._live is None:
            line = self._pace.line(progress)
            if line is not None:
                self._console.progress(line)
        if progress.over:
            self._end()

    def _begun(self, progress: Progress) -> bool:
        return self._at is not None and self._at.target == progress.target and self._at.services == progress.services

    def _begin(self, progress: Progress) -> None:
        self._end()
        self._began = self._now()
        if self._console.terminal:
            from rich.live import Live

            self._live = Live(
                get_renderable=self._render,
                console=self._console.rich,
                refresh_per_second=_REFRESHES_A_SECOND,
                transient=True,
            )
            self._live.start()
        else:
            self._group = self._console.group(f"compile for {progress.target}") if self._console.github else None
            if self._group is not None:
                self._group.__enter__()

    def _end(self) -> None:
        """The live line or the group is closed, whatever ended the run."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            if self._at is not None:
                self._console.note(f"{self._at.target}: {self._at.crates} in {clock(self._now() - self._began)}")
        if self._group is not None:
            self._group.__exit__(None, None, None)
            self._group = None
        self._at = None

    def _render(self) -> rich.text.Text:
        from rich.text import Text

        if self._at is None:
            return Text("")
        return Text(live_line(self._at, self._now() - self._began, self._console.rich.width), no_wrap=True)


def live_line(at: Progress, elapsed_s: float, width: int) -> str:
    """`aarch64-unknown-linux-musl  12 of 80 crates  0:23  serde v1.0.228  (✓ health, hello)`."""
    services = ", ".join(f"✓ {name}" if name in at.finished else name for name in at.services)
    said = [at.target, at.crates, clock(elapsed_s), one_line(at.doing), f"({services})"]
    line = "  ".join(part for part in said if part)
    return line if len(line) <= width else f"{line[: max(width - 1, 0)]}…"


def show(console: Console, artifacts: Sequence[Artifact]) -> None:
    """The table of what was built, and what grew. A terminal gets what fits in a line; JSON has all of it."""
    left_out: set[str] = set()
    if console.terminal:
        left_out = {"file"} if console.rich.width >= _WIDE_COLUMNS else {"file", "sha256"}
    rows = [_row(artifact, short=console.terminal) for artifact in artifacts]
    columns = [name for name in _COLUMNS if name not in left_out]
    console.table("", columns, [[row[name] for name in columns] for row in rows])
    for artifact in artifacts:
        if artifact.grew:
            console.line(f"{artifact.service}: {artifact.grew}")


def _row(artifact: Artifact, *, short: bool) -> dict[str, object]:
    return {
        "service": artifact.service,
        "target": f"{artifact.architecture} {artifact.triple.partition('-linux-')[2]}" if short else artifact.triple,
        "binary": _size(artifact.binary_size),
        "zip": _size(artifact.size),
        "sha256": artifact.sha256[:12],
        "from": "store" if artifact.reused else "compiled",
        "file": artifact.path,
    }


def document(artifact: Artifact, kind: str) -> dict[str, object]:
    """One service in the JSON of `build`."""
    return {
        "service": artifact.service,
        "kind": kind,
        "architecture": artifact.architecture,
        "target": artifact.triple,
        "sha256": artifact.sha256,
        "code_sha256": artifact.code_sha256,
        "bytes": artifact.size,
        "binary_bytes": artifact.binary_size,
        "path": str(artifact.path),
        "key": artifact.key,
        "reused": artifact.reused,
        "grew": artifact.grew or None,
        "evidence": str(artifact.evidence) if artifact.evidence else None,
    }


def _size(number: int) -> str:
    return f"{number / 1000:,.0f} kB"
