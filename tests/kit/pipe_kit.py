"""A pipe with its queues and its function on the embedded AWS, and what arrives at its end."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import edge_kit as kit

from pipeline import local

WAIT_S = 20.0
ROLE = "arn:aws:iam::000000000000:role/pipe"
# Says what it got in one line a batch; fails, drops and multiplies as an event asks for.
ENRICH = """
failed = {}
def asked(event):
    if "dynamodb" in event:
        return json.loads(event["dynamodb"]["NewImage"]["ask"]["S"])
    if "data" in event:
        import base64
        return json.loads(base64.b64decode(event["data"]))
    return json.loads(event["body"])
def handle(events, arn):
    asks = [asked(event) for event in events]
    say("batch " + json.dumps([ask["n"] for ask in asks]))
    for ask in asks:
        if failed.get(ask["n"], 0) < ask.get("fail", 0):
            failed[ask["n"]] = failed.get(ask["n"], 0) + 1
            raise ValueError("asked to fail")
    return [{"n": ask["n"], "version": VERSION} for ask in asks for _ in range(ask.get("times", 1))]
def after(event): pass
"""


@dataclass
class Stage:
    """Names of one test; clients of its embedded AWS."""

    running: local.Running
    name: str

    def __getattr__(self, service: str) -> Any:
        return kit.client(self.running, service)

    def function(self, weight: float = 0.0, body: str = ENRICH) -> str:
        """The ARN of an alias of a function with two versions, this share of it on the second."""
        functions = self.__getattr__("lambda")
        kit.create(functions, self.name, kit.package(body))
        functions.publish_version(FunctionName=self.name)
        functions.update_function_code(FunctionName=self.name, ZipFile=kit.package(body, salt="second"))
        kit.settle(functions, self.name)
        functions.publish_version(FunctionName=self.name)
        routing = {"RoutingConfig": {"AdditionalVersionWeights": {"2": weight}}} if weight else {}
        made = functions.create_alias(FunctionName=self.name, Name="live", FunctionVersion="1", **routing)
        return str(made["AliasArn"])

    def queue(self, suffix: str, **attributes: str) -> tuple[str, str]:
        """URL and ARN of a queue."""
        name = f"{self.name}-{suffix}" + (".fifo" if attributes.get("FifoQueue") else "")
        url = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return str(url), str(arn)

    def pipe(self, source: str, target: str, enrichment: str | None = None, **options: Any) -> None:
        """A running pipe of the test's name, unless `options` say otherwise."""
        if enrichment:
            options["Enrichment"] = enrichment
        self.pipes.create_pipe(**{"Name": self.name, "RoleArn": ROLE, "Source": source, "Target": target, **options})

    def send(self, url: str, *asks: dict[str, Any], **options: Any) -> None:
        for ask in asks:
            self.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(ask), **options)

    def received(self, url: str, count: int) -> list[dict[str, Any]]:
        """The next messages' bodies, in the order in which they came."""
        bodies: list[dict[str, Any]] = []
        deadline = time.monotonic() + WAIT_S
        while len(bodies) < count:
            assert time.monotonic() < deadline, f"{len(bodies)} of {count} came: {bodies}"
            answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", ()):
                bodies.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def left(self, url: str) -> int:
        """Messages in a queue, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in found.values())

    def batches(self) -> list[list[int]]:
        """What the function was invoked with, batch by batch."""
        group = f"/aws/lambda/{self.name}"
        if not self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(line.removeprefix("batch ")) for line in lines if line.startswith("batch ")]
