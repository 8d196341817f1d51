"""Permissions of functions made by Cloud Control reach the function's policy; MiniStack only remembers what was asked.

Terraform's 5.x provider says `InvokedViaFunctionUrl` no other way (modules/function-url).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from ministack.services import cloudcontrol, lambda_svc

from pipeline.local.patching import Patch, replace

PERMISSION = "AWS::Lambda::Permission"


def reference(name: str) -> tuple[str, str | None]:
    """Function and qualifier of `hello`, `hello:live` or an ARN of either."""
    function, _, qualifier = name.rpartition(":function:")[2].partition(":")
    return function, qualifier or None


def _create(data: dict[str, Any]) -> Any:
    wanted = json.loads(data["DesiredState"])
    function, qualifier = reference(wanted["FunctionName"])
    properties = {**wanted, "Id": str(uuid.uuid4())}
    said = {name: value for name, value in wanted.items() if name != "FunctionName"}
    said["StatementId"] = properties["Id"]
    status, _, body = lambda_svc._add_permission(function, said, {}, qualifier)  # noqa: SLF001
    identifier = f"{wanted['FunctionName']}|{properties['Id']}"
    model = json.dumps(properties)
    if status >= 300:
        told = {"status_message": json.loads(body)["message"], "error_code": "InvalidRequest"}
        event = cloudcontrol._progress_event("CREATE", "FAILED", PERMISSION, **told)  # noqa: SLF001
    else:
        record = {"TypeName": PERMISSION, "Identifier": identifier, "Properties": model}
        cloudcontrol._resources[cloudcontrol._resource_key(PERMISSION, identifier)] = record  # noqa: SLF001
        event = cloudcontrol._progress_event(  # noqa: SLF001
            "CREATE", "SUCCESS", PERMISSION, identifier=identifier, resource_model=model
        )
    return cloudcontrol.json_response({"ProgressEvent": cloudcontrol._record_request(event)})  # noqa: SLF001


def _is_there(identifier: str) -> bool:
    name, _, statement = identifier.rpartition("|")
    function = lambda_svc._functions.get(reference(name)[0])  # noqa: SLF001
    return function is not None and any(one.get("Sid") == statement for one in function["policy"]["Statement"])


def _forget(identifier: str) -> None:
    name, _, statement = identifier.rpartition("|")
    function, qualifier = reference(name)
    lambda_svc._remove_permission(function, statement, {}, qualifier)  # noqa: SLF001


def apply() -> list[Patch]:
    def creating(original: Callable[..., Any]) -> Callable[..., Any]:
        def create(data: dict[str, Any]) -> Any:
            return _create(data) if data.get("TypeName") == PERMISSION else original(data)

        return create

    def getting(original: Callable[..., Any]) -> Callable[..., Any]:
        def get(data: dict[str, Any]) -> Any:
            if data.get("TypeName") == PERMISSION and not _is_there(data["Identifier"]):
                key = cloudcontrol._resource_key(PERMISSION, data["Identifier"])  # noqa: SLF001
                cloudcontrol._resources.pop(key, None)  # noqa: SLF001
            return original(data)

        return get

    def deleting(original: Callable[..., Any]) -> Callable[..., Any]:
        def delete(data: dict[str, Any]) -> Any:
            if data.get("TypeName") == PERMISSION:
                _forget(data["Identifier"])
            return original(data)

        return delete

    why = "permissions made by Cloud Control were in no function's policy"
    return [
        replace(cloudcontrol, "_create_resource", "data", why, creating),
        replace(cloudcontrol, "_get_resource", "data", why, getting),
        replace(cloudcontrol, "_delete_resource", "data", why, deleting),
    ]
