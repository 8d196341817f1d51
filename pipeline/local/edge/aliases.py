"""Validates aliases and weights as AWS does; MiniStack stores whatever it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import lambda_svc

from pipeline.local.edge.publish import refuse
from pipeline.local.patching import Patch, replace

DESCRIPTION_LIMIT = 256
LATEST = "$LATEST"


def problem(func: dict[str, Any], arn: str, wanted: dict[str, Any], stored: dict[str, Any]) -> Any | None:
    """AWS's refusal of this CreateAlias or UpdateAlias; None if it would accept it."""
    primary = str(wanted.get("FunctionVersion", stored.get("FunctionVersion", LATEST)))
    routing = wanted["RoutingConfig"] if "RoutingConfig" in wanted else stored.get("RoutingConfig")
    weights = (routing or {}).get("AdditionalVersionWeights") or {}
    description = wanted.get("Description") or ""
    if len(description) > DESCRIPTION_LIMIT:
        return _invalid(
            f"1 validation error detected: Value '{description}' at 'description' failed to satisfy constraint: "
            f"Member must have length less than or equal to {DESCRIPTION_LIMIT}"
        )
    for version in (primary, *weights):
        if version != LATEST and version not in func["versions"]:
            return refuse("ResourceNotFoundException", f"Function not found: {arn}:{version}", 404)
    complaint = weights and (shape_problem(primary, weights) or pair_problem(func["versions"], primary, weights))
    return _invalid(complaint) if complaint else None


def shape_problem(primary: str, weights: Mapping[str, Any]) -> str | None:
    """What is wrong with a non-empty map of weights, whatever the versions hold."""
    if len(weights) > 1:
        return "Number of items in AdditionalVersionWeights cannot be greater than 1"
    ((extra, weight),) = weights.items()
    if LATEST in (primary, extra):
        return "$LATEST is not supported for an alias pointing to more than 1 version"
    if extra == primary:
        return (
            f"Invalid function version {extra}. Function version {extra} is already included in routing configuration"
        )
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0.0 <= weight <= 1.0:
        return f"Value '{weight}' of the weight of version {extra} must be between 0.0 and 1.0"
    return None


def pair_problem(versions: Mapping[str, Any], primary: str, weights: Mapping[str, Any]) -> str | None:
    """Two versions share traffic only with one role and one dead-letter setting."""
    first, second = (versions[version]["config"] for version in (primary, *weights))
    if first.get("Role") != second.get("Role"):
        return "The execution role of all function versions in the routing configuration must be the same"
    if first.get("DeadLetterConfig") != second.get("DeadLetterConfig"):
        return "The dead letter configuration of all versions in the routing configuration must be the same"
    return None


def _invalid(message: str) -> Any:
    return refuse("InvalidParameterValueException", message, 400)


def apply() -> list[Patch]:
    def creating(original: Callable[..., Any]) -> Callable[..., Any]:
        def create(func_name: str, data: dict[str, Any]) -> Any:
            func = lambda_svc._functions.get(func_name)  # noqa: SLF001
            if func is None or data.get("Name") in func["aliases"]:
                return original(func_name, data)
            arn = lambda_svc._func_arn(func_name)  # noqa: SLF001
            return problem(func, arn, data, {}) or original(func_name, data)

        return create

    def updating(original: Callable[..., Any]) -> Callable[..., Any]:
        def update(func_name: str, alias_name: str, data: dict[str, Any]) -> Any:
            func = lambda_svc._functions.get(func_name)  # noqa: SLF001
            stored = (func or {}).get("aliases", {}).get(alias_name)
            if func is None or stored is None or lambda_svc._check_revision(stored, data) is not None:  # noqa: SLF001
                return original(func_name, alias_name, data)
            arn = lambda_svc._func_arn(func_name)  # noqa: SLF001
            return problem(func, arn, data, stored) or original(func_name, alias_name, data)

        return update

    why = "accepted unknown versions and any weight"
    return [
        replace(lambda_svc, "_create_alias", "func_name data", why, creating),
        replace(lambda_svc, "_update_alias", "func_name alias_name data", why, updating),
    ]
