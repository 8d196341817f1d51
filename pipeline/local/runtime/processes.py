"""Starts the processes of an execution environment; none outlives the process that asked for it."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, cast

from pipeline.local.executables import dying_with_parent
from pipeline.local.runtime.output import Lines, Output

# One thread for all: the kernel's parent-death signal fires when the THREAD that started a process ends.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class Process:
    """A started process, its output piped, its end told once."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        ended: Callable[[Process], None],
    ) -> None:
        """OSError where it cannot be executed."""
        full = dying_with_parent(list(command))
        self._popen = _starter.submit(
            subprocess.Popen[bytes],
            full,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ).result()
        self.pid: int = self._popen.pid
        self.over = threading.Event()
        self._ended = ended

    def watch(self) -> None:
        """Tells of its end from now on; told apart from the start so that nobody hears of what it does not know yet."""
        threading.Thread(target=self._watch, name="process", daemon=True).start()

    @property
    def output(self) -> IO[bytes]:
        """Standard output and error."""
        return cast("IO[bytes]", self._popen.stdout)

    @property
    def status(self) -> str:
        """How it ended, as AWS words it."""
        code = self._popen.returncode
        return f"exit status {code}" if code >= 0 else f"signal: {-code}"

    def terminate(self) -> None:
        """SIGTERM."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.terminate()

    def kill(self) -> None:
        """SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.kill()

    def _watch(self) -> None:
        self._popen.wait()
        self.over.set()
        self._ended(self)


class Processes:
    """A bootstrap and the extensions beside it, with what they print."""

    def __init__(self, late: Lines | None, starting: AbstractContextManager[object]) -> None:
        """`late`: gets lines that are printed while no invocation runs; without it they wait to be taken."""
        self._starting = starting
        self.bootstrap: Process | None = None
        self._beside: list[Process] = []
        self._outputs: list[Output] = []
        self._late = late

    def start(
        self,
        command: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
        *,
        ended: Callable[[Process], None],
        heard: Lines,
        beside: bool,
    ) -> None:
        """Starts one; OSError where it cannot be executed. `heard` gets every line at once."""
        with self._starting:
            process = Process(command, folder, variables, ended)
        self._outputs.append(Output(process.output, self._late or (lambda _: None), heard, busy=self._late is None))
        if beside:
            self._beside.append(process)
        else:
            self.bootstrap = process
        process.watch()

    def lines(self) -> list[str]:
        """What was printed and nobody took yet."""
        return [line for output in self._outputs for line in output.take()]

    def claim(self, busy: bool) -> None:
        """Whether an invocation runs, which will take the lines."""
        if self._late is None:
            return
        for output in self._outputs:
            if busy:
                output.busy = True
            else:
                output.release()

    def extensions_live(self) -> bool:
        """Whether there is somebody to say goodbye to."""
        return any(not process.over.is_set() for process in self._beside)

    def end_bootstrap(self, timeout_s: float) -> None:
        """SIGTERM, and SIGKILL after that time; what it printed was read then."""
        if self.bootstrap is None:
            return
        self.bootstrap.terminate()
        if not self.bootstrap.over.wait(timeout_s):
            self.bootstrap.kill()
        self._outputs[-1].join()

    def kill(self) -> None:
        """SIGKILL for all."""
        for process in self._all():
            process.kill()

    def wait(self, timeout_s: float | None) -> bool:
        """Waits until all have ended and their output was read; False where that takes longer."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        for process in self._all():
            if not process.over.wait(None if deadline is None else max(0.0, deadline - time.monotonic())):
                return False
        for output in self._outputs:
            output.join()
        return True

    def _all(self) -> Sequence[Process]:
        return (*self._beside, *([self.bootstrap] if self.bootstrap else ()))
