"""Who registered with an environment's Extensions API, and which of them wait for their next event.

Nothing here locks: the environment calls it under its own lock.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.local.runtime.http import Request
from pipeline.local.runtime.model import Function
from pipeline.local.runtime.telemetry import Telemetry, read

NAME = "lambda-extension-name"
IDENTIFIER = "lambda-extension-identifier"
EVENTS = frozenset({"INVOKE", "SHUTDOWN"})


@dataclass
class Extension:
    """One that registered."""

    name: str
    events: tuple[str, ...]
    external: bool
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    ready: bool = False
    """Whether it asked for its first event."""
    parked: Request | None = None

    def park(self, request: Request) -> None:
        """It waits for its next event."""
        self.ready, self.parked = True, request


class Extensions:
    """All of one environment."""

    def __init__(self, function: Function, external: Iterable[str]) -> None:
        self._function = function
        self._external = tuple(external)
        self._known: dict[str, Extension] = {}

    def all_registered(self) -> bool:
        """Whether every process beside the function has registered."""
        return self.unready(registering=True) is None

    def unready(self, *, registering: bool) -> str | None:
        """The first that is not registered, or that did not ask for an event yet."""
        there = {one.name for one in self._known.values() if registering or one.ready}
        expected = (*self._external, *(one.name for one in self._known.values()))
        return next((name for name in expected if name not in there), None)

    def all_idle(self) -> bool:
        """Whether all wait for their next event. Those that want no INVOKE wait since init."""
        return all(one.parked is not None for one in self._known.values()) and self.all_registered()

    def wake(self, event: str) -> list[tuple[Request, str]]:
        """The waiting questions of those that want this event, and its identifier; they are busy from now on."""
        woken = []
        for one in self._known.values():
            if event in one.events and one.parked is not None:
                woken.append((one.parked, str(uuid.uuid4())))
                one.parked = None
        return woken

    def known(self, request: Request) -> Extension | None:
        """Who asks; refused here where nobody registered by that identifier."""
        extension = self._known.get(request.headers.get(IDENTIFIER, ""))
        if extension is None:
            request.finish()
            _refuse(request, "Extension.UnknownExtensionIdentifier", "unknown Lambda-Extension-Identifier")
        return extension

    def register(self, request: Request, body: bytes, *, closed: bool) -> None:
        """Answers a registration; `body` is the request's.

        A name that is no process of a layer is an extension inside the runtime's.
        """
        name = request.headers.get(NAME, "")
        try:
            document = json.loads(body or b"{}")
            wanted = tuple(dict.fromkeys(document.get("events") or ()))
        except (ValueError, AttributeError, TypeError, RecursionError):
            wanted = ("unreadable",)
        external = name in self._external
        if not name or not set(wanted) <= EVENTS:
            _refuse(request, "Extension.InvalidEventType", "a name, and INVOKE or SHUTDOWN", 400)
        elif closed or any(one.name == name for one in self._known.values()):
            _refuse(request, "Extension.RegistrationClosed", f"{name} cannot register now")
        elif not external and "SHUTDOWN" in wanted:
            _refuse(request, "Extension.InvalidEventType", "an internal extension gets no SHUTDOWN", 400)
        else:
            extension = Extension(name, wanted, external)
            self._known[extension.identifier] = extension
            request.connection.owner = name
            function = self._function
            said = {"functionName": function.name, "functionVersion": function.version, "handler": function.handler}
            if "accountId" in request.headers.get("lambda-extension-accept-feature", ""):
                said["accountId"] = function.account
            headers = (("Lambda-Extension-Identifier", extension.identifier), ("Content-Type", "application/json"))
            request.answer(200, json.dumps(said).encode(), headers)

    def subscribe(self, request: Request, telemetry: Telemetry, *, closed: bool) -> None:
        """Answers a subscription of the Telemetry API."""
        extension = self.known(request)
        if extension is None:
            return
        try:
            wanted = read(json.loads(request.body()))
        except (ValueError, AttributeError, TypeError, RecursionError) as fault:
            _refuse(request, "ValidationError", str(fault), 400)
            return
        if closed:
            _refuse(request, "Telemetry.SubscriptionClosed", "subscriptions are taken during init")
            return
        telemetry.subscribe(extension.name, wanted)
        request.answer(200, b'"OK"')


def _refuse(request: Request, error_type: str, message: str, status: int = 403) -> None:
    request.answer_json(status, {"errorType": error_type, "errorMessage": message})
