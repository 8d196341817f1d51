"""Pipes of the embedded AWS move real messages, through a function's alias, and lose none."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pipe_kit import ROLE, WAIT_S, Stage

from pipeline import local

KIND = [{"Pattern": json.dumps({"body": {"kind": ["paid"]}})}]
SEND = "arn:aws:sqs:us-east-1:000000000000:somewhere"


@pytest.fixture
def stage(embedded: local.Running, namespace: str) -> Iterator[Stage]:
    made = Stage(embedded, namespace)
    yield made
    for pipe in made.pipes.list_pipes(NamePrefix=namespace)["Pipes"]:
        made.pipes.delete_pipe(Name=pipe["Name"])


def queue_settings(**settings: Any) -> dict[str, Any]:
    filters = settings.pop("filters", None)
    return {"SqsQueueParameters": settings, **({"FilterCriteria": {"Filters": filters}} if filters else {})}


def invocations(stage: Stage) -> Counter[str]:
    now = datetime.now(UTC)
    found: Counter[str] = Counter()
    for version in ("1", "2"):
        dimensions = {"FunctionName": stage.name, "Resource": f"{stage.name}:live", "ExecutedVersion": version}
        answer = stage.cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        found[version] = int(sum(point["Sum"] for point in answer["Datapoints"]))
    return found


def test_what_passes_the_filter_goes_in_batches_through_both_versions_in_order(stage):
    url, source = stage.queue("in")
    out, target = stage.queue("out")
    stage.send(url, *({"n": number, "kind": "paid" if number % 3 else "lost"} for number in range(60)))
    stage.pipe(source, target, stage.function(0.5), SourceParameters=queue_settings(BatchSize=4, filters=KIND))
    bodies = stage.received(out, 40)
    assert [body["n"] for body in bodies] == [number for number in range(60) if number % 3]
    assert {body["version"] for body in bodies} == {"1", "2"}
    batches = stage.batches()
    assert max(map(len, batches)) <= 4
    assert sorted(number for batch in batches for number in batch) == [body["n"] for body in bodies]
    assert sum(invocations(stage).values()) == len(batches)
    assert all(invocations(stage).values())
    assert stage.left(url) == 0


def test_an_answers_elements_are_a_message_each_and_an_empty_answer_is_none(stage):
    url, source = stage.queue("in")
    out, target = stage.queue("out")
    stage.pipe(source, target, stage.function(), SourceParameters=queue_settings(BatchSize=1))
    stage.send(url, {"n": 1, "times": 0}, {"n": 2, "times": 3}, {"n": 3})
    assert [body["n"] for body in stage.received(out, 4)] == [2, 2, 2, 3]
    assert stage.left(url) == 0


def test_messages_are_gathered_until_a_batch_is_full(stage):
    url, source = stage.queue("in")
    out, target = stage.queue("out")
    settings = queue_settings(BatchSize=3, MaximumBatchingWindowInSeconds=60)
    stage.pipe(source, target, stage.function(), SourceParameters=settings)
    stage.send(url, {"n": 1}, {"n": 2}, {"n": 3})
    assert [body["n"] for body in stage.received(out, 3)] == [1, 2, 3]
    assert stage.batches() == [[1, 2, 3]]


def test_what_the_function_fails_on_goes_where_the_queues_redrive_says(stage):
    lost, dead = stage.queue("dead")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 2})
    url, source = stage.queue("in", RedrivePolicy=redrive, VisibilityTimeout="0")
    out, target = stage.queue("out")
    stage.pipe(source, target, stage.function(), SourceParameters=queue_settings(BatchSize=1))
    stage.send(url, {"n": 1, "fail": 9}, {"n": 2, "fail": 1}, {"n": 3})
    assert [body["n"] for body in stage.received(lost, 1)] == [1]
    assert sorted(body["n"] for body in stage.received(out, 2)) == [2, 3]
    assert Counter(number for batch in stage.batches() for number in batch) == {1: 2, 2: 2, 3: 1}


def test_what_the_target_does_not_take_goes_where_the_queues_redrive_says(stage):
    lost, dead = stage.queue("dead")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 1})
    url, source = stage.queue("in", RedrivePolicy=redrive, VisibilityTimeout="0")
    stage.pipe(source, f"{SEND}-{stage.name}", stage.function())
    stage.send(url, {"n": 1})
    assert stage.received(lost, 1) == [{"n": 1}]


def test_a_fifo_queue_to_a_fifo_queue_keeps_its_groups_in_order(stage):
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url, source = stage.queue("in", **fifo)
    out, target = stage.queue("out", **fifo)
    for number in range(12):
        stage.send(url, {"n": number}, MessageGroupId=f"group-{number % 2}")
    parameters = {"SqsQueueParameters": {"MessageGroupId": "$.version"}}
    stage.pipe(
        source, target, stage.function(), SourceParameters=queue_settings(BatchSize=3), TargetParameters=parameters
    )
    numbers = [body["n"] for body in stage.received(out, 12)]
    for group in (0, 1):
        assert [number for number in numbers if number % 2 == group] == list(range(group, 12, 2))


def table_with_stream(stage: Stage) -> str:
    made = stage.dynamodb.create_table(
        TableName=stage.name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def put(stage: Stage, *asks: dict[str, Any]) -> None:
    for ask in asks:
        item = {"id": {"S": str(ask["n"])}, "ask": {"S": json.dumps(ask)}}
        stage.dynamodb.put_item(TableName=stage.name, Item=item)


def stream_settings(**settings: Any) -> dict[str, Any]:
    filters = [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]
    block = {"StartingPosition": "TRIM_HORIZON", **settings}
    return {"DynamoDBStreamParameters": block, "FilterCriteria": {"Filters": filters}}


def test_a_tables_changes_wait_for_a_failed_batch_and_reach_a_bus_in_order(stage):
    stream = table_with_stream(stage)
    put(stage, {"n": 1}, {"n": 2, "fail": 3}, {"n": 3})
    stage.dynamodb.delete_item(TableName=stage.name, Key={"id": {"S": "1"}})
    bus = stage.events.create_event_bus(Name=stage.name)["EventBusArn"]
    out, target = stage.queue("out")
    pattern = json.dumps({"source": ["shop"], "detail-type": ["enriched"]})
    stage.events.put_rule(Name=stage.name, EventBusName=stage.name, EventPattern=pattern)
    stage.events.put_targets(Rule=stage.name, EventBusName=stage.name, Targets=[{"Id": "1", "Arn": target}])
    stage.pipe(
        stream,
        bus,
        stage.function(),
        SourceParameters=stream_settings(BatchSize=1),
        TargetParameters={"EventBridgeEventBusParameters": {"Source": "shop", "DetailType": "enriched"}},
    )
    put(stage, {"n": 4})
    events = stage.received(out, 4)
    assert [event["detail"]["n"] for event in events] == [1, 2, 3, 4]
    assert stage.batches() == [[1], [2], [2], [2], [2], [3], [4]]


def test_a_streams_batch_whose_retries_are_used_up_is_told_and_passed_over(stage):
    stream = table_with_stream(stage)
    lost, dead = stage.queue("dead")
    out, target = stage.queue("out")
    put(stage, {"n": 1, "fail": 9}, {"n": 2})
    more = {"BatchSize": 1, "MaximumRetryAttempts": 1, "DeadLetterConfig": {"Arn": dead}}
    stage.pipe(stream, target, stage.function(), SourceParameters=stream_settings(**more))
    assert [body["n"] for body in stage.received(out, 1)] == [2]
    (notice,) = stage.received(lost, 1)
    assert notice["condition"] == "RetryAttemptsExhausted"
    assert "asked to fail" in notice["cause"]
    assert stage.batches() == [[1], [1], [2]]


def test_a_kinesis_stream_by_its_data(stage):
    stage.kinesis.create_stream(StreamName=stage.name, ShardCount=1)
    deadline = time.monotonic() + WAIT_S
    while (made := stage.kinesis.describe_stream(StreamName=stage.name)["StreamDescription"])[
        "StreamStatus"
    ] != "ACTIVE":
        assert time.monotonic() < deadline
    for number in range(6):
        data = json.dumps({"n": number, "kind": "paid" if number % 2 else "lost"})
        stage.kinesis.put_record(StreamName=stage.name, PartitionKey="1", Data=data.encode())
    out, target = stage.queue("out")
    filters = [{"Pattern": json.dumps({"data": {"kind": ["paid"]}})}]
    parameters = {
        "KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON", "BatchSize": 4},
        "FilterCriteria": {"Filters": filters},
    }
    stage.pipe(made["StreamARN"], target, stage.function(), SourceParameters=parameters)
    assert [body["n"] for body in stage.received(out, 3)] == [1, 3, 5]
    assert stage.batches() == [[1, 3], [5]]


def test_without_enrichment_a_function_at_the_end_gets_the_batch(stage):
    url, source = stage.queue("in")
    stage.send(url, {"n": 1}, {"n": 2})
    stage.pipe(source, stage.function())
    deadline = time.monotonic() + WAIT_S
    while stage.batches() != [[1, 2]]:
        assert time.monotonic() < deadline, stage.batches()


def test_only_a_running_pipe_moves_messages(stage):
    url, source = stage.queue("in")
    out, target = stage.queue("out")
    stage.pipe(source, target, DesiredState="STOPPED")
    stage.send(url, {"n": 1})
    other, other_source = stage.queue("other")
    stage.pipe(other_source, target, Name=f"{stage.name}-other")
    stage.send(other, {"n": 2})
    assert [json.loads(body["body"])["n"] for body in stage.received(out, 1)] == [2]
    assert stage.left(url) == 1
    stage.pipes.start_pipe(Name=stage.name)
    assert [json.loads(body["body"])["n"] for body in stage.received(out, 1)] == [1]


def test_a_pipes_settings_are_answered_and_stay_in_an_update(stage):
    _, source = stage.queue("in")
    _, target = stage.queue("out")
    alias = "arn:aws:lambda:us-east-1:000000000000:function:none:live"
    stage.pipe(source, target, alias, SourceParameters=queue_settings(filters=KIND), DesiredState="STOPPED")
    told = stage.pipes.describe_pipe(Name=stage.name)
    assert told["Enrichment"] == alias
    assert told["SourceParameters"]["SqsQueueParameters"] == {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}
    stage.pipes.update_pipe(Name=stage.name, RoleArn=ROLE, SourceParameters={"SqsQueueParameters": {"BatchSize": 2}})
    told = stage.pipes.describe_pipe(Name=stage.name)
    assert told["SourceParameters"]["SqsQueueParameters"]["BatchSize"] == 2
    assert told["SourceParameters"]["FilterCriteria"] == {"Filters": KIND}
    assert (told["Enrichment"], told["CurrentState"]) == (alias, "STOPPED")
    stage.pipes.update_pipe(Name=stage.name, RoleArn=ROLE, SourceParameters={"FilterCriteria": {}})
    assert "FilterCriteria" not in stage.pipes.describe_pipe(Name=stage.name)["SourceParameters"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": '{"body": "paid"}'}]}}},
            "Event pattern is not",
        ),
        ({"Enrichment": "arn:aws:states:us-east-1:000000000000:stateMachine:m"}, "enriches by a function only"),
        ({"Target": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}, "sends from a pipe to"),
        ({"Source": "arn:aws:mq:us-east-1:000000000000:broker:b"}, "reads queues"),
        ({"TargetParameters": {"InputTemplate": "{}"}}, "no InputTemplate"),
    ],
)
def test_what_cannot_be_run_is_refused(stage, options, says):
    with pytest.raises(ClientError, match=says):
        stage.pipe(**{"source": SEND, "target": SEND, **options})
    assert stage.pipes.list_pipes(NamePrefix=stage.name)["Pipes"] == []


def test_a_pipe_goes_on_after_a_restart(tmp_path, monkeypatch):
    monkeypatch.setenv("CRABWALK_LOCAL_DIR", str(tmp_path))
    before = Stage(local.up(), "again")
    try:
        _, source = before.queue("in")
        _, target = before.queue("out")
        before.pipe(source, target, before.function())
        assert local.down()
        after = Stage(local.up(), "again")
        url, out = (after.sqs.get_queue_url(QueueName=f"again-{end}")["QueueUrl"] for end in ("in", "out"))
        after.send(url, {"n": 1})
        assert after.received(out, 1) == [{"n": 1, "version": "1"}]
    finally:
        local.down()
