"""Event source mappings are refused where AWS refuses them, and forget what an update takes away."""

from __future__ import annotations

import json

import edge_kit as kit
import pytest

from pipeline import local
from pipeline.local.edge.mappings import REMOVABLE


def queue(running: local.Running, name: str, **attributes: str) -> str:
    """The ARN of a new queue."""
    kit.client(running, "sqs").create_queue(QueueName=name, Attributes=attributes)
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def test_a_queue_that_shows_messages_again_before_the_function_is_over_is_refused(
    embedded: local.Running, namespace: str
) -> None:
    functions = kit.client(embedded, "lambda")
    kit.create(functions, namespace, Timeout=10)
    arn = queue(embedded, namespace, VisibilityTimeout="9")
    with pytest.raises(
        functions.exceptions.InvalidParameterValueException, match=r"9 seconds is less than .* 10 seconds"
    ):
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=namespace)
    assert not functions.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]


def test_the_same_mapping_again_is_refused_and_another_alias_is_another(
    embedded: local.Running, namespace: str
) -> None:
    functions = kit.client(embedded, "lambda")
    kit.two_versions(functions, namespace)
    for name in ("live", "other"):
        functions.create_alias(FunctionName=namespace, Name=name, FunctionVersion="1")
    arn = queue(embedded, namespace)
    made = functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=f"{namespace}:live")["UUID"]
    with pytest.raises(functions.exceptions.ResourceConflictException, match=made):
        functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=f"{namespace}:live")
    functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=f"{namespace}:other")


def test_an_update_takes_filters_limits_and_destinations_away(embedded: local.Running, namespace: str) -> None:
    functions = kit.client(embedded, "lambda")
    kit.create(functions, namespace)
    arn = queue(embedded, namespace)
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
