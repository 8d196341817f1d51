"""One module call of a root as a value, and how the calls of two manifests are united. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.infra.bucket_rules import united_rules

FUNCTION = "rust-lambda"
WITH_ROLES = frozenset({FUNCTION, "canary-controller", "pipe", "rollback-net", "schedule", "state-machine-task"})
NO_ARTIFACT = "artifacts/not-built.zip"  # the zip of what nobody built yet, in a plan that needs a name for it
NOT_KEPT = frozenset({"dashboard", "rollback-net"})  # nothing that runs needs them

# What grants, routes or finds: a version that still runs needs what its own manifest said.
_UNITED: Mapping[str, frozenset[str]] = {
    FUNCTION: frozenset({"access"}),
    "dynamodb-table": frozenset({"indexes"}),
    "http-api": frozenset({"routes", "cors"}),
    "function-url": frozenset({"cors"}),
    "s3-trigger": frozenset({"rules"}),
}
# What is there or not: what was there stays.
_STAYING: Mapping[str, frozenset[str]] = {
    "dynamodb-table": frozenset({"stream"}),
}
# What a version's configuration makes its role need.
_PERMITTED = ("tracing", "vpc", "kms_key_arn", "dead_letter_arn")


@dataclass(frozen=True)
class Call:
    """A call of `modules/MODULE`, by its name in the root.

    `outputs`: what of it the service's own output shows, by the name there. `files`: of a service's own Terraform,
    which is no module of the project: `module` is then where they lie in the root.
    """

    name: str
    module: str
    arguments: Mapping[str, Any]
    outputs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As Terraform's JSON syntax takes it."""
        return {"source": f"./{self.module}" if self.files else f"./modules/{self.module}", **self.arguments}


def literal(value: str) -> str:
    """Escapes template markers, because Terraform reads every string of a JSON root as a template."""
    return value.replace("${", "$${").replace("%{", "%%{")


def bounded(call: Call, boundary: str | None) -> Call:
    """The call, with the policy that limits the roles it makes."""
    if boundary is None or call.module not in WITH_ROLES:
        return call
    return replace(call, arguments={**call.arguments, "permissions_boundary": boundary})


def read_calls(documents: Sequence[Mapping[str, Any]]) -> tuple[Call, ...]:
    """Calls as a record keeps them."""
    return tuple(
        Call(one["name"], one["module"], one["arguments"], one["outputs"], one.get("files", {})) for one in documents
    )


def needs(calls: Sequence[Call]) -> str:
    """Hash of what a version made for these calls may need of them: what `united` would keep for it."""
    kept = {
        call.name: [call.module, {name: call.arguments.get(name) for name in sorted(_needed(call.module))}]
        for call in calls
        if call.module not in NOT_KEPT
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def _needed(module: str) -> frozenset[str]:
    united, staying = _UNITED.get(module, frozenset()), _STAYING.get(module, frozenset())
    return united | staying | (frozenset(_PERMITTED) if module == FUNCTION else frozenset())


def united(desired: Sequence[Call], kept: Sequence[Call]) -> tuple[Call, ...]:
    """The desired calls with all that versions that still run may need: expand, before what was removed goes.

    A call that is no longer desired stays as it was; where both have it, what it grants, routes or indexes is united
    and everything else is as desired.
    """
    calls = {call.name: call for call in desired}
    for old in kept:
        new = calls.get(old.name)
        if new is not None and new.module == old.module:
            calls[old.name] = _with(new, old)
        elif new is None and old.module not in NOT_KEPT:
            calls[old.name] = old
    return tuple(sorted(calls.values(), key=lambda call: call.name))


def _with(new: Call, old: Call) -> Call:
    merged = dict(new.arguments)
    for name in _UNITED.get(new.module, frozenset()):
        unite: Callable[[Any, Any], Any] = united_rules if name == "rules" else _union
        merged[name] = unite(new.arguments.get(name), old.arguments.get(name))
    for name in _STAYING.get(new.module, frozenset()):
        merged[name] = new.arguments.get(name) or old.arguments.get(name)
    if new.module == "dynamodb-table" and old.arguments.get("ttl") and not new.arguments.get("ttl"):
        merged |= {"ttl": old.arguments["ttl"], "ttl_enabled": False}  # the provider leaves on what is only not said
    if new.module == FUNCTION and (permissions := _permissions(new.arguments, old.arguments)):
        merged["kept_permissions"] = permissions
    merged = {name: value for name, value in merged.items() if value is not None or name in new.arguments}
    return replace(new, arguments=merged)


def _union(new: Any, old: Any) -> Any:
    """Both, the new one first; of two plain values the new one, of one and nothing the one."""
    if isinstance(new, list) and isinstance(old, list):
        return [*new, *(one for one in old if one not in new)]
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        return {name: _union(new.get(name), old.get(name)) for name in {**new, **old}}
    return old if new is None else new


def _permissions(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """What the role must allow besides, for a version whose configuration asked for it."""
    earlier = old.get("kept_permissions") or {}

    def arns(argument: str, name: str) -> list[str]:
        wanted = {*earlier.get(name, ()), old.get(argument)} - {None, new.get(argument)}
        return sorted(wanted)

    kept = {
        "tracing": not new.get("tracing") and bool(old.get("tracing") or earlier.get("tracing")),
        "vpc": new.get("vpc") is None and bool(old.get("vpc") is not None or earlier.get("vpc")),
        "kms_key_arns": arns("kms_key_arn", "kms_key_arns"),
        "dead_letter_arns": arns("dead_letter_arn", "dead_letter_arns"),
    }
    return {name: value for name, value in kept.items() if value}
