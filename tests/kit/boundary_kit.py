"""The boundary to AWS, where a test decides what becomes of each call: it is made, lost, refused, or the caller dies.

Every call of every botocore client goes through one function; while a boundary stands, it is asked here first. A
`Process` is what AWS can tell apart of one: what happens in its `with` block. Once dead it makes no call any more,
whatever its `finally` blocks try.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError

Send = Callable[[], Any]
EXHAUSTIVE = bool(os.environ.get("CRABWALK_EXHAUSTIVE"))
WRITES = frozenset({"UpdateAlias", "PutObject", "PublishVersion", "UpdateFunctionCode"})


class Died(BaseException):
    """The process is dead: nothing may catch this."""


@dataclass(frozen=True)
class Call:
    """One call of AWS; `subject` is the function or the object, without the service's name."""

    service: str
    operation: str
    subject: str
    params: Any = field(compare=False, repr=False, default=None)

    def __str__(self) -> str:
        return f"{self.operation} {self.subject}".strip()


def call_of(service: str, operation: str, params: Any) -> Call:
    key = str(params.get("Key") or params.get("Prefix") or "")
    subject = key.removeprefix("crabwalk/services/").partition("/")[2].rpartition("/")[2] if service == "s3" else ""
    if "history/" in key:
        subject = "history"
    return Call(service, operation, subject or str(params.get("Qualifier", "")), params)


_current: ContextVar[Process | None] = ContextVar("process", default=None)


def current() -> Process | None:
    """Whose call this is."""
    return _current.get()


class Process:
    """A process whose calls of AWS meet at most one fault: at `place`, the fault named.

    Places are counted from 0; the same call made again at once (a poll) is one place.
    """

    def __init__(self, name: str, place: int = -1, fault: str = "") -> None:
        self.name, self.place, self.fault = name, place, fault
        self.places: list[Call] = []
        self.dead = self.met = False

    def gate(self, call: Call, send: Send) -> Any:
        if self.dead:
            raise Died(self.name)
        if not self.places or self.places[-1] != call:
            self.places.append(call)
        if self.met or len(self.places) - 1 != self.place:
            return send()
        self.met = True
        return FAULTS[self.fault](self, call, send)

    def die(self) -> None:
        self.dead = True
        raise Died(self.name)

    @contextmanager
    def running(self) -> Iterator[Process]:
        """What happens in here is done by this process; its death ends the block and nothing else."""
        token = _current.set(self)
        try:
            yield self
        except Died:
            pass
        finally:
            _current.reset(token)


def refusal(operation: str, status: int, code: str) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "said by the test"}, "ResponseMetadata": {"HTTPStatusCode": status}},
        operation,
    )


def _killed_before(process: Process, _call: Call, _send: Send) -> Any:
    process.die()


def _killed_after(process: Process, _call: Call, send: Send) -> Any:
    with suppress(ClientError):  # that it was refused is an answer too
        send()
    process.die()


def _throttled(_process: Process, call: Call, _send: Send) -> Any:
    code = ("SlowDown", 503) if call.service == "s3" else ("TooManyRequestsException", 429)
    raise refusal(call.operation, code[1], code[0])


def _fault_before(_process: Process, call: Call, _send: Send) -> Any:
    raise refusal(call.operation, 500, "ServiceException")


def _fault_after(_process: Process, call: Call, send: Send) -> Any:
    send()
    raise refusal(call.operation, 500, "ServiceException")


def _answer_lost(_process: Process, _call: Call, send: Send) -> Any:
    send()
    raise ReadTimeoutError(endpoint_url="http://aws")


def _never_arrived(_process: Process, _call: Call, _send: Send) -> Any:
    raise ReadTimeoutError(endpoint_url="http://aws")


def _expired(_process: Process, call: Call, _send: Send) -> Any:
    raise refusal(call.operation, 403, "ExpiredTokenException")


def _met_another(_process: Process, call: Call, send: Send) -> Any:
    """S3's answer to two conditional writes that met; other calls have no such answer and are made."""
    if call.operation == "PutObject":
        raise refusal(call.operation, 409, "ConditionalRequestConflict")
    return send()


def _refused_after_success(_process: Process, call: Call, send: Send) -> Any:
    """412 for what was done: somebody in between sent the write a second time."""
    done = send()
    guarded = {"RevisionId", "IfMatch", "IfNoneMatch"} & set(call.params)
    if call.operation in {"PutObject", "UpdateAlias"} and guarded:
        code = "PreconditionFailed" if call.service == "s3" else "PreconditionFailedException"
        raise refusal(call.operation, 412, code)
    return done


DEATHS = ("killed before", "killed after")
FAULTS: dict[str, Callable[[Process, Call, Send], Any]] = {
    "killed before": _killed_before,
    "killed after": _killed_after,
    "throttled": _throttled,
    "5xx, not done": _fault_before,
    "5xx, done": _fault_after,
    "answer lost, done": _answer_lost,
    "answer lost, not done": _never_arrived,
    "credentials expired": _expired,
    "409": _met_another,
    "412, done": _refused_after_success,
}

Gate = Callable[[Call, Send], Any]
Seen = Callable[[str, Call, Any], None]


class Inline:
    """A pool of threads that is none: a process's calls are made one after the other, in its own thread."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.map = map

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*arguments))
        except Exception as error:  # noqa: BLE001 - raised by whoever asks for the result; a death is raised here
            done.set_exception(error)
        return done

    def shutdown(self, **_: bool) -> None:
        """Nothing is left to wait for."""


@contextmanager
def boundary(backend: Callable[[Call], Any] | None = None, seen: Seen = lambda *_: None) -> Iterator[None]:
    """Stand at the boundary. `backend` answers instead of AWS where it returns something.

    `seen` hears of every call that AWS carried out: by whom ("" = no process), which, and what it answered.
    """
    make = BaseClient._make_api_call

    def asked(client: Any, operation: str, params: Any) -> Any:
        call = call_of(client.meta.service_model.service_name, operation, params)
        process = _current.get()

        def send() -> Any:
            answer = backend(call) if backend is not None else None
            if answer is None:
                answer = make(client, operation, params)
            seen(process.name if process else "", call, answer)
            return answer

        return process.gate(call, send) if process is not None else send()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", asked)
        patch.setattr("concurrent.futures.ThreadPoolExecutor", Inline)
        yield
