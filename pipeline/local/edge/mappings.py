"""Event source mappings are refused where AWS refuses them, and what an update takes away is gone.

Terraform sends an empty filter, limit or destination to take it away, and reads back whether it is; MiniStack kept it
as something empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc, sqs

from pipeline.local.edge.publish import refuse
from pipeline.local.patching import Patch, replace

REMOVABLE = ("FilterCriteria", "ScalingConfig", "DestinationConfig")


def says_nothing(value: Any) -> bool:
    """Whether a setting is empty all the way down."""
    if isinstance(value, dict):
        return all(says_nothing(part) for part in value.values())
    return value in (None, "", [])


def problem(data: dict[str, Any]) -> Any | None:
    """AWS's refusal of this CreateEventSourceMapping; None if it would accept it, or MiniStack refuses it itself."""
    source = data.get("EventSourceArn", "")
    name, qualifier, fault = lambda_svc._resolve_existing_esm_function(data.get("FunctionName", ""))  # noqa: SLF001
    if fault:
        return None
    for known in lambda_svc._esms.values():  # noqa: SLF001
        if (known["EventSourceArn"], known["FunctionName"], known.get("Qualifier")) == (source, name, qualifier):
            message = (
                f'An event source mapping with event source arn (" {source} ") and function '
                f'(" {data["FunctionName"]} ") already exists. Please update or delete the existing mapping with UUID '
                f"{known['UUID']}"
            )
            return refuse("ResourceConflictException", message, 409)
    queue = sqs._queue_by_arn(source)  # noqa: SLF001
    _, config = lambda_svc._get_func_record_for_qualifier(name, qualifier)  # noqa: SLF001
    if queue is None or not config:
        return None
    hidden_s, timeout_s = int(queue["attributes"]["VisibilityTimeout"]), int(config.get("Timeout", 3))
    if hidden_s >= timeout_s:
        return None
    message = f"Queue visibility timeout: {hidden_s} seconds is less than Function timeout: {timeout_s} seconds"
    return refuse("InvalidParameterValueException", message, 400)


def _creating(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(data: dict[str, Any]) -> Any:
        return problem(data) or original(data)

    return create


def _updating(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(esm_id: str, data: dict[str, Any]) -> Any:
        answer = original(esm_id, data)
        mapping = lambda_svc._esms.get(esm_id)  # noqa: SLF001
        if mapping is None or answer[0] >= 300:
            return answer
        for name in REMOVABLE:
            if says_nothing(mapping.get(name, {})):
                mapping.pop(name, None)
        return lambda_svc.json_response(lambda_svc._esm_response(mapping))  # noqa: SLF001

    return update


def apply() -> list[Patch]:
    return [
        replace(
            lambda_svc, "_create_esm", "data", "made the same mapping twice, and beyond a queue's hiding", _creating
        ),
        replace(
            lambda_svc, "_update_esm", "esm_id data", "kept what an update took away as something empty", _updating
        ),
    ]
