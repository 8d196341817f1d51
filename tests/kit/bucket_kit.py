"""A bucket in memory that counts how often it was read, and can be away."""

from __future__ import annotations

from typing import Any

from pipeline.aws.objects import Objects, Stored
from pipeline.errors import AwsError


class Bucket(Objects):
    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.reads = 0
        self.away = False

    def get(self, key: str) -> Stored | None:
        self.reads += 1
        return Stored(key, self.bodies[key], "etag", 0.0) if key in self.bodies else None

    def put(self, key: str, body: bytes, **_: Any) -> str:
        if self.away:
            raise AwsError("could not write: AWS cannot be reached")
        self.bodies[key] = body
        return "etag"
