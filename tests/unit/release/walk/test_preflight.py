"""What an alias cannot split is said before anything is published."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.aws.functions import Configuration, FunctionState
from pipeline.release.walk.preflight import obstacle

ROLE = "arn:aws:iam::123456789012:role/hello"
STABLE = FunctionState(
    "7",
    "sha",
    "revision",
    "Active",
    "Successful",
    "arm64",
    Configuration("provided.al2023", 128, 3, {}, tracing=False),
    role=ROLE,
)


def test_the_same_surroundings_can_be_split() -> None:
    assert obstacle(replace(STABLE, version="$LATEST", code_sha256="new"), STABLE, provisioned=False) is None


@pytest.mark.parametrize(
    ("latest", "provisioned", "says"),
    [
        (replace(STABLE, role=f"{ROLE}-2"), False, "version 7 runs as role `hello`, the new one as `hello-2`"),
        (
            replace(STABLE, dead_letter="arn:aws:sqs:eu-west-1:123456789012:lost"),
            False,
            "the dead letters of version 7 go to none, the new one's to lost",
        ),
        (STABLE, True, "its alias has provisioned concurrency"),
    ],
)
def test_what_cannot_be_split_is_named(latest: FunctionState, provisioned: bool, says: str) -> None:
    assert (obstacle(latest, STABLE, provisioned=provisioned) or "").startswith(says)
