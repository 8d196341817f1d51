"""Drift for a terminal and for machines. Never the value of an attribute.

What nobody declares is only in the JSON: AWS fills in a lot by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.infra.drift import StackDrift
from pipeline.infra.model import Change
from pipeline.report.console import Console
from pipeline.report.text import one_line

_SUMMARY = {
    "drifted": "drifted",
    "changed": "as it was applied; the manifests want something else by now",
    "clean": "as it was applied",
    "unread": "could not be looked at",
}
EDITED = {"update": "edited", "delete": "gone", "create": "made", "replace": "replaced", "read": "read"}


def show_drift(console: Console, env: str, found: Sequence[StackDrift]) -> None:
    """For people."""
    for one in found:
        say = {"drifted": console.bad, "unread": console.bad}.get(one.state, console.title)
        say(f"stack {one.stack}: {_SUMMARY[one.state]}")
        for line in _lines(env, one):
            console.line(f"  {line}")
    if not found:
        console.line(f"nothing was deployed to `{env}` yet")


def _lines(env: str, one: StackDrift) -> Iterator[str]:
    yield from (f"{what(change)}" for change in one.found.drift)
    yield from (f"because of it: {change.action} {about(change)}" for change in one.found.follows)
    yield from (f"to be changed: {change.action} {about(change)}" for change in one.found.changes)
    if one.error is not None:
        yield one.error.replace("\n", "\n  ")
    if one.hint is not None:
        yield f"next: {one.hint}"
    if not one.declared:
        yield f"no manifest declares it any more: it holds {', '.join(one.services) or 'no service'}"
    if one.found.drift:
        yield f"next: undo it by hand, or `crabwalk drift {one.stack} --env {env} --reapply` and the next deploy does"


def what(change: Change) -> str:
    """What somebody made of a resource."""
    return f"{EDITED[change.action]} {about(change)}"


def about(change: Change) -> str:
    """The resource, and which of its attributes."""
    names = f" ({', '.join(change.attributes)})" if change.attributes else ""
    return one_line(change.address.removeprefix("module.") + names)


def document(env: str, commit: str, code: int, found: Sequence[StackDrift]) -> dict[str, Any]:
    """For machines; docs/drift.md has the shape."""
    return {
        "environment": env,
        "commit": commit,
        "exit": code,
        "stacks": [
            {
                "stack": one.stack,
                "services": list(one.services),
                "declared": one.declared,
                "state": one.state,
                "drift": [_change(x) for x in one.found.drift],
                "follows": [_change(x) for x in one.found.follows],
                "changes": [_change(x) for x in one.found.changes],
                "unclaimed": [_change(x) for x in one.found.unclaimed],
                "error": one.error,
            }
            for one in found
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "address": change.address,
        "type": change.type,
        "service": change.service,
        "action": change.action,
        "attributes": list(change.attributes),
    }
