"""Whom the loopback server answers, and how."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from pipeline.errors import UsageError
from pipeline.serving import HEADERS, LOOPBACK, Answer, serving


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(0, lambda path: Answer(HTTPStatus.OK, f"<p>{path}</p>"), "default-src 'none'") as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_port
        server.shutdown()


def ask(port: int, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, "/x?y", headers={"Host": f"{LOOPBACK}:{port}", **named})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body, dict(answer.getheaders())


def test_a_page_comes_with_what_keeps_others_out(port: int) -> None:
    status, body, headers = ask(port)
    assert (status, body) == (200, "<p>/x?y</p>")
    assert dict(HEADERS).items() <= headers.items()
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Server"] == "crabwalk"
    assert not any(name.startswith("Access-Control") for name in headers)
    assert ask(port, Host=f"localhost:{port}")[0] == 200
    assert ask(port, Sec_Fetch_Site="none", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")[0] == 200
    assert ask(port, "HEAD")[:2] == (200, "")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "example.com"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
    ],
)
def test_others_are_refused(port: int, headers: dict[str, str]) -> None:
    status, body, answered = ask(port, **headers)
    assert status == 403
    assert "<p>" not in body
    assert answered["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_asked_to_change(port: int, method: str) -> None:
    assert ask(port, method)[0] == 405


def test_it_listens_on_loopback_only(port: int) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - refused, or no way there
        socket.create_connection(("127.0.0.2", port), timeout=2)


def test_a_port_that_is_taken_is_a_usage_error(port: int) -> None:
    with pytest.raises(UsageError, match=f"port {port} cannot be listened on"):
        serving(port, lambda _: Answer(HTTPStatus.OK, ""), "")
