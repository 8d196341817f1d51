"""Requests to an API on loopback."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from contextlib import closing
from urllib.parse import urlsplit

_TIMEOUT_S = 30.0


def request(
    url: str, method: str = "GET", path: str = "", body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body of one request; `path` is added to the URL's own."""
    status, _, answered = exchange(url, method, path, body, headers)
    return status, answered


def exchange(
    url: str, method: str = "GET", path: str = "", body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """The same with the answer's headers, their names in small letters."""
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)) as connection:
        connection.request(method, (parts.path.rstrip("/") + path) or "/", body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
