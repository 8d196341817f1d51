"""Provisioned concurrency is of published versions, and an alias that has it splits no traffic; MiniStack takes all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import lambda_svc

from pipeline.local.edge.publish import refuse
from pipeline.local.patching import Patch, replace

INVALID = "InvalidParameterValueException"
UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
WEIGHTS = "Alias with weights can not be used with Provisioned Concurrency"


def problem(func: Mapping[str, Any], qualifier: str) -> str | None:
    """Why this version or alias can have no provisioned concurrency; None if it can."""
    alias = func["aliases"].get(qualifier, {})
    if (alias.get("FunctionVersion") or qualifier or "$LATEST") == "$LATEST":
        return UNPUBLISHED
    return WEIGHTS if _weights(alias) else None


def _weights(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    return (wanted.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}


def apply() -> list[Patch]:
    def putting(original: Callable[..., Any]) -> Callable[..., Any]:
        def put(func_name: str, qualifier: str, data: dict[str, Any]) -> Any:
            func = lambda_svc._functions.get(func_name)  # noqa: SLF001
            complaint = None if func is None else problem(func, qualifier)
            return refuse(INVALID, complaint, 400) if complaint else original(func_name, qualifier, data)

        return put

    def updating(original: Callable[..., Any]) -> Callable[..., Any]:
        def update(func_name: str, alias_name: str, data: dict[str, Any]) -> Any:
            func = lambda_svc._functions.get(func_name) or {}  # noqa: SLF001
            if _weights(data) and alias_name in func.get("provisioned_concurrency", {}):
                return refuse(INVALID, WEIGHTS, 400)
            return original(func_name, alias_name, data)

        return update

    why = "weights and provisioned concurrency were taken together"
    return [
        replace(lambda_svc, "_put_provisioned_concurrency", "func_name qualifier data", why, putting),
        replace(lambda_svc, "_update_alias", "func_name alias_name data", why, updating),
    ]
