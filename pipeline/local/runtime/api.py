"""The state of an execution environment that requests of its runtime and its extensions change, and their answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable

from pipeline.local.runtime import report
from pipeline.local.runtime.answers import read_answer, reported
from pipeline.local.runtime.extensions import Extension, Extensions
from pipeline.local.runtime.http import Connection, Request, Server
from pipeline.local.runtime.model import Function, InitError, Invocation, Times
from pipeline.local.runtime.telemetry import Telemetry

RUNTIME = "/2018-06-01/runtime/"
EXTENSION = "/2020-01-01/extension/"
TELEMETRY = "/2022-07-01/telemetry"
INVALID_REQUEST = {"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"}
OK = {"status": "OK"}


class Api:
    """Serves the three APIs; `_state` guards everything that follows it."""

    def __init__(self, function: Function, external: Iterable[str]) -> None:
        self.function = function
        self.times = Times()
        self.telemetry = Telemetry()
        self._state = threading.Condition()
        self._extensions = Extensions(function, external)
        self._parked: Request | None = None  # the runtime's question for the next event
        self._current: Invocation | None = None
        self._unreported: Invocation | None = None
        self._failure: InitError | None = None
        self._closing = False
        self._initialised = False
        self._init_ms: float | None = None
        self._reason: str | None = None  # of the SHUTDOWN that extensions get when they ask from now on
        self._last_ms = 0
        self._server = Server(self._handle, self._disconnected)

    @property
    def address(self) -> str:
        """Where the API listens."""
        return self._server.address

    def _ready(self) -> bool:
        return self._parked is not None and self._extensions.all_idle()

    def _report_if_done(self) -> None:
        """The invocation is over for Lambda when the runtime and all extensions asked for the next event."""
        with self._state:
            one = self._unreported
            if one is None or not self._ready():
                return
            self._unreported = None
            init_ms, self._init_ms = self._init_ms, None
            self.telemetry.emit("platform.report", report.report(one, self.function, init_ms))
            self._state.notify_all()

    def _tell_shutdown(self) -> None:
        with self._state:
            asking = self._extensions.wake("SHUTDOWN")
        body = json.dumps(report.shutdown_event(self._reason or "spindown", self._last_ms)).encode()
        for request, identifier in asking:
            request.answer(200, body, report.event_headers(identifier))

    def _handle(self, request: Request) -> None:
        path = request.path
        if path.startswith(RUNTIME):
            request.connection.owner = "runtime"
            self._runtime(request, path.removeprefix(RUNTIME))
        elif path.startswith(EXTENSION):
            self._extension(request, path.removeprefix(EXTENSION))
        elif (request.method, path) == ("PUT", TELEMETRY):
            self._extensions.subscribe(request, self.telemetry, closed=self._initialised)
        else:
            request.finish()
            request.answer(404)

    def _runtime(self, request: Request, path: str) -> None:
        words = path.split("/")
        if (request.method, path) == ("GET", "invocation/next"):
            with self._state:
                if self.times.first_next is None:
                    self.times.first_next = time.perf_counter()
                self._parked = request
                self._state.notify_all()
            self._report_if_done()
        elif (request.method, path) == ("POST", "init/error"):
            self._fail(reported(request, "Runtime.Unknown"))
            request.answer_json(202, OK)
        elif request.method == "POST" and len(words) == 3 and words[2] in {"response", "error"}:
            self._answered(request, words[1], error=words[2] == "error")
        else:
            request.finish()
            request.answer(404)

    def _answered(self, request: Request, request_id: str, *, error: bool) -> None:
        one = self._current
        if one is None or one.request_id != request_id or one.answer is not None:
            request.finish()
            request.answer_json(400, INVALID_REQUEST)
            return
        answer, status = read_answer(request, one, self.function.streamed_bytes, error=error)
        if status == 202:
            request.answer_json(202, OK)
        else:
            request.answer_json(status, json.loads(answer.body))
        with self._state:
            one.answer = answer
            self._state.notify_all()

    def _extension(self, request: Request, path: str) -> None:
        if (request.method, path) == ("POST", "register"):
            document = request.body()  # whoever sends it slowly holds up nobody else
            with self._state:
                self._extensions.register(request, document, closed=self._initialised)
                self._state.notify_all()
            return
        extension = self._extensions.known(request)
        if extension is None:
            return
        request.connection.owner = extension.name
        if (request.method, path) == ("GET", "event/next"):
            self._next_of(extension, request)
        elif request.method == "POST" and path in {"init/error", "exit/error"}:
            kind = "Extension.InitError" if path == "init/error" else "Extension.ExitError"
            fault = reported(request, kind)
            self._fail(InitError(kind, f"extension {extension.name}: {fault.what}"))
            request.answer_json(202, OK)
        else:
            request.finish()
            request.answer(404)

    def _next_of(self, extension: Extension, request: Request) -> None:
        first = not extension.ready
        with self._state:
            extension.park(request)
            ending = self._reason is not None
            self._state.notify_all()
        if first:
            self.telemetry.emit("platform.extension", report.extension(extension.name, extension.events))
        if ending:
            self._tell_shutdown()
        self._report_if_done()

    def _fail(self, failure: InitError) -> None:
        with self._state:
            self._failure = self._failure or failure
            self._state.notify_all()

    def _disconnected(self, connection: Connection) -> None:
        if connection.owner is not None:
            with self._state:
                self._state.notify_all()
