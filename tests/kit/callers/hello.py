"""`GET /?name=…` over the HTTP API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from callers.http import request
from pipeline.cli import demo

RATE = 5
GOOD = (demo.SOURCE, *demo.GOOD)
BAD = (demo.SOURCE, *demo.BAD)


def caller(shop: Any) -> Callable[[int], None]:
    """A greeting that must name who is greeted."""
    url = shop.url("hello")

    def call(number: int) -> None:
        status, body = request(url, path=f"/?name=Ada{number}")
        assert status == 200
        assert f"Ada{number}!".encode() in body

    return call
