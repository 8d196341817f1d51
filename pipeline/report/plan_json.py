"""A plan for machines: the shape that docs/plan.md describes. Never the value of an attribute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.cost.changes import Cost
from pipeline.infra.model import Change
from pipeline.plans.model import Preview, StackShown

FORMAT = 1


def document(preview: Preview) -> dict[str, Any]:
    """The plan as one JSON object, keys in the order in which they are documented."""
    return {
        "format": FORMAT,
        "project": preview.project,
        "environment": preview.environment,
        "commit": preview.commit,
        "subject": preview.subject,
        "services": [
            {
                "name": one.name,
                "affected": one.affected,
                "base": one.base,
                "reasons": [{"kind": kind, "detail": detail} for kind, detail in one.reasons],
                "build": one.build,
                "artifact": one.artifact,
            }
            for one in preview.services
        ],
        "stacks": [_stack(stack) for stack in preview.stacks],
        "releases": [
            {
                "name": one.name,
                "first": one.first,
                "version": one.version,
                "steps": [{"traffic": traffic, "bake_s": bake_s} for traffic, bake_s in one.steps],
                "sentence": one.sentence,
                "outlook": list(one.outlook),
                "none": one.none,
            }
            for one in preview.releases
        ],
        "costs": [_cost(name, found) for name, found in preview.costs],
        "warnings": list(preview.warnings),
        "saved": {"id": preview.saved.id, "expires": preview.saved.expires} if preview.saved else None,
    }


def change(one: Change) -> dict[str, Any]:
    """A change with the names of its attributes."""
    return {
        "address": one.address,
        "type": one.type,
        "service": one.service,
        "action": one.action,
        "effect": one.effect,
        "attributes": list(one.attributes),
    }


def _stack(stack: StackShown) -> dict[str, Any]:
    def listed(changes: Sequence[Change]) -> list[dict[str, Any]]:
        return [change(one) for one in changes]

    return {
        "name": stack.name,
        "terraform": stack.terraform,
        "changes": listed(stack.changes),
        "then": listed(stack.then),
        "drift": listed(stack.drift),
        "refused": [one.address for one in stack.refused],
        "waits": list(stack.waits),
    }


def _cost(name: str, found: Cost) -> dict[str, Any]:
    return {
        "service": name,
        "monthly": round(found.monthly, 6),
        "items": [{"what": one.what, "monthly": round(one.monthly, 6)} for one in found.items],
        "unknown": list(found.unknown),
    }
