"""OPTIONS of an API without CORS is a method like any other; MiniStack answers it with 403 before it looks for a route.

It asks whether the method is `OPTIONS`, so such a request goes past that question in small letters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import apigateway

from pipeline.local.patching import Patch, replace, require_source

_PAST = "options"


def _capitals(method: str) -> str:
    return "OPTIONS" if method == _PAST else method


def apply() -> list[Patch]:
    require_source(apigateway, "_handle_execute_in_scope", 'if method == "OPTIONS"')

    def handling(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(api_id: str, stage: str, path: str, method: str, *args: Any, **kwargs: Any) -> Any:
            api = apigateway._apis.get(api_id) or {}  # noqa: SLF001
            past = method == "OPTIONS" and not api.get("corsConfiguration")
            return await original(api_id, stage, path, _PAST if past else method, *args, **kwargs)

        return handle

    def matching(original: Callable[..., Any]) -> Callable[..., Any]:
        def match(api_id: str, method: str, path: str) -> Any:
            return original(api_id, _capitals(method), path)

        return match

    def invoking(original: Callable[..., Any]) -> Callable[..., Any]:
        async def invoke(
            integration: Any, api_id: str, stage: str, path: str, method: str, *args: Any, **kw: Any
        ) -> Any:
            return await original(integration, api_id, stage, path, _capitals(method), *args, **kw)

        return invoke

    execute = "api_id stage path method headers body query_params owner_account_id owner_region raw_query_string"
    proxy = (
        "integration api_id stage path method headers body query_params route_key path_params authorizer_claims "
        "authorizer_scopes authorizer_lambda_context authorizer_iam owner_account_id owner_region raw_query_string"
    )
    why = "answered OPTIONS with 403 where no CORS is configured"
    return [
        replace(apigateway, "_handle_execute_in_scope", execute, why, handling),
        replace(apigateway, "_match_route", "api_id method path", why, matching),
        replace(apigateway, "_invoke_lambda_proxy", proxy, why, invoking),
    ]
