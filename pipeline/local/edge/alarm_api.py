"""The alarm operations by every protocol: nothing that was put is lost in what is described.

MiniStack's XML answer drops most fields, so that Terraform never converges; its JSON answer is whole, and is written as
XML here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch

from pipeline.local.edge.alarm_events import remember
from pipeline.local.edge.alarm_rules import STATES
from pipeline.local.edge.alarm_shape import AlarmError, stored
from pipeline.local.edge.queries import nested
from pipeline.local.patching import Patch, replace

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
HTTP_OK = 200
NEW = "Unchecked: Initial alarm creation"


def apply(changed: Callable[[], None]) -> list[Patch]:
    """`changed` is called after an alarm was put: it is to be evaluated now."""
    protocol = "params cbor_data is_cbor is_json"
    lost = "lost fields, and so Terraform never converged"
    return [
        replace(cloudwatch, "_put_metric_alarm", protocol, lost, _putting(changed)),
        replace(cloudwatch, "_describe_alarms", protocol, lost, _describing("DescribeAlarms")),
        replace(cloudwatch, "_describe_alarms_for_metric", protocol, lost, _describing("DescribeAlarmsForMetric")),
        replace(cloudwatch, "_set_alarm_state", protocol, "took any word for a state", _setting),
        replace(cloudwatch, "_evaluate_alarm", "alarm", "ignored dimensions, M of N and missing data", _leaving),
    ]


def _putting(changed: Callable[[], None]) -> Make:
    def put(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        request = dict(cbor_data) if is_cbor or is_json else nested(params)
        try:
            wanted = stored(request)
        except AlarmError as refused:
            return _refuse(str(refused), is_cbor=is_cbor, is_json=is_json)
        name = wanted["AlarmName"]
        before = cloudwatch._alarms.get(name)  # noqa: SLF001
        tags = cloudwatch._alarm_request_tags(params, cbor_data, is_cbor, is_json)  # noqa: SLF001
        datapoints = wanted.get("DatapointsToAlarm")
        refusal = cloudwatch._alarm_tags_refusal(tags, datapoints, before is None, is_cbor, is_json)  # noqa: SLF001
        if refusal:
            return refusal
        now = time.time()
        kept = ("StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp")
        fresh = {"StateValue": "INSUFFICIENT_DATA", "StateReason": NEW, "StateUpdatedTimestamp": int(now)}
        state = {key: before[key] for key in kept if key in before} if before else fresh
        arn = f"arn:aws:cloudwatch:{cloudwatch.get_region()}:{cloudwatch.get_account_id()}:alarm:{name}"
        alarm = {**wanted, **state, "AlarmArn": arn, "AlarmConfigurationUpdatedTimestamp": int(now)}
        cloudwatch._alarms[name] = alarm  # noqa: SLF001
        if before is None:
            if tags:
                cloudwatch._resource_tags[arn] = {tag["Key"]: tag["Value"] for tag in tags}  # noqa: SLF001
            cloudwatch._record_history(name, "INSUFFICIENT_DATA", "INSUFFICIENT_DATA", NEW)  # noqa: SLF001
        changed()
        return _empty("PutMetricAlarm", is_cbor=is_cbor, is_json=is_json)

    return lambda _original: put


def _describing(operation: str) -> Make:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def describe(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
            if is_cbor or is_json:
                return original(params, cbor_data, is_cbor, is_json)
            status, _, body = original(params, nested(params), False, True)
            if status != HTTP_OK:
                return original(params, cbor_data, is_cbor, is_json)
            found = {key: value for key, value in json.loads(body).items() if value is not None}
            found.setdefault("CompositeAlarms", [])
            return cloudwatch._xml(HTTP_OK, f"{operation}Response", element(f"{operation}Result", found))  # noqa: SLF001

        return describe

    return make


def _setting(original: Callable[..., Any]) -> Callable[..., Any]:
    def set_state(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        request = cbor_data if is_cbor or is_json else nested(params)
        if request.get("StateValue") not in STATES:
            wanted = f"Value '{request.get('StateValue')}' at 'stateValue' failed to satisfy constraint: Member must"
            return _refuse(f"{wanted} satisfy enum value set: {list(STATES)}", is_cbor=is_cbor, is_json=is_json)
        name = request.get("AlarmName")
        alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)  # noqa: SLF001
        if alarm is not None:
            remember(alarm)
        return original(params, cbor_data, is_cbor, is_json)

    return set_state


def _leaving(_original: Callable[..., Any]) -> Callable[..., Any]:
    def evaluate(alarm: Any) -> None:
        """In place of MiniStack's: the evaluator of `alarms` does it, by the clock and not on every write."""

    return evaluate


def element(name: str, value: Any) -> str:
    """A value in the query protocol's XML; lists as members, timestamps (epoch seconds) as ISO 8601."""
    if isinstance(value, dict):
        inner = "".join(element(key, each) for key, each in value.items() if each is not None)
    elif isinstance(value, list):
        inner = "".join(element("member", each) for each in value)
    elif isinstance(value, bool):
        inner = str(value).lower()
    elif name.endswith("Timestamp") and isinstance(value, int | float):
        inner = cloudwatch._ts_iso(value)  # noqa: SLF001
    else:
        inner = cloudwatch._xml_escape(str(value))  # noqa: SLF001
    return f"<{name}>{inner}</{name}>"


def _empty(operation: str, *, is_cbor: bool, is_json: bool) -> Any:
    if is_cbor:
        return cloudwatch._cbor_ok({})  # noqa: SLF001
    if is_json:
        return cloudwatch._json_ok({})  # noqa: SLF001
    return cloudwatch._xml(HTTP_OK, f"{operation}Response", "")  # noqa: SLF001


def _refuse(message: str, *, is_cbor: bool, is_json: bool) -> Any:
    return cloudwatch._error("ValidationError", message, 400, use_json=is_json, use_cbor=is_cbor)  # noqa: SLF001
