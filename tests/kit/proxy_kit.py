"""A door to the embedded AWS that a test can shut: a TCP forwarder on loopback, found like the real one."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pipeline import local


class Door:
    """Forwards every connection to the embedded AWS until it is shut; afterwards connecting is refused."""

    def __init__(self, running: local.Running, folder: Path) -> None:
        self._target = ("127.0.0.1", urlsplit(running.endpoint).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        state = json.loads((running.data_dir / "server.json").read_text())
        state["endpoint"] = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        folder.mkdir()
        (folder / "server.json").write_text(json.dumps(state))
        self.variables = {"CRABWALK_LOCAL_DIR": str(folder)}

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        for thread in self._threads:
            thread.join()
        for one in self._open:
            one.close()

    def shut(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in tuple(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                self._spawn(self._pump, near, far)
                self._spawn(self._pump, far, near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _spawn(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)
