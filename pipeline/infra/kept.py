"""What an applied root still has besides what the manifest says, in words for people. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.infra.calls import FUNCTION, Call

_OBJECTS = "-objects"  # of a bucket: a name of its own for what lies in it
_PERMISSIONS: Mapping[str, str] = {
    "tracing": "permission to trace",
    "vpc": "permission to join a VPC",
    "kms_key_arns": "use of the former KMS key",
    "dead_letter_arns": "permission to send to the former dead-letter queue",
}


def kept_back(desired: Sequence[Call], united: Sequence[Call]) -> tuple[str, ...]:
    """What is only in the united calls, because a version that still runs may need it; what invokes comes first."""
    wanted = {call.name: call for call in desired}
    found: list[str] = []
    for call in sorted(united, key=lambda one: (one.module == FUNCTION, one.name)):
        new = wanted.get(call.name)
        found += _whole(call) if new is None else _more(new, call)
    return tuple(dict.fromkeys(found))


def _whole(call: Call) -> list[str]:
    """A call that is no longer desired."""
    if routes := call.arguments.get("routes"):
        return [str(one) for one in routes]
    return [f"{_part(call)} ({'own Terraform' if call.files else call.module})"]


def _more(new: Call, now: Call) -> Iterator[str]:
    for name, value in sorted(now.arguments.items()):
        told = _TOLD.get(name)
        if told is not None and value != new.arguments.get(name):
            yield from told(now, value, new.arguments.get(name))


def _routes(_: Call, now: Any, new: Any) -> Iterator[str]:
    yield from (str(one) for one in now or () if one not in (new or ()))


def _indexes(call: Call, now: Any, new: Any) -> Iterator[str]:
    yield from (f"index {one} of {_part(call)}" for one in now or {} if one not in (new or {}))


def _rules(_: Call, now: Any, new: Any) -> Iterator[str]:
    yield from (f"events of {one['prefix']}*{one['suffix']}" for one in now or () if one not in (new or ()))


def _access(_: Call, now: Any, new: Any) -> Iterator[str]:
    """Actions by what they are allowed on; `new` has fewer of them, or on fewer resources."""
    for name, grant in (now or {}).items():
        allowed = (new or {}).get(name) or {"actions": [], "resources": []}
        on = "by a statement" if name.startswith("statement-") else f"on {name.removesuffix(_OBJECTS)}"
        actions = [one for one in grant["actions"] if one not in allowed["actions"]]
        if actions:
            yield f"{' and '.join(actions)} {on}"
        elif set(grant["resources"]) - set(allowed["resources"]):
            yield f"{' and '.join(grant['actions'])} {on} as it was"


def _permissions(_: Call, now: Any, __: Any) -> Iterator[str]:
    yield from (_PERMISSIONS[name] for name in now or {} if name in _PERMISSIONS)


def _part(call: Call) -> str:
    """What a call is of its service: what stands after the first `_` of its name."""
    return call.name.partition("_")[2] or call.name


# By argument: those that `united` unites.
_TOLD: Mapping[str, Callable[[Call, Any, Any], Iterator[str]]] = {
    "access": _access,
    "cors": lambda *_: iter(["its former CORS"]),
    "indexes": _indexes,
    "kept_permissions": _permissions,
    "routes": _routes,
    "rules": _rules,
    "stream": lambda call, *_: iter([f"the stream of {_part(call)}"]),
}
