"""Requests that are larger than Lambda takes are refused before they run; answers are measured by the Runtime API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc

from pipeline.local.edge.publish import refuse
from pipeline.local.patching import Patch, replace
from pipeline.quotas import ASYNC_BYTES, SYNC_BYTES

TOO_LARGE = "RequestTooLargeException"
REQUEST = "Request must be smaller than {limit} bytes for the InvokeFunction operation"


def _inviting(original: Callable[..., Any]) -> Callable[..., Any]:
    async def invoke(
        name: str,
        event: Any,
        headers: dict[str, Any],
        path_qualifier: str | None = None,
        query_params: dict[str, Any] | None = None,
    ) -> Any:
        found = {key.lower(): value for key, value in headers.items()}
        later = str(found.get("x-amz-invocation-type")) == "Event"
        limit = ASYNC_BYTES if later else SYNC_BYTES
        if int(found.get("content-length") or 0) > limit:
            return refuse(TOO_LARGE, REQUEST.format(limit=limit), 413)
        return await original(name, event, headers, path_qualifier, query_params)

    return invoke


def apply() -> list[Patch]:
    why = "took payloads of any size"
    return [replace(lambda_svc, "_invoke", "name event headers path_qualifier query_params", why, _inviting)]
