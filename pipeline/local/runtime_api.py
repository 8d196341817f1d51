"""One execution environment of Lambda: the Runtime, Extensions and Telemetry API around a bootstrap and its extensions.

    with Environment(Function("hello"), [str(bootstrap)], variables) as environment:
        environment.start()
        answer = environment.invoke(b"{}")

What is served and in which order: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html,
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html and
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html. There is no sandbox: `/opt` is not
mounted, extensions run from where their layer was unpacked, and `sandbox.localdomain` is this machine's loopback.

Standard library only, no MiniStack: the cold-start bench and the tests run a bootstrap with nothing else around it.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Self

from pipeline.local.runtime import report
from pipeline.local.runtime.api import Api
from pipeline.local.runtime.model import (
    NOT_FOR_EXTENSIONS,
    Answer,
    Function,
    InitError,
    InitTimeoutError,
    Invocation,
    Stream,
    Times,
)
from pipeline.local.runtime.output import Lines
from pipeline.local.runtime.processes import Process, Processes

__all__ = ["Answer", "Environment", "Function", "InitError", "InitTimeoutError", "Stream", "Times"]

INIT_S = 10.0  # fixed by AWS
SHUTDOWN_S = 2.0  # with external extensions; without them Lambda does not wait
RUNTIME_SHARE_S = 0.3  # of it, for the runtime, before the extensions are told
DRAIN_S = 1.0  # what a process sent before it died is read


class Environment(Api):
    """A bootstrap, its extensions, and the API they talk to. Threads may share it; it runs one invocation at a time."""

    def __init__(
        self,
        function: Function,
        bootstrap: Sequence[str],
        variables: Mapping[str, str],
        *,
        folder: Path | None = None,
        extensions: Mapping[str, Sequence[str]] | None = None,
        late: Lines | None = None,
        starting: AbstractContextManager[object] | None = None,
    ) -> None:
        """`bootstrap`: its command (`executables.spawn_command`). `variables`: all that the runtime sees, without the
        API's address (`Function.environment`). `extensions`: command by name. `late`: gets lines that were printed
        while no invocation ran; without it they wait for the next answer or for `lines()`.
        `starting`: held while a process is started.
        """
        self._command, self._variables = list(bootstrap), dict(variables)
        self._folder = folder or Path(bootstrap[-1]).parent
        self._external = dict(extensions or {})
        super().__init__(function, self._external)
        self._processes = Processes(late, starting or nullcontext())
        self._turn = threading.Lock()  # an invocation's
        self._ender: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Of the bootstrap, once it was started."""
        return self._processes.bootstrap.pid if self._processes.bootstrap else None

    @property
    def usable(self) -> bool:
        """Whether another invocation may be run on it."""
        return self._initialised and self._failure is None and not self._closing

    # Init

    def start(self, timeout_s: float = INIT_S) -> None:
        """Starts the extensions, and when they are registered the bootstrap; returns when all of them are ready.

        Raises InitError when one ends or reports an error, InitTimeoutError when it takes longer.
        """
        deadline = time.monotonic() + timeout_s
        begun = time.perf_counter()
        self.telemetry.emit("platform.initStart", report.init_start(self.function))
        try:
            shared = {name: value for name, value in self._variables.items() if name not in NOT_FOR_EXTENSIONS}
            for name, command in self._external.items():
                self._spawn(command, Path(command[-1]).parent, shared, name)
            self._await(self._extensions.all_registered, deadline)
            self.times.started = time.perf_counter()
            self._spawn(self._command, self._folder, self._variables, None)
            self._await(lambda: self._parked is not None and self._extensions.all_idle(), deadline)
        except InitError as fault:
            status = "timeout" if isinstance(fault, InitTimeoutError) else "error"
            self.telemetry.emit("platform.initRuntimeDone", report.init_done(status, fault.error_type))
            raise
        self._init_ms = (time.perf_counter() - begun) * 1000
        self.telemetry.emit("platform.initRuntimeDone", report.init_done("success", None))
        self.telemetry.emit("platform.initReport", report.init_report(self._init_ms))
        self.telemetry.initialised()
        self._initialised = True

    def _spawn(self, command: Sequence[str], folder: Path, variables: Mapping[str, str], extension: str | None) -> None:
        kind, fault = ("extension", "Extension.LaunchError") if extension else ("function", "Runtime.InvalidEntrypoint")

        def heard(lines: list[str]) -> None:
            self.telemetry.lines(kind, lines)

        def ended(process: Process) -> None:
            self._exited(process, extension)

        variables = {**variables, "AWS_LAMBDA_RUNTIME_API": self.address}
        try:
            self._processes.start(command, folder, variables, ended=ended, heard=heard, beside=extension is not None)
        except OSError as error:
            raise InitError(fault, f"Couldn't execute {Path(command[-1]).name}: {error.strerror}") from error

    def _await(self, ready: Callable[[], bool], deadline: float) -> None:
        with self._state:
            self._state.wait_for(lambda: ready() or self._failure, deadline - time.monotonic())
            if self._failure is not None:
                raise self._failure
            if not ready():
                slow = self._extensions.unready(registering=self._processes.bootstrap is None)
                who = f"extension {slow}" if slow else "the bootstrap"
                raise InitTimeoutError("Sandbox.Timedout", f"{who} was not ready in time")

    # Invocations

    def invoke(
        self,
        event: bytes,
        *,
        request_id: str | None = None,
        timeout_s: float | None = None,
        arn: str | None = None,
        trace_id: str | None = None,
        stream: Stream | None = None,
    ) -> Answer:
        """Hands the event to the runtime and the extensions; returns with the function's answer, error or timeout.

        `timeout_s`: instead of the function's own. `stream`: gets the pieces of an answer in streaming mode. After an
        error that is the environment's (`usable` is false) it must be closed.
        """
        limit = self.function.timeout_s if timeout_s is None else timeout_s
        one = Invocation(event, request_id or str(uuid.uuid4()), limit, arn or self.function.arn, trace_id, stream)
        with self._turn:
            self._processes.claim(True)
            try:
                answer = self._hand_over(one) or self._await_answer(one)
                return replace(answer, lines=tuple(self._processes.lines()))
            finally:
                self._processes.claim(False)

    def _hand_over(self, one: Invocation) -> Answer | None:
        """None once everybody who waited for it has the event."""
        with self._state:
            # An extension may still be busy with the invocation before.
            self._state.wait_for(lambda: self._ready() or self._failure or self._closing, one.limit_s)
            runtime = self._parked
            if runtime is None or self._failure is not None or self._closing or not self._ready():
                return self._failed(one)
            one.begin()
            self._current, self._parked = one, None
            observers = self._extensions.wake("INVOKE")
        self.telemetry.emit("platform.start", report.start(one, self.function))
        if observers:
            event = json.dumps(report.invoke_event(one)).encode()
            for request, identifier in observers:
                request.answer(200, event, report.event_headers(identifier))
        runtime.answer(200, one.event, report.next_headers(one))
        return None

    def _await_answer(self, one: Invocation) -> Answer:
        with self._state:
            self._state.wait_for(lambda: one.answer or self._failure, max(0.0, one.deadline - time.monotonic()))
            self._current, self._unreported = None, one
            answer = one.answer = one.answer or self._failed(one)
        if self.times.first_answer is None:
            self.times.first_answer = time.perf_counter()
        self.telemetry.emit("platform.runtimeDone", report.runtime_done(one))
        self._report_if_done()
        return answer

    def _failed(self, one: Invocation) -> Answer:
        failure = self._failure
        if failure is None and self._closing:
            failure = InitError("Runtime.ExitError", "the execution environment was ended")
        elif failure is None:  # nobody died: it takes too long
            message = f"RequestId: {one.request_id} Error: Task timed out after {one.limit_s:.2f} seconds"
            failure = self._failure = InitError("Sandbox.Timedout", message)
        payload = failure.payload
        if failure.error_type in {"Runtime.ExitError", "Extension.Crash"}:
            payload = {**payload, "errorMessage": f"RequestId: {one.request_id} Error: {failure.what}"}
        return Answer(json.dumps(payload).encode(), failure.error_type)

    def lines(self) -> list[str]:
        """What the processes printed and nobody took yet."""
        return self._processes.lines()

    def _exited(self, process: Process, extension: str | None) -> None:
        """A process that ends by itself takes the environment with it; what it sent before is read first."""
        deadline = time.monotonic() + DRAIN_S
        owner = extension or "runtime"
        with self._state:
            self._state.wait_for(lambda: not self._server.open(owner), deadline - time.monotonic())
            if not self._closing or self._current is not None:
                kind = "Runtime.ExitError" if extension is None else "Extension.Crash"
                who = "Runtime" if extension is None else f"Extension {extension}"
                self._failure = self._failure or InitError(kind, f"{who} exited with error: {process.status}")
            self._state.notify_all()

    # The end

    def terminate(self, reason: str = "spindown") -> None:
        """Begins the end and returns: extensions get SHUTDOWN with this reason and two seconds, the runtime SIGTERM."""
        with self._state:
            if self._closing:
                return
            self._closing = True
            self._last_ms = int((time.time() + SHUTDOWN_S) * 1000)
            self._state.notify_all()
        if self._processes.extensions_live():
            self._ender = threading.Thread(target=self._end, args=(reason,), name="shutdown", daemon=True)
            self._ender.start()
        else:
            self._destroy()

    def _end(self, reason: str) -> None:
        deadline = time.monotonic() + SHUTDOWN_S
        with self._state:  # the last invocation is over when everybody asked for the next one
            self._state.wait_for(lambda: self._unreported is None or self._failure, RUNTIME_SHARE_S)
        self._processes.end_bootstrap(RUNTIME_SHARE_S)
        self.telemetry.close((deadline - time.monotonic()) / 2)
        self._reason = reason
        self._tell_shutdown()
        self._processes.wait(deadline - time.monotonic())
        self._destroy()

    def _destroy(self) -> None:
        self._processes.kill()
        self._server.close()
        self.telemetry.close(0)  # nobody is there to take what is left

    def kill(self) -> None:
        """Ends everything at once, extensions are not asked."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        self._destroy()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until all processes have ended and what they printed was read; False where that takes longer."""
        if self._ender is not None:
            self._ender.join(timeout_s)
        return self._processes.wait(timeout_s)

    def close(self, reason: str = "spindown") -> None:
        """Ends it in order and waits for that."""
        self.terminate(reason)
        self.wait()
