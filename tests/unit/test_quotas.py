"""AWS's limits, each held where it is met: in a manifest, in an event file, in an event that is sent."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.manifest import limits
from pipeline.manifest.models import Manifest
from pipeline.quotas import (
    ANSWER_BYTES,
    ASYNC_BYTES,
    GATEWAY_S,
    HTTP_API_MS,
    MEMORY_MB,
    STREAMED_BYTES,
    SYNC_BYTES,
    TIMEOUT_S,
    VCPU_MB,
)


def manifest(**keys: object) -> Manifest:
    return Manifest.model_validate({"name": "a", **keys})


def said(**keys: object) -> list[str]:
    return [f"{one.what}; {one.instead}" for one in limits.findings(manifest(**keys))]


def test_what_they_are() -> None:
    assert (SYNC_BYTES, ASYNC_BYTES, STREAMED_BYTES) == (6_291_456, 1_048_576, 209_715_200)
    assert (TIMEOUT_S, GATEWAY_S, HTTP_API_MS) == (15 * 60, 29, 30_000)
    assert 0 < ANSWER_BYTES - SYNC_BYTES <= 100


def test_15_minutes() -> None:
    assert manifest(timeout="15 min").timeout_s == TIMEOUT_S
    with pytest.raises(ValidationError, match="901 s is out of range"):
        manifest(timeout="901 s")


def test_29_seconds_behind_api_gateway_and_15_minutes_behind_a_function_url() -> None:
    routes = {"http": {"routes": ["GET /"]}}
    assert said(timeout="29 s", triggers=[routes]) == []
    assert said(timeout="30 s", triggers=[routes]) == [
        "API Gateway gives up after 29 s, the function goes on to 30 s; write `29 s`, or use `function-url`"
    ]
    assert said(timeout="15 min", triggers=[{"function-url": {}}]) == []


def test_the_published_processors_by_memory_follow_from_the_share_but_for_the_first_step() -> None:
    """An independent study: 2 processors up to 3,008 MB, then 3 to 5,307, 4 to 7,076, 5 to 8,845, 6 above.

    By AWS's own 1,769 MB a processor the upper ends are whole ones. The first is not: two last until 3,538 MB, and
    3,008 MB was the most memory a function could have before December 2020.
    """
    ends = {3: 5307, 4: 7076, 5: 8845}
    assert {count: count * VCPU_MB for count in ends} == ends
    assert -(-MEMORY_MB[1] // VCPU_MB) == 6
    assert 2 * VCPU_MB == 3538
    assert 2 * VCPU_MB > 3008
