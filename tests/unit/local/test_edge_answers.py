"""What hypercorn writes of one answer, and when."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import h11
import pytest
from hypercorn.events import RawData
from hypercorn.protocol.h11 import H11Protocol

from pipeline.local.edge import answers


def written(monkeypatch: pytest.MonkeyPatch, head: h11.Response, *body: bytes, method: str = "POST") -> list[bytes]:
    """What goes out for one answer, piece by piece."""
    monkeypatch.setattr(H11Protocol, "_send_h11_event", H11Protocol._send_h11_event)
    answers.apply()
    pieces: list[bytes] = []

    async def send(event: RawData) -> None:
        pieces.append(event.data)

    connection = h11.Connection(h11.SERVER)
    connection.receive_data(f"{method} / HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    while not isinstance(connection.next_event(), h11.EndOfMessage):
        pass
    protocol = SimpleNamespace(connection=connection, send=send)
    for event in (head, *(h11.Data(data=one) for one in body), h11.EndOfMessage()):
        asyncio.run(H11Protocol._send_h11_event(protocol, event))
    return [piece for piece in pieces if piece]


def sized(length: int) -> h11.Response:
    return h11.Response(status_code=200, headers=[("Content-Length", str(length))])


# In two pieces, Terraform's SDK lost the second now and then and made things twice.
def test_an_answer_leaves_in_one_piece(monkeypatch):
    (one,) = written(monkeypatch, sized(4), b"crab")
    assert one.startswith(b"HTTP/1.1 200 ")
    assert one.endswith(b"\r\n\r\ncrab")


def test_an_answer_without_a_body_leaves_too(monkeypatch):
    assert len(written(monkeypatch, sized(0))) == 1
    assert len(written(monkeypatch, sized(4), method="HEAD")) == 1


def test_a_stream_begins_before_its_first_row(monkeypatch):
    head, *rows, end = written(monkeypatch, h11.Response(status_code=200, headers=[]), b"a,b", b"1,2")
    assert b"chunked" in head
    assert [row.split(b"\r\n")[1] for row in rows] == [b"a,b", b"1,2"]
    assert end == b"0\r\n\r\n"
