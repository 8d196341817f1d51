"""What a process prints, line by line: claimed by the invocation that runs, or handed on when nobody claims it.

A line that was printed before an answer is in the pipe when the answer arrives, so taking reads the pipe instead of
waiting for lines that never come.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import IO

LINGER_S = 0.2  # how long a line waits for an invocation to claim it
EARLY_FLUSH_LINES = 5000  # a chatty invocation is written before it ends, so that memory stays bounded
CHUNK = 65536
LONGEST = 1024 * 1024  # bytes of a log event; a longer line is several
CLOSE_S = 2.0

Lines = Callable[[list[str]], None]


class Output:
    """The merged stdout and stderr of one process."""

    def __init__(self, pipe: IO[bytes], late: Lines, heard: Lines, *, busy: bool = False) -> None:
        """`late` gets the lines that nobody takes, `heard` all of them, at once; both must be quick and never raise."""
        self.busy = busy
        """Whether an invocation runs that will take the lines."""
        self._pipe = pipe
        self._late = late
        self._heard = heard
        self._lines: list[str] = []
        self._partial = b""
        self._fd: int | None = pipe.fileno()
        self._lock = threading.Lock()
        os.set_blocking(self._fd, False)
        self._thread = threading.Thread(target=self._pump, name="output", daemon=True)
        self._thread.start()

    def take(self) -> list[str]:
        """All complete lines so far, straight from the pipe."""
        with self._lock:
            self._read()
            lines, self._lines = self._lines, []
        return lines

    def flush(self) -> None:
        """Hands on what there is."""
        if lines := self.take():
            self._late(lines)

    def release(self) -> None:
        """No invocation claims lines from here on."""
        self.busy = False
        if self._fd is None:
            self.flush()

    def join(self) -> None:
        """Waits until all that an ended process printed was read."""
        if self._thread is not threading.current_thread():
            self._thread.join(CLOSE_S)

    def _pump(self) -> None:
        """The reader thread's life: until the process (and whoever inherited its output) is gone."""
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN | select.POLLHUP)
        try:
            while True:
                poll.poll(LINGER_S * 1000 if self._lines else None)
                with self._lock:
                    open_still = self._read()
                    crowded = len(self._lines) > EARLY_FLUSH_LINES
                if not open_still:
                    break
                if crowded or (self._lines and not self.busy and not poll.poll(LINGER_S * 1000)):
                    self.flush()
        finally:
            with self._lock:
                self._fd = None
                if self._partial:
                    self._add([self._partial])
                    self._partial = b""
            self._pipe.close()
            if not self.busy:
                self.flush()

    def _read(self) -> bool:
        """Everything the pipe holds; False once its other end is closed."""
        while self._fd is not None:
            try:
                chunk = os.read(self._fd, CHUNK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not chunk:
                return False
            *complete, self._partial = (self._partial + chunk).split(b"\n")
            if len(self._partial) > LONGEST:
                complete, self._partial = [*complete, self._partial], b""
            if complete:
                self._add(complete)
        return False

    def _add(self, raw: list[bytes]) -> None:
        lines = [line.rstrip(b"\r").decode(errors="backslashreplace") for line in raw]
        self._lines += lines
        self._heard(lines)
