"""Starts, follows and stops Terraform processes. Knows neither what they are asked nor what they say.

What a process writes goes to a file without a name, not to a pipe: where crabwalk is killed, Terraform goes on to its
end, saves the state and releases its lock, instead of dying of a pipe nobody reads. Must never signal Terraform's
group while the leader can still release its lock.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from pipeline.errors import TerraformError

GRACE_S = 30.0  # after the one SIGINT: time to end the running call and to release the lock
LOOK_S = 0.05  # how often it is looked whether there is more to read
_CHUNK_BYTES = 1 << 20
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(eq=False)
class Running:
    """A process with what it wrote so far; `killed` once it did not end in time."""

    process: subprocess.Popen[bytes]
    out: IO[bytes]
    err: IO[bytes]
    killed: bool = False

    def lines(self) -> Iterator[bytes]:
        """What it writes to stdout, line by line, until it has ended."""
        offset, rest = 0, b""
        ended = False
        while True:
            # `pread` leaves the place alone at which the process goes on writing.
            chunk = os.pread(self.out.fileno(), _CHUNK_BYTES, offset)
            if chunk:
                offset += len(chunk)
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            elif ended:
                break
            else:
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(LOOK_S)
                    ended = True  # and once more, for what it wrote last
        if rest:
            yield rest

    def complaint(self) -> bytes:
        """What it wrote to stderr."""
        return os.pread(self.err.fileno(), _CHUNK_BYTES, 0)

    def interrupt(self) -> None:
        """Ask it to end; a second time would make Terraform drop its lock."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it with its plugins, which leaves the lock."""
        if self.process.poll() is None:
            self.killed = True
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class _Children:
    """The processes that run, for whoever has to end them all; once `stopping` no other is started."""

    running: set[Running] = field(default_factory=set)
    stopping: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


_children = _Children()
_spawning: ContextVar[tuple[Mapping[str, str], IO[bytes], IO[bytes]]] = ContextVar("terraform_spawning")


@contextmanager
def started(
    binary: str, directory: Path, environment: Mapping[str, str], command: str, arguments: Sequence[str]
) -> Iterator[Running]:
    """A running process, in its own process group and with the given environment only.

    However the block is left, the process has ended: asked once, then killed.
    """
    with _terminable(), tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _children.lock:  # whoever stops all of them misses none
            if _children.stopping:
                what = f"terraform {command} was not started: this run is being ended"
                raise TerraformError(what, where=str(directory))
            token = _spawning.set((environment, out, err))
            try:
                running = Running(_start(binary, directory, command, arguments), out, err)
            finally:
                _spawning.reset(token)
            _children.running.add(running)
        try:
            yield running
        except BaseException:
            stop(running)
            raise
        finally:
            with _children.lock:
                _children.running.discard(running)


@contextmanager
def interruptible(ended: Callable[[], None]) -> Iterator[None]:
    """For a thread whose workers run Terraform: when it is interrupted, each process is, and comes to its end.

    `ended` returns once the workers have ended too; until then no other process is started.
    """
    try:
        yield
    except BaseException:
        _children.stopping = True
        try:
            with _ignoring():
                interrupt_all()
                ended()
        finally:
            _children.stopping = False
        raise


def interrupt_all(grace_s: float = GRACE_S) -> None:
    """One SIGINT to each leader, as long as one has time to end, then all that are left are killed."""
    with _children.lock:
        left = list(_children.running)
    for running in left:
        running.interrupt()
    until = time.monotonic() + grace_s
    for running in left:
        with suppress(subprocess.TimeoutExpired):
            running.process.wait(max(0.0, until - time.monotonic()))
    for running in left:
        running.kill()


def stop(running: Running, grace_s: float = GRACE_S) -> None:
    """One SIGINT to the leader, which ends its plugins and releases its lock; then the group is killed."""
    with _ignoring():
        if running.process.poll() is None:
            running.interrupt()
            with suppress(subprocess.TimeoutExpired):
                running.process.wait(timeout=grace_s)
        running.kill()


@contextmanager
def _ignoring() -> Iterator[None]:
    """A second SIGINT would make Terraform drop the lock, so further signals to us are ignored meanwhile."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS} if main else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(binary: str, directory: Path, command: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start through python-terraform's `cmd`."""
    import python_terraform

    class Command(python_terraform.Terraform):  # type: ignore[misc]
        def generate_cmd_string(self, cmd: str, *args: str, **options: object) -> list[str]:
            options.pop("synchronous", None)  # it would become the flag -synchronous=false
            made: list[str] = super().generate_cmd_string(cmd, *args, **options)
            return made

    python_terraform.subprocess = _Spawner
    try:
        process: subprocess.Popen[bytes]
        process, _, _ = Command(working_dir=str(directory), terraform_bin_path=binary).cmd(
            command, *arguments, synchronous=False
        )
    except OSError as error:
        raise TerraformError(f"Terraform could not be started: {error}", where=binary) from error
    return process


class _Spawner:
    """Stands in for `subprocess` in python-terraform, whose `cmd` can pass neither environment nor process group."""

    PIPE = subprocess.PIPE

    @staticmethod
    def Popen(command: list[str], *, cwd: str, **_: object) -> subprocess.Popen[bytes]:  # noqa: N802
        environment, out, err = _spawning.get()
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=cwd,
            env=dict(environment),
            process_group=0,  # ^C in a terminal must not reach the plugins
        )


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception while Terraform runs, unless the program has a handler of its own."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return
    signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
