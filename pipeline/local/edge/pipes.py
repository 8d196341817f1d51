"""EventBridge Pipes that run. MiniStack loses most settings and moves only changes of tables to SNS or Step Functions.

This is the API: every setting is kept, validated as far as it is used here, and answered. `pipe_run` moves events,
and is imported with the first pipe. Enrichment is a function; input templates, other sources and other targets are
refused rather than ignored.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.arn import ArnParseError, parse_arn
from ministack.services import eventbridge, pipes

from pipeline.local.edge.pipe_events import SOURCES, TARGETS, settings
from pipeline.local.patching import Patch, check, replace

# Besides what MiniStack keeps.
KEPT = ("Enrichment", "SourceParameters", "TargetParameters", "LogConfiguration", "KmsKeyIdentifier")
STATES = ("RUNNING", "STOPPED")
_REQUIRED = ("Source", "Target", "RoleArn")

ending = threading.Event()

Answer = tuple[int, dict[str, str], bytes]


def kind(arn: str) -> str:
    """The service in an ARN; empty for what is none."""
    try:
        return str(parse_arn(arn).service)
    except ArnParseError:
        return ""


def problem(body: dict[str, Any]) -> str | None:
    """Why AWS would refuse this pipe, or the embedded AWS cannot run it; None if it can."""
    for name in _REQUIRED:
        if not body.get(name):
            return f"1 validation error detected: Value null at '{name[0].lower()}{name[1:]}' must not be null"
    if kind(body["Source"]) not in SOURCES:
        return f"the embedded AWS reads queues, DynamoDB and Kinesis streams in a pipe, not {body['Source']}"
    if kind(body["Target"]) not in TARGETS:
        return f"the embedded AWS sends from a pipe to {', '.join(TARGETS)}, not to {body['Target']}"
    if body.get("Enrichment") and kind(body["Enrichment"]) != "lambda":
        return f"the embedded AWS enriches by a function only, not by {body['Enrichment']}"
    for block in ("EnrichmentParameters", "TargetParameters"):
        if (body.get(block) or {}).get("InputTemplate"):
            return f"the embedded AWS fills in no InputTemplate ({block})"
    return _filters(body)


def _filters(body: dict[str, Any]) -> str | None:
    for one in ((body.get("SourceParameters") or {}).get("FilterCriteria") or {}).get("Filters") or ():
        _, reason = eventbridge._parse_pattern_text(one.get("Pattern"))  # noqa: SLF001
        if reason:
            return f"Event pattern is not valid. Reason: {reason}"
    return None


def _refuse(message: str) -> Answer:
    return pipes._error(400, "ValidationException", message)  # type: ignore[no-any-return]  # noqa: SLF001


def _creating(_original: Callable[..., Answer]) -> Callable[..., Answer]:
    def create(name: str, body: dict[str, Any]) -> Answer:
        if name in pipes._pipes:  # noqa: SLF001
            return pipes._error(409, "ConflictException", f"Pipe {name} already exists.")  # type: ignore[no-any-return]  # noqa: SLF001
        desired = str(body.get("DesiredState") or "RUNNING")
        why = problem(body) or (None if desired in STATES else f"DesiredState must be one of {list(STATES)}.")
        if why:
            return _refuse(why)
        service = kind(body["Source"])
        parameters = settings(service, body.get("SourceParameters"))
        try:
            pipe = pipes.register_pipe(
                name=name,
                source=body["Source"],
                target=body["Target"],
                role_arn=body["RoleArn"],
                desired_state="STOPPED",  # until it is whole
                starting_position=parameters[SOURCES[service][0]].get("StartingPosition") or "LATEST",
                tags=body.get("Tags") or {},
                description=body.get("Description") or "",
            )
        except ValueError as fault:
            return _refuse(str(fault))
        pipe.update({key: body[key] for key in KEPT if body.get(key)}, SourceParameters=parameters)
        pipe.update(DesiredState=desired, CurrentState=desired)
        return pipes._json_resp(200, pipes._lifecycle_response(pipe))  # type: ignore[no-any-return]  # noqa: SLF001

    return create


def _updating(_original: Callable[..., Answer]) -> Callable[..., Answer]:
    def update(name: str, body: dict[str, Any]) -> Answer:
        pipe = pipes._pipes.get(name)  # noqa: SLF001
        if pipe is None:
            return pipes._not_found(name)  # type: ignore[no-any-return]  # noqa: SLF001
        service = kind(pipe["Source"])
        wanted = {**pipe, **{key: value for key, value in body.items() if key not in ("Source", "Tags")}}
        if "SourceParameters" in body:
            wanted["SourceParameters"] = _united(service, pipe, body["SourceParameters"] or {})
        desired = str(body.get("DesiredState") or pipe["DesiredState"])
        why = problem(wanted) or (None if desired in STATES else f"DesiredState must be one of {list(STATES)}.")
        if why:
            return _refuse(why)
        kept = ("RoleArn", "Target", "Description", *KEPT)
        pipe.update({key: wanted[key] for key in kept if key in wanted})
        pipe.update(DesiredState=desired, CurrentState=desired, LastModifiedTime=int(time.time()))
        return pipes._json_resp(200, pipes._lifecycle_response(pipe))  # type: ignore[no-any-return]  # noqa: SLF001

    return update


def _united(service: str, pipe: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Settings after an update: where reading began stays, and a block that is not named stays as it was."""
    block, _ = SOURCES[service]
    before = pipe.get("SourceParameters") or {}
    start = {key: value for key, value in (before.get(block) or {}).items() if key.startswith("StartingPosition")}
    after = {**before, **given}
    if block in given:
        after[block] = {**start, **given[block]}
    return settings(service, after)


def _describing(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def describe(pipe: dict[str, Any]) -> dict[str, Any]:
        return {**original(pipe), **{key: pipe[key] for key in KEPT if pipe.get(key)}}

    return describe


def _starting(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(pipe: dict[str, Any]) -> Any:
        if kind(pipe["Source"]) != "kinesis":
            return original(pipe)
        from pipeline.local.edge.pipe_sources import kinesis_start

        return kinesis_start(pipe)

    return start


def _polling(_original: Callable[..., None]) -> Callable[..., None]:
    def poll() -> None:
        from pipeline.local.edge.pipe_run import supervise

        supervise(ending)

    return poll


def close() -> None:
    """No pipe begins another batch."""
    ending.set()


def apply() -> list[Patch]:
    lost, idle = "kept neither enrichment nor parameters", "moved a table's changes to SNS and states only"
    used = [
        Patch(eventbridge, "_parse_pattern_text", ("pattern_str",), "filters are event patterns"),
        Patch(eventbridge, "_matches_detail", ("detail", "pattern"), "filters are event patterns"),
    ]
    for patch in used:
        check(patch)
    return [
        replace(pipes, "_create_pipe", "name body", lost, _creating),
        replace(pipes, "_update_pipe", "name body", lost, _updating),
        replace(pipes, "_describe_response", "pipe", lost, _describing),
        replace(pipes, "_initial_position", "pipe", "a Kinesis stream has a position for each shard", _starting),
        replace(pipes, "_poll_loop", "", idle, _polling),
    ]
