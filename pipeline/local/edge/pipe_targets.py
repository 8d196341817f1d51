"""Where a pipe's events go: a function on the way, then a queue, bus, topic, state machine or function at the end.

A function is called as every other way in calls it, so that its alias's weights are rolled and its metrics written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, lambda_svc, pipes, sns, sqs

from pipeline.local.edge.pipe_events import resolved, text_of
from pipeline.local.edge.pipe_sources import on_loop


class DeliveryError(Exception):
    """The function or the target did not take a batch."""


def invoke(arn: str, events: list[Any]) -> Any:
    """What the function answers to these events; DeliveryError if it fails, is throttled or is not there."""
    function, config, name = lambda_svc._get_func_record_for_ref(arn)  # noqa: SLF001
    if not function or not config:
        raise DeliveryError(f"function {name} is not there")
    record = lambda_svc._execution_record_for_config(function, config)  # noqa: SLF001
    result = lambda_svc._execute_function_with_config_scope(record, events)  # noqa: SLF001
    if result.get("error") or result.get("throttle"):
        raise DeliveryError(f"function {name}: {json.dumps(result.get('body'))}")
    return result.get("body")


def deliver(pipe: dict[str, Any], items: list[Any]) -> None:
    """Sends all of them, in their order; DeliveryError at the first that is not taken."""
    SENDERS[pipe["Target"].split(":")[2]](pipe, items)


def _parameters(pipe: dict[str, Any], block: str) -> dict[str, Any]:
    found: dict[str, Any] = (pipe.get("TargetParameters") or {}).get(block) or {}
    return found


def _to_queue(pipe: dict[str, Any], items: list[Any]) -> None:
    queue = sqs._queue_by_arn(pipe["Target"])  # noqa: SLF001
    if queue is None:
        raise DeliveryError(f"{pipe['Target']} is not there")
    parameters = _parameters(pipe, "SqsQueueParameters")
    url = sqs._queue_url(pipe["Target"].rsplit(":", 1)[1])  # noqa: SLF001
    for item in items:
        own = {key: resolved(value, item) for key, value in parameters.items()}
        message = {"QueueUrl": url, "MessageBody": text_of(item), **{key: one for key, one in own.items() if one}}
        try:
            on_loop(sqs._act_send_message, message, url)  # noqa: SLF001
        except sqs._Err as fault:  # noqa: SLF001
            raise DeliveryError(f"{pipe['Target']}: {fault}") from fault


def _to_bus(pipe: dict[str, Any], items: list[Any]) -> None:
    parameters = _parameters(pipe, "EventBridgeEventBusParameters")
    usual = {"Source": f"Pipe {pipe['Name']}", "DetailType": f"Event from aws:{pipe['Source'].split(':')[2]}"}
    for item in items:
        if not isinstance(item, dict):
            raise DeliveryError(f"{pipe['Target']}: Detail is malformed, an event must be an object")
        own = {key: resolved(value, item) for key, value in parameters.items() if key != "EndpointId"}
        own["Resources"] = [resolved(one, item) for one in parameters.get("Resources") or ()]
        entry = {**usual, **own, "Detail": text_of(item), "EventBusName": pipe["Target"]}
        _, _, body = eventbridge._put_events({"Entries": [entry]})  # noqa: SLF001
        if json.loads(body).get("FailedEntryCount", 1):
            raise DeliveryError(f"{pipe['Target']}: {body.decode()}")


def _to_topic(pipe: dict[str, Any], items: list[Any]) -> None:
    for item in items:
        try:
            taken = sns.publish_internal(pipe["Target"], text_of(item))
        except sns.SnsPublishError as fault:
            raise DeliveryError(f"{pipe['Target']}: {fault}") from fault
        if taken is None:
            raise DeliveryError(f"{pipe['Target']} is not there")


def _to_machine(pipe: dict[str, Any], items: list[Any]) -> None:
    if not pipes._start_state_machine_from_records(pipe["Target"], pipe, items):  # noqa: SLF001
        raise DeliveryError(f"{pipe['Target']} did not start")


def _to_function(pipe: dict[str, Any], items: list[Any]) -> None:
    invoke(pipe["Target"], items)


SENDERS: dict[str, Callable[[dict[str, Any], list[Any]], None]] = {
    "sqs": _to_queue,
    "events": _to_bus,
    "sns": _to_topic,
    "states": _to_machine,
    "lambda": _to_function,
}
