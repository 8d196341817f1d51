"""Messages into the mailer's queue."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from callers import configured

RATE = 8
DOMAIN = "example.com"
SOURCE = "services/mailer/src/worker.rs"
GOOD = configured("services/mailer")
# Two mails in three come again; by their key, so that they fail each time.
BAD = (
    SOURCE,
    "        let now = (self.clock)();\n",
    """        if mail.key.ends_with(['3', '7']) {
            return Outcome::Later("not this one".into());
        }
        let now = (self.clock)();
""",
)


def mail(key: str, to: str = "ada@example.com", subject: str = "Welcome") -> str:
    """The body of a message."""
    return json.dumps({"key": key, "to": to, "subject": subject, "text": "Good to have you here."})


def verify(shop: Any) -> None:
    """Tell SES that mails from the domain are wanted, which its owner does once an account."""
    ses = shop.client("sesv2")
    if DOMAIN not in [one["IdentityName"] for one in ses.list_email_identities()["EmailIdentities"]]:
        ses.create_email_identity(EmailIdentity=DOMAIN)


def caller(shop: Any) -> Callable[[int], None]:
    """One mail to send; whether it was sent is asked elsewhere."""
    verify(shop)
    sqs, url = shop.client("sqs"), shop.queue("mailer", "mails")

    def call(number: int) -> None:
        sqs.send_message(QueueUrl=url, MessageBody=mail(f"traffic/{number}"))

    return call
