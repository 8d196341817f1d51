"""Rolls an alias's dice once per invocation, on every way in, and tags the configuration with the called alias.

Two roads lead to an execution in MiniStack: `_effective_func_record_for_qualifier` (HTTP API, function URL, SQS, S3,
EventBridge, Scheduler, SNS, Step Functions, ...) and `_invoke` (direct, with its own inline resolution). Management
calls resolve through the first one too; they must never roll.
"""

from __future__ import annotations

import contextvars
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from ministack.services import lambda_svc

from pipeline.local.patching import Patch, replace

TAG = "_CrabwalkAlias"  # in a copy of the configuration only, never in a stored one
MANAGEMENT = (
    ("_get_function", "name qualifier"),
    ("_get_function_config", "name qualifier"),
    ("_create_esm", "data"),
)


class _Called(NamedTuple):
    function: str
    alias: str
    arn: str


_managing: contextvars.ContextVar[bool] = contextvars.ContextVar("managing", default=False)
_direct: contextvars.ContextVar[_Called | None] = contextvars.ContextVar("direct", default=None)


def choose(alias: dict[str, Any], dice: random.Random) -> str:
    """The version this invocation runs."""
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    roll = dice.random() if weights else 0.0
    for version, weight in weights.items():
        if roll < float(weight):
            return str(version)
        roll -= float(weight)
    return str(alias.get("FunctionVersion", "$LATEST"))


def tagged(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as the function should see it: called by its alias's ARN, carrying the alias's name."""
    called = _direct.get()
    if called and called.function == config.get("FunctionName") and TAG not in config:
        return {**config, "FunctionArn": called.arn, TAG: called.alias}
    return config


def apply(dice: random.Random) -> list[Patch]:
    def resolving(original: Callable[..., Any]) -> Callable[..., Any]:
        def resolve(func: dict[str, Any] | None, qualifier: str | None) -> tuple[Any, Any]:
            alias = (func or {}).get("aliases", {}).get(qualifier) if qualifier else None
            if alias is None or _managing.get():
                return original(func, qualifier)  # type: ignore[no-any-return]
            record, config = original(func, choose(alias, dice))
            if record is None:
                return record, config
            config = {**config, "FunctionArn": alias["AliasArn"], TAG: qualifier}
            return {**record, "config": config}, config

        return resolve

    def invoking(original: Callable[..., Any]) -> Callable[..., Any]:
        async def invoke(
            name: str,
            event: Any,
            headers: dict[str, Any],
            path_qualifier: str | None = None,
            query_params: dict[str, Any] | None = None,
        ) -> Any:
            qualifier = (
                path_qualifier
                or lambda_svc._qp_first(query_params or {}, "Qualifier")  # noqa: SLF001
                or lambda_svc._qp_first(headers, "x-amz-qualifier")  # noqa: SLF001
            )
            function = lambda_svc._functions.get(name) or {}  # noqa: SLF001
            alias = function.get("aliases", {}).get(qualifier) if qualifier else None
            if alias is None:
                return await original(name, event, headers, path_qualifier, query_params)
            token = _direct.set(_Called(name, qualifier, alias["AliasArn"]))  # threads MiniStack starts inherit it
            try:
                return await original(name, event, headers, choose(alias, dice), query_params)
            finally:
                _direct.reset(token)

        return invoke

    def managing(original: Callable[..., Any]) -> Callable[..., Any]:
        def manage(*args: Any, **kwargs: Any) -> Any:
            token = _managing.set(True)
            try:
                return original(*args, **kwargs)
            finally:
                _managing.reset(token)

        return manage

    why = "alias weights were stored, never used"
    return [
        replace(lambda_svc, "_effective_func_record_for_qualifier", "func qualifier", why, resolving),
        replace(lambda_svc, "_invoke", "name event headers path_qualifier query_params", why, invoking),
        *(replace(lambda_svc, name, names, "management never rolls the dice", managing) for name, names in MANAGEMENT),
    ]
