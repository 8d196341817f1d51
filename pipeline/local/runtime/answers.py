"""Reads what a runtime or an extension posts: answers, as a whole or in pieces, and errors."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from pipeline.local.runtime.http import Request
from pipeline.local.runtime.model import Answer, InitError, Invocation, Stream
from pipeline.quotas import ANSWER_BYTES

ERROR_TYPE = "lambda-runtime-function-error-type"
ERROR_BODY = "lambda-runtime-function-error-body"
MODE = "lambda-runtime-function-response-mode"


def read_answer(request: Request, one: Invocation, streamed_bytes: int, *, error: bool) -> tuple[Answer, int]:
    """The answer of an invocation, and the status that the runtime gets for it.

    A stream that passes its limit has given its caller all bytes up to it, and is an error from there on; what the
    function goes on writing is nobody's (`asyncPayloadCopy` in directinvoke.go of
    https://github.com/aws/aws-lambda-runtime-interface-emulator). Who wants an answer as a whole gets no more of one in
    streaming mode than of any other.
    """
    streaming = not error and request.headers.get(MODE, "").lower() == "streaming"
    content_type = request.headers.get("content-type", "application/octet-stream" if streaming else "application/json")
    stream = one.stream if streaming else None
    limit = streamed_bytes if stream is not None else ANSWER_BYTES
    try:
        kept = _receive(request, one, stream, content_type, limit)
    except (ConnectionError, ValueError) as fault:
        return Answer(_json("Runtime.TruncatedResponse", str(fault)), "Runtime.TruncatedResponse"), 400
    if one.produced > limit:
        kind = "Function.ResponseSizeTooLarge"
        size = f"Response payload size ({one.produced} bytes)"
        message = f"{size} exceeded maximum allowed payload size ({limit} bytes)."
        return Answer(_json(kind, message), kind), 413
    if failed := request.trailers.get(ERROR_TYPE):
        body = _decoded(request.trailers.get(ERROR_BODY, "")) or _json(failed, "")
        return Answer(body, failed, content_type, True), 202
    if error:
        return Answer(kept, request.headers.get(ERROR_TYPE) or _type_of(kept)), 202
    return Answer(kept, None, content_type, streaming), 202


def _receive(request: Request, one: Invocation, stream: Stream | None, content_type: str, limit: int) -> bytes:
    """All pieces as they come, up to the limit in bytes: to the stream, or kept. A stream is read no further."""
    kept: list[bytes] = []
    for piece in request.pieces():
        if one.first_byte is None:
            one.first_byte = time.perf_counter()
            if stream is not None:
                stream.begin(content_type)
        fitting = piece[: max(0, limit - one.produced)]
        one.produced += len(piece)
        if stream is None:
            kept.append(fitting)
            continue
        if fitting:
            stream.write(fitting)
        if one.produced > limit:
            break
    if stream is not None and one.first_byte is None:
        stream.begin(content_type)
    return b"".join(kept)


def reported(request: Request, kind: str) -> InitError:
    """An error during init, as the runtime or extension words it."""
    body = request.body()
    error_type = request.headers.get(ERROR_TYPE) or _type_of(body) or kind
    payload = _read(body)
    message = str(payload.get("errorMessage", "")) or error_type
    return InitError(error_type, message, payload or None)


def _type_of(body: bytes) -> str:
    return str(_read(body).get("errorType") or "Runtime.Unknown")


def _read(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


def _json(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()
