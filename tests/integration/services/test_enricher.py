"""Orders go through the pipe: from its queue, through the function's alias, completed into the target's queue."""

from __future__ import annotations

import json
from typing import Any

import pytest
from callers.enricher import order
from catalogue_kit import Catalogue, until


@pytest.fixture
def shop(catalogue: Catalogue) -> Catalogue:
    """Nothing of another test is under way."""
    until("an empty source", lambda: count(catalogue, catalogue.queue("enricher", "orders")) == 0)
    catalogue.client("sqs").purge_queue(QueueUrl=catalogue.queue("enricher", "completed"))
    return catalogue


def send(shop: Catalogue, *bodies: str) -> list[str]:
    """The messages' ids."""
    sqs, url = shop.client("sqs"), shop.queue("enricher", "orders")
    entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
    return [one["MessageId"] for one in sorted(sent, key=lambda one: int(one["Id"]))]


def received(shop: Catalogue, count: int) -> list[dict[str, Any]]:
    """What arrived in the target, in its order."""
    sqs, url = shop.client("sqs"), shop.queue("enricher", "completed")
    found: list[dict[str, Any]] = []

    def more() -> bool:
        for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            found.append(json.loads(one["Body"]))
        return len(found) >= count

    until(f"{count} elements", more)
    return found


def count(shop: Catalogue, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = shop.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_orders_come_out_completed_in_their_order(shop: Catalogue) -> None:
    ids = send(shop, *(order(number) for number in range(8)))
    answers = received(shop, 8)
    assert [answer["order"]["id"] for answer in answers] == [f"o-{number}" for number in range(8)]
    assert [answer["from"] for answer in answers] == [{"source": "queue", "messageId": one} for one in ids]
    assert {(answer["status"], answer["zone"], answer["totalCents"]) for answer in answers} == {
        ("enriched", "home", 2490)
    }
    until("an empty source", lambda: count(shop, shop.queue("enricher", "orders")) == 0)


def test_one_that_cannot_be_completed_passes_on_marked_and_holds_nobody_up(shop: Catalogue) -> None:
    bodies = [order(1), order(2, "XX"), order(3, quantity="two"), order(4)]
    ids = send(shop, *bodies)
    answers = received(shop, 4)
    assert [answer["status"] for answer in answers] == ["enriched", "refused", "refused", "enriched"]
    assert [answer["from"]["messageId"] for answer in answers] == ids
    assert [answer.get("body") for answer in answers] == [None, *bodies[1:3], None]
    lines = until("two lines", lambda: [one for one in shop.log("enricher") if one.get("message") == "refused"])
    assert {f"message {one}" for one in ids[1:3]} <= {one["from"] for one in lines}


def test_what_the_filter_does_not_match_is_dropped_and_never_reaches_the_function(shop: Catalogue) -> None:
    send(shop, order(1, kind="offer"), "no JSON", order(2))
    answers = received(shop, 1)
    until("an empty source", lambda: count(shop, shop.queue("enricher", "orders")) == 0)
    assert [answer["order"]["id"] for answer in answers] == ["o-2"]
    assert count(shop, shop.queue("enricher", "completed")) == 0


def test_a_batch_that_fails_comes_again_whole_and_then_lies_in_the_sources_dead_letter_queue(shop: Catalogue) -> None:
    sqs, lambdas = shop.client("sqs"), shop.client("lambda")
    source, function = shop.queue("enricher", "orders"), shop.function("enricher")
    sqs.set_queue_attributes(QueueUrl=source, Attributes={"VisibilityTimeout": "0"})
    lambdas.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        send(shop, order(1), order(2))
        until("both put aside", lambda: count(shop, f"{source}-dead") == 2)
    finally:
        lambdas.delete_function_concurrency(FunctionName=function)
        sqs.set_queue_attributes(QueueUrl=source, Attributes={"VisibilityTimeout": "60"})
    assert count(shop, shop.queue("enricher", "completed")) == 0
    messages = sqs.receive_message(QueueUrl=f"{source}-dead", MaxNumberOfMessages=10)["Messages"]
    for one in messages:  # sent back, as a person would do it
        sqs.delete_message(QueueUrl=f"{source}-dead", ReceiptHandle=one["ReceiptHandle"])
        send(shop, one["Body"])
    assert sorted(answer["order"]["id"] for answer in received(shop, 2)) == ["o-1", "o-2"]
