"""What the members of a wave say and show while they are deployed side by side; and how they are told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from pipeline.infra.side_by_side import Teller
from pipeline.release.walk.view import WalkView

Show = Callable[[Sequence[WalkView]], None]


class Stopped(BaseException):
    """Whoever waits for this thread was interrupted: it ends where it is, recorded."""


class Board:
    """The walks of all members on one board. `opened`: the view that is shown, for as long as it is."""

    def __init__(self, opened: Callable[[], AbstractContextManager[Show]]) -> None:
        self._opened = opened
        self._shown: Show | None = None
        self._views: dict[str, tuple[WalkView, ...]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show what walks meanwhile."""
        with self._opened() as shown:
            self._views, self._shown = {}, shown
            try:
                yield
            finally:
                self._shown = None

    @contextmanager
    def of(self, target: str) -> Iterator[Show]:
        """The part of the board that one member's walks have."""

        def show(views: Sequence[WalkView]) -> None:
            self.check()
            with self._lock:
                self._views[target] = tuple(replace(view, service=f"{target}/{view.service}") for view in views)
                if self._shown is not None:
                    self._shown([view for some in self._views.values() for view in some])

        yield show

    def stop(self) -> None:
        """Have every member end with the next thing it says, shows or waits for."""
        self._stopped.set()

    def check(self) -> None:
        """Raise Stopped once somebody asked for it."""
        if self._stopped.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until it is stopped."""
        self._stopped.wait(seconds)
        self.check()


class Voice:
    """One member among several: its name stands in front of each line."""

    _speaking = threading.Lock()

    def __init__(self, tell: Teller, name: str, board: Board) -> None:
        self._tell, self._name, self._board = tell, name, board

    def progress(self, text: str) -> None:
        """A step of its work."""
        self._board.check()
        with self._speaking:
            self._tell.progress(f"{self._name}: {text}")

    def warn(self, text: str) -> None:
        """Something to know that stops nothing."""
        with self._speaking:
            self._tell.warn(f"{self._name}: {text}")

    def group(self, title: str, /) -> AbstractContextManager[None]:
        """Its lines have its name already."""
        self.progress(title)
        return nullcontext()
