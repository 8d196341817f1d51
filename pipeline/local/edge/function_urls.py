"""A function URL for everybody answers only when the alias's policy lets everybody in, as since October 2025.

MiniStack answers whatever the policy says, and keeps CORS that was taken away as something empty.
The two statements: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import lambda_svc

from pipeline.local.patching import Patch, replace

NEEDED = {"lambda:InvokeFunctionUrl": "StringEquals", "lambda:InvokeFunction": "Bool"}
CONDITIONS = {
    "StringEquals": {"lambda:FunctionUrlAuthType": "NONE"},
    "Bool": {"lambda:InvokedViaFunctionUrl": "true"},
}
FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


def missing(statements: Iterable[Mapping[str, Any]], arn: str) -> set[str]:
    """The actions that everybody lacks on this ARN."""
    given = {
        statement["Action"]
        for statement in statements
        if statement["Resource"] == arn
        and statement["Principal"] == "*"
        and statement["Action"] in NEEDED
        and _met(statement.get("Condition") or {}, NEEDED[statement["Action"]])
    }
    return set(NEEDED) - given


def _met(condition: Mapping[str, Any], kind: str) -> bool:
    return not condition or dict(condition) == {kind: CONDITIONS[kind]}


def _refused(resolved: tuple[str, str, str, str | None, Mapping[str, Any]]) -> bool:
    account, region, name, qualifier, config = resolved
    if config.get("AuthType") != "NONE":
        return False
    with request_scope(account, region):
        function = lambda_svc._functions.get(name)  # noqa: SLF001
        arn = lambda_svc._policy_resource_arn(name, qualifier)  # noqa: SLF001
    return function is not None and bool(missing(function["policy"]["Statement"], arn))


def apply() -> list[Patch]:
    def handling(original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(url_id: str, method: str, *args: Any, **kwargs: Any) -> Any:
            resolved = lambda_svc.resolve_function_url(url_id)
            question = method == "OPTIONS"  # the URL's CORS answers it, not the function
            if resolved is not None and not question and _refused(resolved):
                return 403, {"Content-Type": "application/json"}, json.dumps({"Message": FORBIDDEN}).encode()
            return await original(url_id, method, *args, **kwargs)

        return handle

    def updating(original: Callable[..., Any]) -> Callable[..., Any]:
        def update(func_name: str, data: dict[str, Any], qualifier: str | None) -> Any:
            status, headers, body = original(func_name, data, qualifier)
            config = lambda_svc._function_urls.get(lambda_svc._url_config_key(func_name, qualifier))  # noqa: SLF001
            if config is None or config.get("Cors", True):
                return status, headers, body
            del config["Cors"]
            return lambda_svc.json_response(config)

        return update

    parameters = "url_id method path headers body query_params resolved source_ip"
    why = "a URL for everybody answered without the permissions that AWS wants"
    return [
        replace(lambda_svc, "handle_function_url_request", parameters, why, handling),
        replace(
            lambda_svc, "_update_function_url_config", "func_name data qualifier", "kept an empty CORS as one", updating
        ),
    ]
