"""Secrets Manager: the value of a secret that somebody named. It is returned, and stands in no message."""

from __future__ import annotations

import json
from typing import Any

from pipeline.aws import aws_errors, client
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment

ANSWER_TIMEOUT_S = 5


class Secrets:
    """The secrets an environment's credentials may read."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def value(self, secret: str, key: str) -> str:
        """The text of a secret; of one that is a JSON object, as the console makes them, what it has under `key`.

        Raises AwsError when there is none, or it has no such text.
        """
        with aws_errors(f"read the secret {secret}"):
            answer = self._client().get_secret_value(SecretId=secret)
        text = str(answer.get("SecretString") or "").strip()
        if text.startswith("{"):
            text = _of(text, key)
        if not text:
            raise AwsError(f"the secret {secret} has no text", hint=f'a text, or {{"{key}": "…"}}')
        return text

    def exists(self, secret: str) -> bool:
        """Whether there is such a secret. Raises AwsError when that cannot be told."""
        with aws_errors(f"look at the secret {secret}"):
            secrets = self._client()
            try:
                secrets.describe_secret(SecretId=secret)
            except secrets.exceptions.ResourceNotFoundException:
                return False
        return True

    def _client(self) -> Any:
        return client(self._env, "secretsmanager", read_timeout_s=ANSWER_TIMEOUT_S)


def _of(text: str, key: str) -> str:
    try:
        found = json.loads(text).get(key)
    except (ValueError, AttributeError):
        return ""
    return found.strip() if isinstance(found, str) else ""
