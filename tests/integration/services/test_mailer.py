"""Messages of the mailer's queue go out as mails, each key once, or lie in the dead-letter queue in the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from callers.http import request
from callers.mailer import mail, verify
from catalogue_kit import Catalogue, until


@pytest.fixture
def shop(catalogue: Catalogue) -> Catalogue:
    """SES knows who the mails are from."""
    verify(catalogue)
    return catalogue


def outbox(shop: Catalogue) -> list[dict[str, Any]]:
    """What SES sent."""
    status, body = request(str(shop.env.endpoint), path="/_ministack/ses/messages")
    assert status == 200
    return [one for messages in json.loads(body)["messages"].values() for one in messages]


def sent(shop: Catalogue, subject: str) -> list[str]:
    """Whom mails of this subject went to."""
    return [to for one in outbox(shop) if one["Subject"] == subject for to in one["To"]]


def send(shop: Catalogue, body: str) -> None:
    shop.client("sqs").send_message(QueueUrl=shop.queue("mailer", "mails"), MessageBody=body)


def waiting(shop: Catalogue) -> int:
    """Messages that are in the queue or being worked on."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = shop.client("sqs").get_queue_attributes(QueueUrl=shop.queue("mailer", "mails"), AttributeNames=names)
    return sum(int(found["Attributes"][name]) for name in names)


def state(shop: Catalogue, key: str) -> dict[str, Any]:
    """What the table knows of a key."""
    table = shop.physical("mailer", "keys")
    answer = shop.client("dynamodb").get_item(TableName=table, Key={"id": {"S": key}}, ConsistentRead=True)
    return {name: next(iter(value.values())) for name, value in answer.get("Item", {}).items()}


@contextmanager
def impatient(shop: Catalogue) -> Iterator[None]:
    """The queue shows messages again after a second instead of a minute."""
    sqs, url = shop.client("sqs"), shop.queue("mailer", "mails")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})


def test_a_message_is_a_mail_and_the_same_key_is_none(shop: Catalogue) -> None:
    send(shop, mail("first/1", "ada@example.com", "First"))
    until("the mail", lambda: sent(shop, "First"))
    send(shop, mail("first/1", "ada@example.com", "First"))
    send(shop, mail("first/2", "grace@example.com", "First"))
    until("an empty queue", lambda: waiting(shop) == 0 and state(shop, "first/2").get("state") == "done")
    assert sent(shop, "First") == ["ada@example.com", "grace@example.com"]
    (one, _) = [one for one in outbox(shop) if one["Subject"] == "First"]
    assert one["Source"] == "no-reply@example.com"


def test_a_key_is_done_and_forgotten_later_than_any_message(shop: Catalogue) -> None:
    send(shop, mail("ttl/1"))
    until("the mark", lambda: state(shop, "ttl/1").get("state") == "done")
    found = state(shop, "ttl/1")
    assert found.keys() == {"id", "state", "expires"}
    assert int(found["expires"]) > time.time() + 18 * 24 * 3600
    described = shop.client("dynamodb").describe_time_to_live(TableName=shop.physical("mailer", "keys"))
    assert described["TimeToLiveDescription"]["AttributeName"] == "expires"


def test_what_died_between_claim_and_send_goes_out_when_the_claim_has_run_out(shop: Catalogue) -> None:
    until_s = int(time.time()) + 3
    item = {"id": {"S": "died/1"}, "state": {"S": "claimed"}, "owner": {"S": "gone"}, "until": {"N": str(until_s)}}
    shop.client("dynamodb").put_item(TableName=shop.physical("mailer", "keys"), Item=item)
    with impatient(shop):
        send(shop, mail("died/1", subject="Died"))
        until("the mail", lambda: sent(shop, "Died"))
    assert time.time() > until_s
    until("the mark", lambda: state(shop, "died/1").get("state") == "done")
    assert len(sent(shop, "Died")) == 1


def test_poison_lies_in_the_dead_letter_queue_and_holds_nobody_up(shop: Catalogue) -> None:
    sqs, dead = shop.client("sqs"), shop.queue("mailer", "mails") + "-dead"
    poison = json.dumps({"key": "poison/1", "to": "ada@example.com, eve@example.com", "subject": "P", "text": "P"})
    with impatient(shop):
        for body in (poison, mail("poison/2", subject="Beside poison")):
            send(shop, body)
        until("the mail beside it", lambda: sent(shop, "Beside poison"))

        def put_aside() -> bool:
            found = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages", [])
            for one in found:
                sqs.delete_message(QueueUrl=dead, ReceiptHandle=one["ReceiptHandle"])
            return poison in [one["Body"] for one in found]

        until("the poison", put_aside)
    assert state(shop, "poison/1") == {}
    assert sent(shop, "P") == []


def test_no_log_line_names_anybody(shop: Catalogue) -> None:
    send(shop, mail("private/1", "private.person@example.com", "Private"))
    until("the mail", lambda: sent(shop, "Private"))
    lines = until("its line", lambda: [line for line in shop.log("mailer") if line.get("message") == "sent"])
    assert all(line["message_id"] for line in lines)
    assert "@" not in json.dumps(shop.log("mailer"))
