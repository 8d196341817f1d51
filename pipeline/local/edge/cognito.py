"""A sign-in invokes the pool's pre token generation trigger once, and fails where the function fails.

MiniStack invokes it for each token, so that two versions could answer for one sign-in, and issues tokens without it.
"""

from __future__ import annotations

import contextvars
import json
import os
from collections.abc import Callable
from typing import Any

from ministack.services import cognito, lambda_svc

from pipeline.local.patching import Patch, replace, require_source

STRICT = "MINISTACK_COGNITO_PRETOKEN_STRICT"  # what goes wrong with the trigger is raised, not logged

_answers: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("answers", default=None)
_triggered: contextvars.ContextVar[bool] = contextvars.ContextVar("triggered", default=False)


class _RefusedError(Exception):
    """The trigger did not let somebody sign in."""


def _dispatching(original: Callable[..., Any]) -> Callable[..., Any]:
    async def dispatch(action: str, data: dict[str, Any]) -> Any:
        token = _answers.set({})  # of this request; threads MiniStack starts for it share it
        try:
            return await original(action, data)
        except _RefusedError as fault:
            message = f"PreTokenGeneration failed with error {fault}."
            return cognito.error_response_json("UserLambdaValidationException", message, 400)
        finally:
            _answers.reset(token)

    return dispatch


def _applying(original: Callable[..., Any]) -> Callable[..., Any]:
    def apply_trigger(*arguments: Any, **named: Any) -> Any:
        token = _triggered.set(True)
        try:
            return original(*arguments, **named)
        except RuntimeError as fault:
            raise _RefusedError(fault) from fault
        finally:
            _triggered.reset(token)

    return apply_trigger


def _executing(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(func: dict[str, Any], event: Any) -> Any:
        answers = _answers.get()
        if not _triggered.get() or answers is None:
            return original(func, event)
        asked = json.dumps(event, sort_keys=True)
        if asked not in answers:
            answers[asked] = original(func, event)
        result = answers[asked]
        if result.get("error"):
            body = result.get("body")
            raise _RefusedError(body.get("errorMessage") if isinstance(body, dict) else body)
        return result

    return execute


def apply() -> list[Patch]:
    require_source(cognito, "_apply_pretoken_trigger", STRICT)
    os.environ[STRICT] = "1"
    trigger = "pool_id claims token_type trigger_source client_id username user_attrs groups client_metadata scope"
    why = "the trigger was invoked for each token, and its failure passed over"
    return [
        replace(cognito, "_dispatch_idp", "action data", why, _dispatching),
        replace(cognito, "_apply_pretoken_trigger", trigger, why, _applying),
        replace(lambda_svc, "_execute_function_with_config_scope", "func event", why, _executing),
    ]
