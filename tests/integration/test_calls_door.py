"""How the door that records calls answers: whoever calls through it sees no difference from the embedded AWS."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import edge_kit
import pytest
from calls_kit import Door

from pipeline import local


def port(door: Door) -> int:
    return urlsplit(door.endpoint).port or 0


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes]]:
    """What sockets of this process send, each with its own port."""
    kept: list[tuple[int, bytes]] = []

    def keeping(send: Callable[..., Any]) -> Callable[..., Any]:
        def kept_too(line: socket.socket, data: bytes, *flags: int) -> Any:
            kept.append((line.getsockname()[1], bytes(data)))
            return send(line, data, *flags)

        return kept_too

    for name in ("send", "sendall"):
        monkeypatch.setattr(socket.socket, name, keeping(getattr(socket.socket, name)))
    return kept


# In two pieces, one Terraform in ten lost the second and made things twice.
def test_an_answer_leaves_in_one_piece(
    embedded: local.Running, tmp_path: Path, pieces: list[tuple[int, bytes]]
) -> None:
    with Door(embedded, tmp_path / "door").open() as door:
        line = http.client.HTTPConnection("127.0.0.1", port(door), timeout=20)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        line.request("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", form)
        body = line.getresponse().read()
        line.close()
    answered = [sent for here, sent in pieces if here == port(door)]
    assert len(answered) == 1
    assert answered[0].endswith(b"\r\n\r\n" + body)


def test_who_asks_before_it_sends_a_body_is_told_to_go_on(
    embedded: local.Running, tmp_path: Path, namespace: str
) -> None:
    s3 = edge_kit.client(embedded, "s3")
    s3.create_bucket(Bucket=namespace)
    head = f"PUT /{namespace}/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    with (
        Door(embedded, tmp_path / "door").open() as door,
        socket.create_connection(("127.0.0.1", port(door)), timeout=20) as line,
    ):
        line.sendall(head.encode())
        assert line.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"crab")
        assert line.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert s3.get_object(Bucket=namespace, Key="key")["Body"].read() == b"crab"
