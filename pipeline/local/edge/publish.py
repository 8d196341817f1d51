"""PublishVersion's guards, a DryRun that changes nothing, and update states as AWS reports them.

"Nothing changed" is judged by content (code and configuration), not by RevisionId: an update that wrote the same bytes
gives no new version.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from ministack.services import lambda_svc

from pipeline.local.patching import Patch, replace

CONTENT = "crabwalk_content"
VOLATILE = frozenset(
    {
        "Version",
        "FunctionArn",
        "RevisionId",
        "LastModified",
        "State",
        "StateReason",
        "StateReasonCode",
        "LastUpdateStatus",
        "LastUpdateStatusReason",
        "LastUpdateStatusReasonCode",
    }
)
ARCHITECTURES = (["x86_64"], ["arm64"])


def content(config: dict[str, Any]) -> str:
    """Equal for equal code and configuration."""
    stable = {key: value for key, value in config.items() if key not in VOLATILE and not key.startswith("_")}
    return hashlib.sha256(json.dumps(stable, sort_keys=True, default=str).encode()).hexdigest()


def refuse(code: str, message: str, status: int) -> Any:
    return lambda_svc.error_response_json(code, message, status)


def _busy(name: str, config: dict[str, Any]) -> Any | None:
    arn = lambda_svc._func_arn(name)  # noqa: SLF001
    message = "The operation cannot be performed at this time. "
    if config.get("State") == "Pending":
        message += "The function is currently in the following state: Pending"
    elif config.get("LastUpdateStatus") == "InProgress":
        message += f"An update is in progress for resource: {arn}"
    else:
        return None
    return refuse("ResourceConflictException", message, 409)


def _guards(name: str, func: dict[str, Any], data: dict[str, Any]) -> Any | None:
    config = func["config"]
    if busy := _busy(name, config):
        return busy
    sha = data.get("CodeSha256")
    if sha and sha != config.get("CodeSha256"):
        actual = config.get("CodeSha256")
        message = f"CodeSHA256 ({sha}) is different from current CodeSHA256 in $LATEST ({actual}). Please try again."
        return refuse("InvalidParameterValueException", message, 400)
    if data.get("RevisionId"):
        return lambda_svc._check_revision(config, data)  # noqa: SLF001
    return None


def _publishing(original: Callable[..., Any]) -> Callable[..., Any]:
    def publish(name: str, data: dict[str, Any]) -> Any:
        func = lambda_svc._functions.get(name)  # noqa: SLF001
        if func is None:
            return original(name, data)
        if refused := _guards(name, func, data):
            return refused
        now = content(func["config"])
        latest = max(func["versions"], key=int, default=None)
        if latest is not None:
            record = func["versions"][latest]
            same = record.get(CONTENT, content(record["config"])) == now
            record["function_revision"] = func["config"]["RevisionId"] if same else None
        answer = original(name, data)
        newest = max(func["versions"], key=int, default=None)
        if newest is not None and newest != latest:
            func["versions"][newest][CONTENT] = now
        return answer

    return publish


def _updating_code(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(name: str, data: dict[str, Any]) -> Any:
        func = lambda_svc._functions.get(name)  # noqa: SLF001
        if func is None:
            return original(name, data)
        if "Architectures" in data and data["Architectures"] not in ARCHITECTURES:
            message = f"Value {data['Architectures']} at 'architectures' must be [x86_64] or [arm64]"
            return refuse("InvalidParameterValueException", message, 400)
        if busy := _busy(name, func["config"]):
            return busy
        if data.get("DryRun"):
            return _dry_run(func, data)
        return _active(func, original(name, data))

    return update


def _updating_config(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(name: str, data: dict[str, Any]) -> Any:
        func = lambda_svc._functions.get(name)  # noqa: SLF001
        if func is None:
            return original(name, data)
        return _busy(name, func["config"]) or _active(func, original(name, data))

    return update


def _settling(_original: Callable[..., Any]) -> Callable[..., Any]:
    def schedule(func_name: str, delay: float) -> None:
        def settle() -> None:
            time.sleep(delay)
            func = lambda_svc._functions.get(func_name)  # noqa: SLF001
            if func:
                _settle(func["config"])

        threading.Thread(target=copy_context().run, args=(settle,), daemon=True).start()

    return schedule


def apply() -> list[Patch]:
    return [
        replace(lambda_svc, "_publish_version", "name data", "ignored CodeSha256 and RevisionId", _publishing),
        replace(lambda_svc, "_update_code", "name data", "DryRun replaced the code", _updating_code),
        replace(lambda_svc, "_update_config", "name data", "accepted updates during updates", _updating_config),
        replace(lambda_svc, "_schedule_state_transition", "func_name delay", "kept the RevisionId", _settling),
    ]


def _settle(config: dict[str, Any]) -> None:
    updated = config.get("State") == "Active"
    for key in VOLATILE & {key for key in config if key.startswith(("State", "LastUpdate"))}:
        config[key] = ""
    if updated:  # first: whoever reads that it is over reads the revision that stays
        config["RevisionId"] = lambda_svc.new_uuid()  # AWS: an update that settles is a revision of its own
    config["State"], config["LastUpdateStatus"] = "Active", "Successful"


def _active(func: dict[str, Any], answer: Any) -> Any:
    """On AWS a function stays Active while it is updated; only LastUpdateStatus says InProgress."""
    status, headers, body = answer
    if status >= 300:
        return answer
    calm = {"State": "Active", "StateReason": "", "StateReasonCode": ""}
    func["config"].update(calm)
    shown = {**json.loads(body), **calm}
    version = shown.get("Version", "$LATEST")
    if version in func["versions"]:  # Publish=True: this version is complete
        _settle(func["versions"][version]["config"])
        shown.update(LastUpdateStatus="Successful")
    return status, headers, json.dumps(shown).encode()


def _dry_run(func: dict[str, Any], data: dict[str, Any]) -> Any:
    config = copy.deepcopy(func["config"])
    if (stale := lambda_svc._check_revision(config, data)) is not None:  # noqa: SLF001
        return stale
    code: bytes | None = None
    if "ZipFile" in data:
        code = base64.b64decode(data["ZipFile"])
    elif "S3Bucket" in data and "S3Key" in data:
        bucket, key = data["S3Bucket"], data["S3Key"]
        code = lambda_svc._fetch_code_from_s3(bucket, key, version_id=data.get("S3ObjectVersion"))  # noqa: SLF001
        if code is None:
            message = f"Failed to fetch code from s3://{bucket}/{key}"
            return refuse("InvalidParameterValueException", message, 400)
    if (unreadable := lambda_svc._reject_unreadable_zip(code)) is not None:  # noqa: SLF001
        return unreadable
    if code:
        config["CodeSize"] = len(code)
        config["CodeSha256"] = base64.b64encode(hashlib.sha256(code).digest()).decode()
    if "Architectures" in data:
        config["Architectures"] = data["Architectures"]
    return lambda_svc.json_response(config)
