"""Values of the release engine for its tests: a rollout in the middle of a walk, aliases, periods, a history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pipeline.aws.functions import AliasState
from pipeline.release.decide.decision import Observation
from pipeline.release.decide.standing import head_of
from pipeline.release.judge.judge import Counts, Minute
from pipeline.release.ledger.head import Head
from pipeline.release.model import Rollout, StepSpec

NONCE = "0123456789abcdef"
COMMIT = "c0ffee" * 6 + "c0de"
START = 1_000_000.0

# 10 % for 10 periods of a second, 50 % for 10; version 2 walks against version 1. Not begun.
FRESH = Rollout(
    release_id="20260102T030405-abc123",
    service="hello",
    environment="local",
    function="shop-local-hello",
    commit=COMMIT,
    subject="Greet louder",
    artifact="a" * 64,
    configuration="config",
    actor="arn:aws:iam::000000000000:root",
    claimed_actor=None,
    stable="1",
    candidate="2",
    previous=None,
    steps=(StepSpec(0.1, 10), StepSpec(0.5, 10)),
    min_requests=100,
    deadline_s=120,
    on_inconclusive="rollback",
    timeout_s=3,
    period_s=1,
    lag_s=1,
    started=START,
)


def walking(step: int = 0, **changes: Any) -> Rollout:
    """In `step` since a while, every step begun 20 s after the one before."""
    starts = tuple(START + 20 * index for index in range(step + 1))
    begun = replace(FRESH, phase="walking", step=step, step_starts=starts, nonce=NONCE)
    return replace(begun, **changes)


def alias(version: str = "1", weights: dict[str, float] | None = None, description: object = "") -> AliasState:
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{FRESH.function}:live"
    return AliasState(FRESH.function, "live", arn, version, weights or {}, str(description), "revision-1")


def described(head: Head) -> AliasState:
    """The alias that a head describes."""
    return alias(head.primary, dict(head.weights), head)


def own_alias(rollout: Rollout) -> AliasState:
    """The alias as this rollout left it."""
    return described(head_of(rollout, rollout.step, rollout.nonce or NONCE))


def saw(alias: AliasState, minutes: tuple[Minute, ...] = (), *more: Any, **named: Any) -> Observation:
    """What is seen of a walk that is judged by its errors."""
    return Observation(alias, {"errors": minutes}, *more, **named)


def periods(count: int, canary: tuple[int, int], baseline: tuple[int, int], step: int = 0) -> tuple[Minute, ...]:
    first = START + 20 * step
    return tuple(Minute(first + t, step, Counts(*canary), Counts(*baseline)) for t in range(count))


GOOD = ((10, 0), (90, 0))
BAD = ((10, 2), (90, 0))
SILENT = ((0, 0), (0, 0))
