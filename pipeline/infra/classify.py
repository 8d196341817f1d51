"""Sorts planned changes by when they take effect. Pure; what each type of resource means stands in `kinds`.

`walks`: belongs to a published version, so a canary tries it out. `at-once`: both versions feel it. `destroys`:
takes something away that the running version may need. What cannot be told apart counts as a removal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pipeline.infra.kinds import TAGS, Kind, kind_of
from pipeline.infra.model import Action, Amount, Change, Effect

NET = "net"  # a call `SERVICE_net` is a safety net: no version needs it to run, and it keeps nothing

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

# Numbers that cost depends on; none of them is a secret.
_AMOUNTS = ("memory_size", "provisioned_concurrent_executions")

# Where no update is planned for them, only what the release engine wrote differs from the state.
_ENGINES = frozenset({"aws_lambda_function", "aws_lambda_alias"})


def drifted(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the stream tells of a drift that may be one; its attributes are only in the plan's document."""
    for message in messages:
        planned = message.get("change") or {}
        kind = (planned.get("resource") or {}).get("resource_type")
        if message.get("type") == "resource_drift" and (planned.get("action") != "update" or kind not in _ENGINES):
            return True
    return False


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
    return _ordered(_read(document.get("resource_changes") or ()))


def drift_of(document: Mapping[str, Any]) -> tuple[Change, ...]:
    """Where the world differs from the state; not what the release engine wrote, nor what AWS merely answers."""
    found = []
    for one in _read(document.get("resource_drift") or ()):
        kind = kind_of(one.type, one.address)
        ignored = kind.engine | kind.answers
        left = tuple(name for name in one.attributes if name not in ignored)
        if one.action != "update" or left:
            found.append(Change(one.address, one.type, one.service, one.action, one.effect, left))
    return _ordered(found)


def refused(changes: Sequence[Change], allowed: Collection[str]) -> tuple[Change, ...]:
    """Deletions and replacements of things that cannot be made again as they were, unless their address is named."""
    return tuple(
        change
        for change in changes
        if change.action in {"delete", "replace"}
        and kind_of(change.type, change.address).lost
        and not _of_a_net(change.address)
        and change.address not in allowed
    )


def service_of(address: str) -> str | None:
    """The service a resource belongs to: what stands before the first `_` in the name of its module."""
    parts = address.split(".")
    if len(parts) < 2 or parts[0] != "module":
        return None
    return _name(parts[1]).partition("_")[0]


def _read(resources: Sequence[Mapping[str, Any]]) -> list[Change]:
    changes = []
    for resource in resources:
        change = resource.get("change") or {}
        action = _ACTIONS.get(tuple(change.get("actions") or ()))
        if action is not None:
            changes.append(_change(str(resource["address"]), str(resource["type"]), action, change))
    return changes


def _ordered(changes: Sequence[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: change.address))


def _change(address: str, kind: str, action: Action, change: Mapping[str, Any]) -> Change:
    attributes = _attributes(change, action)
    row = kind_of(kind, address)
    if _of_a_net(address):
        effect: Effect = "at-once"
    elif action == "update":
        effect = _update_effect(row, attributes, change)
    else:
        effect = "destroys" if action in {"delete", "replace"} and row.needed else "at-once"
    return Change(address, kind, service_of(address), action, effect, attributes, _amounts(change))


def _name(part: str) -> str:
    """A module's name without its index."""
    return part.partition("[")[0]


def _of_a_net(address: str) -> bool:
    parts = address.split(".")
    return len(parts) > 1 and parts[0] == "module" and _name(parts[1]).partition("_")[2] == NET


def _attributes(change: Mapping[str, Any], action: Action) -> tuple[str, ...]:
    """Names of the top-level attributes that change; never their values, which can be secrets."""
    if action == "replace":
        return tuple(sorted({str(path[0]) for path in change.get("replace_paths") or () if path}))
    if action != "update":
        return ()
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = {name for name, value in (change.get("after_unknown") or {}).items() if value}
    differs = {name for name in {*before, *after} if not _same(before.get(name), after.get(name))}
    return tuple(sorted(differs | unknown))


def _same(before: Any, after: Any) -> bool:
    """Nothing and empty are one: the provider reads back as empty what was never said."""
    nothing: tuple[Any, ...] = (None, "", [], {})
    return bool(before == after) or (before in nothing and after in nothing)


def _update_effect(row: Kind, attributes: Sequence[str], change: Mapping[str, Any]) -> Effect:
    before, after = change.get("before") or {}, change.get("after") or {}
    left = set(attributes) - TAGS - row.answers
    left -= {name for name in left if row.takes_nothing(name, before.get(name), after.get(name))}
    if left and left <= row.walks:
        return "walks"
    return "destroys" if left else "at-once"


def _amounts(change: Mapping[str, Any]) -> tuple[Amount, ...]:
    before, after = change.get("before") or {}, change.get("after") or {}
    found = ((name, _number(before.get(name)), _number(after.get(name))) for name in _AMOUNTS)
    return tuple(one for one in found if one[1:] != (None, None))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
