"""A stream's records for a function: in order, from where it failed, halved, and given up after the last retry."""

from __future__ import annotations

import json
from typing import Any

import edge_kit as kit
import modules_kit
import pytest
from engine_kit import until

from pipeline import local

# Takes a batch of numbers; one named `raise` fails the invocation, one named `report` is reported.
BODY = """
import base64
def text_of(record):
    if "kinesis" in record:
        return base64.b64decode(record["kinesis"]["data"]).decode()
    return record["dynamodb"]["Keys"]["id"]["S"]
def handle(event, arn):
    texts = [text_of(record) for record in event["Records"]]
    say("event " + json.dumps(texts))
    if any("raise" in text for text in texts):
        raise ValueError("asked to fail")
    for record, text in zip(event["Records"], texts):
        if "report" in text:
            own = record.get("dynamodb", {}).get("SequenceNumber") or record["kinesis"]["sequenceNumber"]
            return {"batchItemFailures": [{"itemIdentifier": own}]}
    return {"batchItemFailures": []}
def after(event): pass
"""


class Stage:
    """A function on a table's or Kinesis stream, and a queue that is told what was given up."""

    def __init__(self, running: local.Running, name: str) -> None:
        self.running, self.name = running, name
        self.functions, self.queues = kit.client(running, "lambda"), kit.client(running, "sqs")
        self.tables, self.streams = kit.client(running, "dynamodb"), kit.client(running, "kinesis")
        kit.create(self.functions, name, kit.package(BODY))
        kit.client(running, "logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
        self.dead = self.queues.create_queue(QueueName=f"{name}-dead")["QueueUrl"]

    def table(self) -> str:
        made = self.tables.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
        return str(made["TableDescription"]["LatestStreamArn"])

    def put(self, *texts: str) -> None:
        for text in texts:
            self.tables.put_item(TableName=self.name, Item={"id": {"S": text}})

    def listen(self, arn: str, **settings: Any) -> None:
        dead = f"arn:aws:sqs:us-east-1:000000000000:{self.name}-dead"
        self.functions.create_event_source_mapping(
            EventSourceArn=arn,
            FunctionName=self.name,
            StartingPosition="TRIM_HORIZON",
            DestinationConfig={"OnFailure": {"Destination": dead}},
            **{"FunctionResponseTypes": ["ReportBatchItemFailures"], **settings},
        )

    def got(self) -> list[list[str]]:
        return list(modules_kit.seen(self.running, self.name))

    def wait_for(self, text: str) -> list[list[str]]:
        until(lambda: any(text in batch for batch in self.got()))
        return self.got()

    def told(self) -> dict[str, Any]:
        found: list[Any] = []

        def received() -> bool:
            found.extend(self.queues.receive_message(QueueUrl=self.dead, WaitTimeSeconds=1).get("Messages", []))
            return bool(found)

        until(received)
        return dict(json.loads(found[0]["Body"]))


@pytest.fixture
def stage(embedded: local.Running, namespace: str) -> Stage:
    return Stage(embedded, namespace)


def test_what_a_function_reports_comes_again_from_there_until_its_retries_are_used_up(stage: Stage) -> None:
    arn = stage.table()
    stage.put("a", "b", "report", "c")
    stage.listen(arn, MaximumRetryAttempts=2)
    notice = stage.told()
    stage.put("d")
    assert stage.wait_for("d") == [["a", "b", "report", "c"], ["report", "c"], ["report", "c"], ["d"]]
    assert notice["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert notice["requestContext"]["approximateInvokeCount"] == 3
    assert (notice["DDBStreamBatchInfo"]["batchSize"], notice["DDBStreamBatchInfo"]["streamArn"]) == (2, arn)


def test_a_batch_that_fails_is_halved_until_one_record_is_left_and_the_others_pass(stage: Stage) -> None:
    arn = stage.table()
    stage.put("a", "b", "raise", "c")
    stage.listen(arn, MaximumRetryAttempts=1, BisectBatchOnFunctionError=True)
    notice = stage.told()
    stage.put("d")
    assert stage.wait_for("d") == [
        ["a", "b", "raise", "c"],
        ["a", "b"],
        ["raise", "c"],
        *[["raise"]] * 2,
        ["c"],
        ["d"],
    ]
    assert notice["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_kinesis_stream_goes_on_behind_what_was_given_up(stage: Stage) -> None:
    stage.streams.create_stream(StreamName=stage.name, ShardCount=1)
    stage.streams.get_waiter("stream_exists").wait(StreamName=stage.name, WaiterConfig={"Delay": 1})
    arn = stage.streams.describe_stream_summary(StreamName=stage.name)["StreamDescriptionSummary"]["StreamARN"]
    for text in ("a", "raise"):
        stage.streams.put_record(StreamName=stage.name, Data=text.encode(), PartitionKey="p")
    stage.listen(arn, MaximumRetryAttempts=0)
    notice = stage.told()
    stage.streams.put_record(StreamName=stage.name, Data=b"b", PartitionKey="p")
    assert stage.wait_for("b") == [["a", "raise"], ["b"]]
    assert notice["KinesisBatchInfo"]["batchSize"] == 2


def test_without_a_response_type_an_answer_reports_nothing(stage: Stage) -> None:
    arn = stage.table()
    stage.put("report")
    stage.listen(arn, FunctionResponseTypes=[])
    stage.put("a")
    assert [text for batch in stage.wait_for("a") for text in batch] == ["report", "a"]
