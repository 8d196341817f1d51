"""The door: only loopback names get in, and no web page does, except to the APIs and function URLs it may call.

MiniStack answers any Host and any Origin; a page could create a function, which is native code run as you.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
DataPlane = Callable[[str, str], bool]

READY_PATH = "/_crabwalk/ready"
_LOOPBACK = re.compile(r"(127\.0\.0\.1|(?:[a-z0-9_-]+\.)*localhost)(:\d{1,5})?")
_AWS_SHAPED = re.compile(
    r"[a-z0-9-]{8,36}\.(lambda-url\.[a-z0-9-]+\.on\.aws|execute-api\.[a-z0-9-]+\.amazonaws\.com)(:\d{1,5})?"
)
_FOREIGN_SITE = ("cross-site", "same-site")


def allowed_host(host: str) -> bool:
    """Names that cannot be rebound to loopback by a foreign DNS server."""
    name = host.lower()
    return bool(_LOOPBACK.fullmatch(name) or _AWS_SHAPED.fullmatch(name))


def refusal(headers: list[tuple[bytes, bytes]], path: str, is_data_plane: DataPlane) -> str | None:
    """Why this request must not reach MiniStack; None if it may."""
    values = {name.lower(): value.decode("latin-1") for name, value in headers}
    host = values.get(b"host") or values.get(b":authority") or ""
    if not allowed_host(host):
        return f"the embedded AWS answers on loopback names only, not on {host or 'a request without a Host'!r}"
    if is_data_plane(host, path):
        return None  # the CORS that the API or the function URL declares decides
    if b"origin" in values:
        return "the embedded AWS answers no web page: the request carries an Origin"
    if values.get(b"sec-fetch-site") in _FOREIGN_SITE:
        return "the embedded AWS answers no web page: the request comes from another site"
    return None


def guard(app: App, is_data_plane: DataPlane) -> App:
    """MiniStack's ASGI application behind the door."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        path = scope.get("path", "")
        why = refusal(list(scope.get("headers", ())), path, is_data_plane)
        if scope["type"] == "websocket":
            if why:
                await send({"type": "websocket.close", "code": 1008})
                return
            await app(scope, receive, send)
        elif why:
            await _answer(send, 403, why.encode())
        elif path == READY_PATH:
            await _answer(send, 200, str(os.getpid()).encode())
        else:
            await app(scope, receive, _without_wildcard(scope, send, is_data_plane))

    return guarded


def _without_wildcard(scope: Scope, send: Send, is_data_plane: DataPlane) -> Send:
    """MiniStack's own `Access-Control-*: *` invites every page; only declared CORS leaves the house."""
    host = dict(scope.get("headers", ())).get(b"host", b"").decode("latin-1")
    if is_data_plane(host, scope.get("path", "")):
        return send

    async def stripped(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message["headers"] if not _is_cors(name)]
            message = {**message, "headers": kept}
        await send(message)

    return stripped


def _is_cors(name: bytes) -> bool:
    return name.lower().startswith(b"access-control-")


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
