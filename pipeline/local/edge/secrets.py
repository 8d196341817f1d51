"""A secret that was made without a value has none, as on AWS: reading it fails until somebody writes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import secretsmanager

from pipeline.local.patching import Patch, replace

VALUES = ("SecretString", "SecretBinary")


def _creating(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(data: dict[str, Any]) -> Any:
        answer = original(data)
        if answer[0] >= 300 or any(data.get(name) is not None for name in VALUES):
            return answer
        secret = secretsmanager._secrets[data["Name"]]  # noqa: SLF001
        secret["Versions"] = {}
        return secretsmanager.json_response({"ARN": secret["ARN"], "Name": secret["Name"]})

    return create


def apply() -> list[Patch]:
    why = "gave a secret without a value a current version, so that reading it succeeded with nothing in the answer"
    return [replace(secretsmanager, "_create_secret", "data", why, _creating)]
