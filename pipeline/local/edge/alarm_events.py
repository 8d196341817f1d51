"""Says each change of an alarm's state as CloudWatch does: an event on the default bus, SNS topics, functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.services import cloudwatch, eventbridge

from pipeline.local.edge.alarm_shape import Watched, queries_of
from pipeline.local.patching import Patch, check, replace

SAID = ("StateReason", "StateReasonData", "StateUpdatedTimestamp")

_previous: dict[str, dict[str, Any]] = {}  # by ARN: what the state before the current one said of itself


def remember(alarm: Mapping[str, Any]) -> None:
    """To be called before a state changes: the event tells of the state before, too."""
    _previous[alarm["AlarmArn"]] = {key: alarm.get(key) for key in SAID}


def apply() -> list[Patch]:
    emitting = Patch(eventbridge, "_put_events", ("data", "allow_aws_source"), "state changes are events")
    calling = Patch(eventbridge, "_dispatch_to_lambda", ("arn", "payload"), "functions can be alarm actions")
    for patch in (emitting, calling):
        check(patch)
    parameters = "alarm old_state new_state reason"
    saying = replace(cloudwatch, "_dispatch_alarm_actions", parameters, "told SNS topics only", _saying)
    return [saying, emitting, calling]


def _saying(original: Callable[..., Any]) -> Callable[..., Any]:
    def say(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
        alarm["StateTransitionedTimestamp"] = alarm["StateUpdatedTimestamp"]
        original(alarm, old_state, new_state, reason)
        previous = _previous.pop(alarm["AlarmArn"], {})
        entry = {
            "Source": "aws.cloudwatch",
            "DetailType": "CloudWatch Alarm State Change",
            "Detail": json.dumps(event_detail(alarm, old_state, previous)),
            "Resources": [alarm["AlarmArn"]],
        }
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)  # noqa: SLF001
        if alarm.get("ActionsEnabled", True):
            field = {"ALARM": "AlarmActions", "OK": "OKActions"}.get(new_state, "InsufficientDataActions")
            for action in alarm.get(field) or ():
                if str(action).startswith("arn:aws:lambda:"):
                    eventbridge._dispatch_to_lambda(action, json.dumps(_payload(alarm, old_state, previous)))  # noqa: SLF001

    return say


def event_detail(alarm: Mapping[str, Any], old_state: str, previous: Mapping[str, Any]) -> dict[str, Any]:
    """`detail` of the event (CloudWatch User Guide, "Alarm events and EventBridge")."""
    configuration: dict[str, Any] = {"description": alarm["AlarmDescription"]} if "AlarmDescription" in alarm else {}
    if "AlarmRule" in alarm:
        configuration["alarmRule"] = alarm["AlarmRule"]
    else:
        configuration["metrics"] = _metrics(alarm)
    return {
        "alarmName": alarm["AlarmName"],
        "state": _state(alarm["StateValue"], alarm),
        "previousState": _state(old_state, previous),
        "configuration": configuration,
    }


def _metrics(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    queries, returned = queries_of(alarm)
    found: list[dict[str, Any]] = []
    for name, query in queries.items():
        entry: dict[str, Any] = {"id": name or "m1", "returnData": name == returned}
        if isinstance(query, Watched):
            metric = {"namespace": query.namespace, "name": query.metric, "dimensions": dict(query.dimensions)}
            entry["metricStat"] = {"metric": metric, "period": query.period, "stat": query.statistic}
        else:
            entry["expression"] = query.text
        found.append(entry)
    return found


def _state(value: str, said: Mapping[str, Any]) -> dict[str, Any]:
    state: dict[str, Any] = {"value": value}
    if said.get("StateReason"):
        state["reason"] = said["StateReason"]
    if said.get("StateReasonData"):
        state["reasonData"] = said["StateReasonData"]
    if said.get("StateUpdatedTimestamp") is not None:
        state["timestamp"] = stamp(said["StateUpdatedTimestamp"])
    return state


def _payload(alarm: Mapping[str, Any], old_state: str, previous: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": cloudwatch.get_account_id(),
        "time": stamp(alarm["StateUpdatedTimestamp"]),
        "region": cloudwatch.get_region(),
        "alarmData": event_detail(alarm, old_state, previous),
    }


def stamp(moment: float) -> str:
    """A moment (epoch seconds) as CloudWatch writes it in events."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
