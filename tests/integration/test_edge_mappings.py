"""Event source mappings forget what an update takes away, as AWS's do."""

from __future__ import annotations

import json

import edge_kit as kit

from pipeline import local
from pipeline.local.edge_mappings import REMOVABLE


def test_an_update_takes_filters_limits_and_destinations_away(embedded: local.Running, namespace: str) -> None:
    functions, queues = kit.client(embedded, "lambda"), kit.client(embedded, "sqs")
    kit.create(functions, namespace)
    url = queues.create_queue(QueueName=namespace)["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    wanted = {
        "FilterCriteria": {"Filters": [{"Pattern": json.dumps({"body": {"kind": ["order"]}})}]},
        "ScalingConfig": {"MaximumConcurrency": 5},
        "DestinationConfig": {"OnFailure": {"Destination": arn}},
    }
    assert set(wanted) == set(REMOVABLE)
    mapping = functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=namespace, **wanted)["UUID"]
    kept = functions.update_event_source_mapping(UUID=mapping, BatchSize=5)
    assert {name: kept[name] for name in REMOVABLE} == wanted

    nothing = {"FilterCriteria": {}, "ScalingConfig": {}, "DestinationConfig": {"OnFailure": {"Destination": ""}}}
    answered = functions.update_event_source_mapping(UUID=mapping, **nothing)
    read = functions.get_event_source_mapping(UUID=mapping)
    assert not set(REMOVABLE) & (set(answered) | set(read))
    assert read["BatchSize"] == 5
