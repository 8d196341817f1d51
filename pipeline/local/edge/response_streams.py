"""Answers in streaming mode leave piece by piece: through function URLs with RESPONSE_STREAM and
InvokeWithResponseStream. MiniStack kept them back until their end, and lost bytes that are no UTF-8.

A caller that goes away does not stop the function: "streamed responses are not interrupted or stopped when the invoking
client connection is broken" (https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html). A
caller that reads slowly makes the function wait in its write.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from ministack.core.responses import StreamingResponse
from ministack.services import lambda_svc

from pipeline.local.patching import Patch, replace, require
from pipeline.local.runtime.model import HTTP_STREAM, PRELUDE

PIECES = 16  # of at most 64 kB that wait for a slow caller
MAX_HEAD = 65536
EVENT_STREAM = "application/vnd.amazon.eventstream"

_wanted: contextvars.ContextVar[Relay | None] = contextvars.ContextVar("wanted", default=None)
_tasks: set[asyncio.Task[Any]] = set()  # a task that nobody holds may be collected


class Relay:
    """Hands pieces from the thread that reads the function's answer to the loop that answers the caller."""

    def __init__(self) -> None:
        self.version = "$LATEST"
        self.content_type = ""
        self.begun = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(PIECES)
        self._gone = False

    def begin(self, content_type: str) -> None:
        """From the function's thread."""
        self.content_type = content_type
        self._loop.call_soon_threadsafe(self.begun.set)

    def write(self, piece: bytes) -> None:
        """From the function's thread; waits for a caller that is slow, not for one that is gone."""
        if not self._gone:
            self._room.acquire()
            self._loop.call_soon_threadsafe(self._queue.put_nowait, piece)

    def end(self, _: object = None) -> None:
        """Nothing comes after what is there."""
        self._queue.put_nowait(None)

    def leave(self) -> None:
        """The caller is gone: what comes is thrown away."""
        self._gone = True
        self._room.release(PIECES)

    async def pieces(self) -> AsyncIterator[bytes]:
        """What the function writes, until its end."""
        while (piece := await self._queue.get()) is not None:
            self._room.release()
            yield piece

    async def head(self) -> tuple[dict[str, Any], bytes]:
        """The prelude of an HTTP answer and the first bytes of its body; no prelude where the function wrote none."""
        if self.content_type != HTTP_STREAM:
            return {}, b""
        held = b""
        async for piece in self.pieces():
            held += piece
            head, found, rest = held.partition(PRELUDE)
            if found:
                prelude = _object(head)
                return (prelude, rest) if prelude is not None else ({}, held)
            if len(held) > MAX_HEAD:
                break
        else:
            self.end()
        return {}, held


def wanted(config: Mapping[str, Any]) -> Relay | None:
    """Where the invocation of this thread wants its streamed answer; None for those that want it as a whole."""
    relay = _wanted.get()
    if relay is not None:
        relay.version = str(config.get("Version", "$LATEST"))
    return relay


async def _until_it_streams(work: Callable[[], Awaitable[Any]]) -> tuple[Relay, asyncio.Task[Any]]:
    """Starts the invocation; returns when the function begins to stream or the invocation is over without it."""
    relay = Relay()
    token = _wanted.set(relay)
    try:
        task: asyncio.Task[Any] = asyncio.ensure_future(work())
    finally:
        _wanted.reset(token)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    task.add_done_callback(relay.end)
    begun = asyncio.ensure_future(relay.begun.wait())
    await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    return relay, task


async def _send(send: Any, receive: Any, relay: Relay, frames: AsyncIterator[bytes]) -> bool:
    """Sends as it comes; False when the caller went away first."""
    left = asyncio.ensure_future(_disconnected(receive))
    try:
        async for frame in frames:
            if left.done():
                return False
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        return not left.done()
    finally:
        relay.leave()
        left.cancel()


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _of_url(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle(url_id: str, method: str, path: str, headers: Any, *args: Any, **kwargs: Any) -> Any:
        resolved = lambda_svc.resolve_function_url(url_id)
        if resolved is None or resolved[4].get("InvokeMode") != "RESPONSE_STREAM":
            return await original(url_id, method, path, headers, *args, **kwargs)
        relay, task = await _until_it_streams(lambda: original(url_id, method, path, headers, *args, **kwargs))
        if not relay.begun.is_set():
            return task.result()
        prelude, first = await relay.head()

        async def frames() -> AsyncIterator[bytes]:
            if first:
                yield first
            async for piece in relay.pieces():
                yield piece

        async def run(send: Any, receive: Any) -> None:
            # A body that broke off stays without its last frame, so that the caller sees it.
            if await _send(send, receive, relay, frames()) and not await _failed(task):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        answered = _headers(prelude, relay.content_type, resolved[4], headers)
        return int(prelude.get("statusCode", 200)), answered, StreamingResponse(run)

    return handle


def _headers(prelude: Mapping[str, Any], content_type: str, url: Any, asked: Any) -> dict[str, Any]:
    own = content_type not in {"", HTTP_STREAM}
    headers: dict[str, Any] = {"Content-Type": content_type if own else "application/octet-stream"}
    for some in (prelude.get("headers") or {}, lambda_svc._function_url_cors_headers(url, asked)):  # noqa: SLF001
        lambda_svc._apply_headers_case_insensitively(headers, some)  # noqa: SLF001
    if cookies := prelude.get("cookies"):
        headers["Set-Cookie"] = list(cookies)
    return headers


async def _failed(task: asyncio.Task[Any]) -> bool:
    """Whether the function reported an error after it had begun to answer."""
    status, _, _ = await task
    return int(status) == 502


def _of_call(_original: Callable[..., Any]) -> Callable[..., Any]:
    async def invoke(
        name: str,
        event: Any,
        headers: Any,
        path_qualifier: str | None = None,
        query_params: dict[str, Any] | None = None,
    ) -> Any:
        relay, task = await _until_it_streams(
            lambda: lambda_svc._invoke(name, event, headers, path_qualifier, query_params)  # noqa: SLF001
        )
        answered = {"Content-Type": EVENT_STREAM, "X-Amzn-Lambda-Response-Streamed": "true"}
        if not relay.begun.is_set():
            status, said, body = task.result()
            if status != 200:  # a refusal, which AWS answers as it does those of Invoke
                return status, said, body
            chunk = _frame("PayloadChunk", "application/octet-stream", bytes(body)) if body else b""
            return 200, {**said, **answered}, chunk + _complete(said, body)

        async def frames() -> AsyncIterator[bytes]:
            async for piece in relay.pieces():
                yield _frame("PayloadChunk", "application/octet-stream", piece)
            _, said, body = await task
            yield _complete(said, body)

        async def run(send: Any, receive: Any) -> None:
            if await _send(send, receive, relay, frames()):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        return 200, {**answered, "X-Amz-Executed-Version": relay.version}, StreamingResponse(run)

    return invoke


def _complete(said: Mapping[str, str], body: bytes) -> bytes:
    fault = said.get("X-Amz-Function-Error")
    details = {"ErrorCode": fault, "ErrorDetails": bytes(body).decode(errors="replace")} if fault else {}
    return _frame("InvokeComplete", "application/json", json.dumps(details).encode())


def _frame(kind: str, content_type: str, payload: bytes) -> bytes:
    headers = {":message-type": "event", ":event-type": kind, ":content-type": content_type}
    encoded: bytes = lambda_svc._es_encode_message(headers, payload)  # noqa: SLF001
    return encoded


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def apply() -> list[Patch]:
    url = "url_id method path headers body query_params resolved source_ip"
    call = "name event headers path_qualifier query_params"
    why = "kept streamed answers back until their end"
    return [
        replace(lambda_svc, "handle_function_url_request", url, why, _of_url),
        replace(lambda_svc, "_invoke_with_response_stream", call, why, _of_call),
        require(lambda_svc, "_function_url_cors_headers", "cfg request_headers"),
        require(lambda_svc, "_apply_headers_case_insensitively", "base overrides"),
        require(lambda_svc, "_es_encode_message", "headers payload"),
    ]
