"""A bus of the embedded AWS with a rule that puts its events into a queue, and what came of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge_kit
import json_schema

from pipeline import local

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "event.schema.json").read_text(encoding="utf-8"))


@dataclass
class Heard:
    """The bus `name`, and the queue behind a rule of it."""

    name: str
    sqs: Any
    queue: str

    def events(self, count: int) -> list[Any]:
        """The next so many events; each is as docs/event.schema.json says."""
        found: list[Any] = []
        while len(found) < count:
            answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=10)
            assert answer.get("Messages"), f"{count - len(found)} more events were expected after {found}"
            for one in answer["Messages"]:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
                found.append(json.loads(one["Body"]))
        for one in found:
            assert json_schema.faults(SCHEMA, one["detail"]) == []
            assert (one["source"], one["detail-type"]) == ("crabwalk", f"crabwalk release {one['detail']['event']}")
        return found

    def drain(self) -> list[Any]:
        """All that came until now."""
        found: list[Any] = []
        while not self.nothing():
            found += self.events(1)
        return found

    def nothing(self) -> bool:
        """Whether no event waits."""
        return "Messages" not in self.sqs.receive_message(QueueUrl=self.queue, VisibilityTimeout=0)


@contextmanager
def hearing(running: local.Running, name: str, pattern: Any = None) -> Iterator[Heard]:
    """A bus of this name whose events come into a queue: all of crabwalk's, or those of a pattern."""
    bus, sqs = edge_kit.client(running, "events"), edge_kit.client(running, "sqs")
    bus.create_event_bus(Name=name)
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wanted = json.dumps(pattern or {"source": ["crabwalk"]})
    bus.put_rule(Name=name, EventBusName=name, EventPattern=wanted)
    bus.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
    yield Heard(name, sqs, queue)
    bus.delete_event_bus(Name=name)
    sqs.delete_queue(QueueUrl=queue)
