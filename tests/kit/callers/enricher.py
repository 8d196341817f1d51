"""Orders into the queue that the pipe reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

RATE = 8
SOURCE = "services/enricher/src/enrich.rs"
GOOD = (SOURCE, "nothing is shipped to its country", "nobody ships to its country")
# Two orders in three are refused.
BAD = (
    SOURCE,
    "    let (zone, shipping) = zone(",
    """    if order.id.ends_with(['3', '7']) {
        return Err("not this one".into());
    }
    let (zone, shipping) = zone(""",
)


def order(number: int | str, country: str = "DE", **more: Any) -> str:
    """The body of a message."""
    return json.dumps(
        {"kind": "order", "id": f"o-{number}", "country": country, "quantity": 2, "centsEach": 1000} | more
    )


def caller(shop: Any) -> Callable[[int], None]:
    """One order to complete; what comes out is asked elsewhere."""
    sqs, url = shop.client("sqs"), shop.queue("enricher", "orders")

    def call(number: int) -> None:
        sqs.send_message(QueueUrl=url, MessageBody=order(number))

    return call
