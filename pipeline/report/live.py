"""The live view of walks: in place on a terminal, a timestamped line per change elsewhere, an SVG at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pipeline.release.judge.judge import Counts
from pipeline.release.walk.view import WalkView
from pipeline.report.console import Console
from pipeline.report.text import odds, one_line, percent
from pipeline.report.walk_words import failed, phase_words

if TYPE_CHECKING:
    import rich.live

QUIET_S = 10.0  # of walk time between two lines that report nothing new,
STILL_S = 300.0  # and where nothing moves until a person does something
STILL = frozenset({"paused", "held", "left"})


class WalkLive:
    """Shows walks as they are; the last state stays on the screen. Never reads or changes a walk."""

    def __init__(self, console: Console, record: Path | None = None) -> None:
        self._console = console
        self._record = record
        self._views: tuple[WalkView, ...] = ()
        self._said: dict[str, _Said] = {}
        self._live: rich.live.Live | None = None

    def __enter__(self) -> Self:
        if self._console.terminal:
            from rich.live import Live

            self._live = Live(console=self._console.rich, auto_refresh=False, vertical_overflow="crop")
            self._live.start()
        return self

    def update(self, views: Sequence[WalkView]) -> None:
        """The walks as of now, all of them."""
        self._views = tuple(views)
        if self._live is not None:
            from pipeline.report.walk import render

            size = self._console.rich.size
            self._live.update(render(self._views, size.width, size.height), refresh=True)
            return
        for view in self._views:
            now = _Said(view.weight, view.step, view.phase, _outcome(view), view.elapsed_s)
            if now.worth_telling_after(self._said.get(view.release_id)):
                self._said[view.release_id] = now
                self._console.progress(walk_line(view))

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        if self._record is not None and self._views:
            from pipeline.report.svg import WIDTH, picture
            from pipeline.report.walk import render

            self._record.parent.mkdir(parents=True, exist_ok=True)
            self._record.write_text(picture(render(self._views, WIDTH), "crabwalk deploy"), encoding="utf-8")


@dataclass(frozen=True)
class _Said:
    """What the last line about a walk told."""

    weight: float
    step: int
    phase: str
    outcome: str
    elapsed_s: float

    def worth_telling_after(self, last: _Said | None) -> bool:
        if last is None:
            return True
        quiet_s = STILL_S if self.phase in STILL else QUIET_S
        return replace(self, elapsed_s=0) != replace(last, elapsed_s=0) or self.elapsed_s >= last.elapsed_s + quiet_s


def _outcome(view: WalkView) -> str:
    return f"{view.verdict.outcome} {view.verdict.reason}" if view.verdict else ""


def walk_line(view: WalkView) -> str:
    """One walk on one line, for logs."""

    def counted(counts: Counts) -> str:
        return f"{failed(counts, view.signal)} ({percent(counts.rate)})" if counts.n else "no requests"

    verdict = view.verdict
    state = "" if view.phase == "walking" else f"{phase_words(view)}, "
    said = [f"{one_line(view.service)}: {state}{percent(view.weight)} on version {view.candidate}"]
    decided = verdict is not None and verdict.reason != "baking"
    if not decided:
        said.append(f"version {view.candidate} {counted(view.canary)}, version {view.stable} {counted(view.baseline)}")
    if verdict is not None:
        name = verdict.outcome if decided else "baking"
        said.append(f"{name}, e-value {odds(verdict.e_value)}, worse at {odds(verdict.limit)}")
        if decided:
            said.append(one_line(verdict.sentence))
    said.append(f"next: {one_line(view.next)}")
    return "; ".join(said)
