"""Posts JSON to an address that only an environment variable knows. The address is a secret: nothing here shows it."""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pipeline.errors import CrabwalkError

RETRY_AFTER_S = 1.0
MOST_READ = 65_536


class WebhookError(CrabwalkError):
    """The webhook could not be called, so it said neither yes nor no."""


@dataclass(frozen=True)
class Answer:
    """What a webhook answered; `text` without its address."""

    status: int
    text: str

    @property
    def good(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


def check_address(variable: str) -> None:
    """Raises WebhookError when the variable has no address that may be called."""
    _address(variable)


def post(
    variable: str, body: Mapping[str, Any], *, timeout_s: float, pause: Callable[[float], None] = time.sleep
) -> Answer:
    """POST `body` as JSON to the address in `variable`; what a 5xx or no answer leaves open is asked once more.

    Redirects are not followed and certificates are checked. Raises WebhookError when there is no address, or when the
    second try got no answer either; a second 5xx is returned.
    """
    url = _address(variable)
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    try:
        answer = _once(variable, url, data, timeout_s)
        if answer.status < 500:
            return answer
    except WebhookError:
        pass
    pause(RETRY_AFTER_S)
    return _once(variable, url, data, timeout_s)


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect could lead the body anywhere: it is an answer like any other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _once(variable: str, url: SplitResult, data: bytes, timeout_s: float) -> Answer:
    handlers: list[Any] = [_Stay, urllib.request.HTTPSHandler(context=ssl.create_default_context())]
    if url.scheme == "http":  # this machine's own: no proxy is asked for it
        handlers.append(urllib.request.ProxyHandler({}))
    headers = {"Content-Type": "application/json", "User-Agent": "crabwalk"}
    request = urllib.request.Request(url.geturl(), data, headers, method="POST")  # noqa: S310 - https, or loopback
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout_s) as answer:
            return Answer(answer.status, _text(answer, url))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _text(error, url))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unanswered(variable, error, timeout_s) from None  # whose own words could have the address


def _text(answer: Any, url: SplitResult) -> str:
    try:
        text = str(answer.read(MOST_READ), "utf-8", "backslashreplace")
    except (OSError, http.client.HTTPException):
        return ""
    for secret in (url.geturl(), url.path, url.query, url.netloc):
        text = text.replace(secret, "…") if len(secret) > 1 else text
    return text


def _unanswered(variable: str, error: Exception, timeout_s: float) -> WebhookError:
    cause = getattr(error, "reason", None)
    cause = cause if isinstance(cause, Exception) else error
    if isinstance(cause, TimeoutError):
        said = f"did not answer within {timeout_s:g} s"
    elif isinstance(cause, ssl.SSLCertVerificationError):
        said = f"has no valid certificate ({cause.verify_message.partition(',')[0]})"
    elif isinstance(cause, ssl.SSLError):
        said = "does not speak TLS"
    elif isinstance(cause, OSError):
        number = cause.errno or 0  # below 0: of the search for the host
        said = f"cannot be reached ({os.strerror(number) if number > 0 else 'no such host'})"
    else:
        said = "did not answer as HTTP does"
    return WebhookError(f"the webhook of {variable} {said}")


def _address(variable: str) -> SplitResult:
    """The address, which must be https; http only to this machine itself."""
    text = os.environ.get(variable, "").strip()
    if not text:
        hint = "set it where crabwalk runs, and in the watchdog's schedule"
        raise WebhookError(f"the variable {variable} is to hold a webhook's address and is not set", hint=hint)
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        host, url = "", urlsplit("")
    if not host or text != "".join(text.split()) or not (url.scheme == "https" or _is_here(url.scheme, host)):
        hint = "an https address; http is taken to this machine itself only"
        raise WebhookError(f"the variable {variable} holds no address that may be called", hint=hint)
    return url


def _is_here(scheme: str, host: str) -> bool:
    if scheme != "http":
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
