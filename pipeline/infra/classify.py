"""Sorts planned changes by when they take effect. Pure.

`walks`: belongs to a published version, so a canary tries it out. `at-once`: both versions feel it. `destroys`:
takes something away that the running version may need. What cannot be told apart counts as a removal.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pipeline.infra.model import Action, Change, Effect
from pipeline.infra.render import HTTP_SUFFIX, NET_SUFFIX

_ACTIONS: Mapping[tuple[str, ...], Action] = {
    ("create",): "create",
    ("read",): "read",
    ("update",): "update",
    ("delete",): "delete",
    ("forget",): "delete",
    ("remove",): "delete",
    ("replace",): "replace",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
}

_TAGS = frozenset({"tags", "tags_all"})

# A function's configuration that every published version keeps for itself.
_FUNCTION_WALKS = frozenset(
    {
        "description", "environment", "ephemeral_storage", "file_system_config", "handler", "image_config",
        "kms_key_arn", "layers", "logging_config", "memory_size", "runtime", "snap_start", "timeout",
        "tracing_config", "vpc_config",
    }
)  # fmt: skip

# Answers of AWS that change along with any configuration.
_FUNCTION_COMPUTED = frozenset(
    {
        "code_sha256", "invoke_arn", "last_modified", "qualified_arn", "qualified_invoke_arn", "source_code_hash",
        "source_code_size", "version",
    }
)  # fmt: skip

# In-place updates that take nothing away from a version that is running.
_AT_ONCE: Mapping[str, frozenset[str]] = {
    "aws_apigatewayv2_api": frozenset({"name", "description"}),
    "aws_apigatewayv2_integration": frozenset({"description", "timeout_milliseconds"}),
    "aws_apigatewayv2_stage": frozenset({"description", "access_log_settings", "default_route_settings"}),
    "aws_cloudwatch_log_group": frozenset({"retention_in_days"}),
    "aws_iam_role": frozenset({"description", "max_session_duration"}),
    # The role and the dead-letter setting belong to a version, but an alias cannot split two that differ in them.
    "aws_lambda_function": frozenset({"dead_letter_config", "reserved_concurrent_executions", "role"}),
}

# Documents of which an update that only adds is told apart from one that takes something away.
_POLICIES: Mapping[str, frozenset[str]] = {
    "aws_iam_policy": frozenset({"policy"}),
    "aws_iam_role": frozenset({"assume_role_policy"}),
    "aws_iam_role_policy": frozenset({"policy"}),
}

# Nothing is lost with these that the next apply could not make again under the same name.
_RECREATABLE = frozenset(
    {
        "aws_apigatewayv2_integration", "aws_apigatewayv2_route", "aws_apigatewayv2_stage",
        "aws_iam_role_policy", "aws_iam_role_policy_attachment", "aws_lambda_permission",
        "aws_s3_bucket_lifecycle_configuration",
    }
)  # fmt: skip


def from_stream(messages: Sequence[Mapping[str, Any]]) -> tuple[Change, ...] | None:
    """Changes as the plan's `-json` stream tells them, or None when their attributes must be looked up."""
    changes = []
    for message in messages:
        if message.get("type") != "planned_change":
            continue
        planned = message.get("change") or {}
        action = _ACTIONS.get((str(planned.get("action")),))
        if action is None:
            continue  # no-op, move, import: nothing happens to the thing itself
        if action in {"update", "replace"}:
            return None
        resource = planned.get("resource") or {}
        changes.append(_change(str(resource.get("addr")), str(resource.get("resource_type")), action, {}))
    return _ordered(changes)


def from_document(document: Mapping[str, Any]) -> tuple[Change, ...]:
    """Changes as `terraform show -json PLAN` tells them."""
    changes = []
    for resource in document.get("resource_changes") or ():
        change = resource.get("change") or {}
        action = _ACTIONS.get(tuple(change.get("actions") or ()))
        if action is not None:
            changes.append(_change(str(resource["address"]), str(resource["type"]), action, change))
    return _ordered(changes)


def refused(changes: Sequence[Change], allowed: Collection[str]) -> tuple[Change, ...]:
    """Deletions and replacements of things that cannot be made again as they were, unless their address is named."""
    return tuple(
        change
        for change in changes
        if change.action in {"delete", "replace"}
        and change.type not in _RECREATABLE
        and not _of_a_net(change.address)
        and change.address not in allowed
    )


def _ordered(changes: Sequence[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: change.address))


def _change(address: str, kind: str, action: Action, change: Mapping[str, Any]) -> Change:
    attributes = _attributes(change, action)
    if _of_a_net(address):
        effect: Effect = "at-once"
    elif action == "update":
        effect = _update_effect(kind, attributes, change)
    else:
        effect = "destroys" if action in {"delete", "replace"} else "at-once"
    return Change(address, kind, service_of(address), action, effect, attributes)


def service_of(address: str) -> str | None:
    """The service a resource belongs to, by the module it lies in."""
    parts = address.split(".")
    if len(parts) < 2 or parts[0] != "module":
        return None
    return parts[1].removesuffix(HTTP_SUFFIX).removesuffix(NET_SUFFIX)


def _of_a_net(address: str) -> bool:
    """Whether it belongs to a safety net: no version needs it to run, and it keeps nothing."""
    parts = address.split(".")
    return parts[0] == "module" and parts[1].endswith(NET_SUFFIX)


def _attributes(change: Mapping[str, Any], action: Action) -> tuple[str, ...]:
    """Names of the top-level attributes that change; never their values, which can be secrets."""
    if action == "replace":
        return tuple(sorted({str(path[0]) for path in change.get("replace_paths") or () if path}))
    if action != "update":
        return ()
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = {name for name, value in (change.get("after_unknown") or {}).items() if value}
    return tuple(sorted({name for name in {*before, *after} if before.get(name) != after.get(name)} | unknown))


def _update_effect(kind: str, attributes: Sequence[str], change: Mapping[str, Any]) -> Effect:
    left = set(attributes) - _TAGS
    if kind == "aws_lambda_function":
        left -= _FUNCTION_COMPUTED
    left -= _AT_ONCE.get(kind, frozenset())
    left -= {name for name in left & _POLICIES.get(kind, frozenset()) if _only_adds(change, name)}
    if kind == "aws_lambda_function" and left and left <= _FUNCTION_WALKS:
        return "walks"
    return "destroys" if left else "at-once"


def _only_adds(change: Mapping[str, Any], name: str) -> bool:
    """Whether a policy document after the change grants all it granted before."""
    before = _statements((change.get("before") or {}).get(name))
    after = _statements((change.get("after") or {}).get(name))
    if before is None or after is None:
        return False
    if any(statement.get("Effect") != "Allow" for statement in after if statement not in before):
        return False
    return all(statement in after for statement in before)


def _statements(policy: Any) -> list[dict[str, Any]] | None:
    try:
        document = json.loads(policy)
    except (TypeError, ValueError):
        return None
    statements = document.get("Statement") if isinstance(document, dict) else None
    if isinstance(statements, dict):
        return [statements]
    return statements if isinstance(statements, list) else None
