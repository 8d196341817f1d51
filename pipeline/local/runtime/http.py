"""HTTP/1.1 for one execution environment on loopback: a thread a connection, one write an answer, parked answers.

Whoever answers a request may be another thread than the one that read it: an event goes from the invoker straight into
the socket on which the runtime waits for it. Standard library only, without http.server, whose headers go through the
e-mail package and whose answers are two writes (40 ms of Nagle and delayed ACK each).
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from io import BufferedReader
from typing import Any

LINE_LIMIT = 65536
CHUNK = 65536
JSON = (("Content-Type", "application/json"),)


class Request:
    """One request: its head, its body as it comes, and the way to answer it once, from any thread."""

    def __init__(self, connection: Connection, method: str, path: str, headers: Mapping[str, str]) -> None:
        self.connection = connection
        self.method = method
        self.path = path
        self.headers = headers
        """Names in lower case; the first of those that are repeated."""
        self.trailers: Mapping[str, str] = {}
        """What came after a chunked body, once that was read."""
        self._body = self._arriving()

    def pieces(self) -> Iterator[bytes]:
        """What is left of the body, as it arrives; ConnectionError when the other side ends before its end."""
        return self._body

    def _arriving(self) -> Iterator[bytes]:
        reader = self.connection.reader
        if self.headers.get("expect", "").lower() == "100-continue":
            self.connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            left = int(self.headers.get("content-length") or 0)
            while left:
                piece = reader.read1(min(left, CHUNK))
                if not piece:
                    raise ConnectionError("the body ended early")
                left -= len(piece)
                yield piece
            return
        while left := _chunk_size(reader):
            while left:
                piece = reader.read1(min(left, CHUNK))
                if not piece:
                    raise ConnectionError("a chunk ended early")
                left -= len(piece)
                yield piece
            reader.readline(LINE_LIMIT)
        self.trailers = read_headers(reader)

    def body(self) -> bytes:
        """All of the body."""
        return b"".join(self.pieces())

    def answer(self, status: int, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()) -> bool:
        """Writes the answer in one piece; False when the other side is gone."""
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        return self.connection.send("\r\n".join((*lines, "\r\n")).encode("latin-1", "replace") + body)

    def answer_json(self, status: int, value: Any) -> bool:
        """The same, with a JSON body."""
        return self.answer(status, json.dumps(value).encode(), JSON)

    def finish(self) -> None:
        """Reads what nobody asked for, so that the next request of the connection is found."""
        for _ in self.pieces():
            pass


Handle = Callable[[Request], None]
"""Answers a request or keeps it for later; runs in the thread of its connection."""


class Connection:
    """A client's connection."""

    def __init__(self, peer: socket.socket) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = peer
        self.reader: BufferedReader = peer.makefile("rb")
        self.owner: str | None = None
        """Whose connection it is, as soon as a request told."""

    def send(self, data: bytes) -> bool:
        """False when the other side is gone."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def read(self) -> Request | None:
        """The next request; None at the end of the connection, or for what is no HTTP/1.1."""
        words = self.reader.readline(LINE_LIMIT).decode("latin-1").split()
        if len(words) != 3:
            return None
        return Request(self, words[0], words[1], read_headers(self.reader))

    def end(self) -> None:
        """Both directions; wakes up its reader, who closes it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Gives the socket back."""
        with contextlib.suppress(OSError):
            self.reader.close()
        self._socket.close()


class Server:
    """Listens on a loopback port of its own until it is closed."""

    def __init__(self, handle: Handle, ended: Callable[[Connection], None], name: str = "runtime-api") -> None:
        self._handle = handle
        self._ended = ended
        self._name = name
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._connections: set[Connection] = set()
        self._lock = threading.Lock()
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name=name, daemon=True).start()

    @property
    def address(self) -> str:
        """As AWS_LAMBDA_RUNTIME_API has it."""
        return f"127.0.0.1:{self.port}"

    def open(self, owner: str) -> bool:
        """Whether a connection of this owner is still read."""
        with self._lock:
            return any(one.owner == owner for one in self._connections)

    def close(self) -> None:
        """Ends every connection; what waits for an answer gets none."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            connection.end()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(peer)
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name=self._name, daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            while (request := connection.read()) is not None:
                self._handle(request)
                request.finish()
        except (OSError, ValueError):
            pass  # it went away, or it speaks something else
        finally:
            connection.close()
            with self._lock:
                self._connections.discard(connection)
            self._ended(connection)


def read_headers(reader: BufferedReader) -> dict[str, str]:
    """Up to the empty line; a field that is repeated keeps its first value, as the Runtime API sends none twice."""
    headers: dict[str, str] = {}
    while (line := reader.readline(LINE_LIMIT)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _chunk_size(reader: BufferedReader) -> int:
    line = reader.readline(LINE_LIMIT)
    if not line:
        raise ConnectionError("a chunked body ended early")
    return int(line.partition(b";")[0], 16)
