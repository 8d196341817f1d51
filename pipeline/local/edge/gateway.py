"""What a caller sees when a function fails: AWS's own words, never the function's error."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Callable
from typing import Any

from ministack.services import apigateway, lambda_svc

from pipeline.local.patching import Patch, replace
from pipeline.quotas import HTTP_API_MS

_http_api: contextvars.ContextVar[bool] = contextvars.ContextVar("http_api", default=False)
_function_url: contextvars.ContextVar[bool] = contextvars.ContextVar("function_url", default=False)
JSON = {"Content-Type": "application/json"}

_left: set[asyncio.Future[Any]] = set()  # whose caller is gone


def _flagged(flag: contextvars.ContextVar[bool]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        async def flagged(*args: Any, **kwargs: Any) -> Any:
            token = flag.set(True)
            try:
                return await original(*args, **kwargs)
            finally:
                flag.reset(token)

        return flagged

    return make


def _giving_up(original: Callable[..., Any]) -> Callable[..., Any]:
    """The caller gets an answer after the integration's timeout; the function goes on, as it does on AWS."""

    async def invoke(integration: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        limit_s = min(HTTP_API_MS, int(integration.get("timeoutInMillis") or HTTP_API_MS)) / 1000
        running = asyncio.ensure_future(original(integration, *args, **kwargs))
        done, _ = await asyncio.wait({running}, timeout=limit_s)
        if done:
            return running.result()
        _left.add(running)
        running.add_done_callback(_left.discard)
        return 503, dict(JSON), b'{"message":"Service Unavailable"}'

    return invoke


def _shaping(original: Callable[..., Any]) -> Callable[..., Any]:
    def shape(exec_result: dict[str, Any]) -> Any:
        if _http_api.get():
            if exec_result.get("throttle"):
                return _answer(503, "Service Unavailable"), None
            if exec_result.get("error"):
                return _answer(500, "Internal Server Error"), None
        elif _function_url.get() and exec_result.get("error") and not exec_result.get("throttle"):
            headers = {"Content-Type": "application/json"}
            return {"statusCode": 502, "headers": headers, "body": "Internal Server Error"}, None
        return original(exec_result)

    return shape


def _answer(status: int, message: str) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": dict(JSON),
        "body": json.dumps({"message": message}, separators=(",", ":")),
    }


def apply() -> list[Patch]:
    proxy = (
        "integration api_id stage path method headers body query_params route_key path_params authorizer_claims "
        "authorizer_scopes authorizer_lambda_context authorizer_iam owner_account_id owner_region raw_query_string"
    )
    url = "url_id method path headers body query_params resolved source_ip"
    why = "answered 502 with the function's raw error"
    endless = "waited for a function without end"
    return [
        replace(apigateway, "_invoke_lambda_proxy", proxy, endless, _giving_up),
        replace(apigateway, "_invoke_lambda_proxy", proxy, why, _flagged(_http_api)),
        replace(lambda_svc, "handle_function_url_request", url, why, _flagged(_function_url)),
        replace(lambda_svc, "lambda_execute_result_to_api_proxy_response", "exec_result", why, _shaping),
    ]
