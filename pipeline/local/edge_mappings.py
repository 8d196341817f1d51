"""What an update takes away from an event source mapping is gone, as on AWS, and not there as something empty.

Terraform sends an empty filter, limit or destination to take it away, and reads back whether it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc

from pipeline.local.patching import Patch, replace

REMOVABLE = ("FilterCriteria", "ScalingConfig", "DestinationConfig")


def says_nothing(value: Any) -> bool:
    """Whether a setting is empty all the way down."""
    if isinstance(value, dict):
        return all(says_nothing(part) for part in value.values())
    return value in (None, "", [])


def _updating(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(esm_id: str, data: dict[str, Any]) -> Any:
        answer = original(esm_id, data)
        mapping = lambda_svc._esms.get(esm_id)  # noqa: SLF001
        if mapping is None or answer[0] >= 300:
            return answer
        for name in REMOVABLE:
            if says_nothing(mapping.get(name, {})):
                mapping.pop(name, None)
        return lambda_svc.json_response(lambda_svc._esm_response(mapping))  # noqa: SLF001

    return update


def apply() -> list[Patch]:
    why = "kept what an update took away as something empty, so that Terraform planned the same change for ever"
    return [replace(lambda_svc, "_update_esm", "esm_id data", why, _updating)]
