"""`GET /` over the HTTP API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from callers.http import request

RATE = 5
SOURCE = "services/health/src/main.rs"
GOOD = (SOURCE, '|| async { "healthy" }', '|| async { "healthy\\n" }')
# Every second call of a process; the smoke check is the first one.
BAD = (
    SOURCE,
    '|| async { "healthy\\n" }',
    """|| async {
        static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        if CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 == 1 {
            panic!("every second")
        }
        "healthy\\n"
    }""",
)


def caller(shop: Any) -> Callable[[int], None]:
    """A GET that must be answered `healthy`."""
    url = shop.url("health")

    def call(_number: int) -> None:
        status, body = request(url)
        assert (status, body.strip()) == (200, b"healthy")

    return call
