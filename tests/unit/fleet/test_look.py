"""How a service stands in a target: by its record, its alias, and how this process's deploy ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import release_kit as values

from pipeline.fleet.look import _as_told, cell, spared
from pipeline.fleet.plan import Cell, FleetRelease
from pipeline.release.ledger.head import Head
from pipeline.release.ledger.records import Frozen, Rejected, Released, ServiceRecord
from pipeline.release.walk.view import ReleaseResult

COMMIT, ZIP = values.FRESH.commit, values.FRESH.artifact
START = values.FRESH.started
RELEASE = FleetRelease("prod", "r1", COMMIT, "", "arn", None, START, {"a": {"hello": ZIP}})
PROMOTED = Released("r-a", "2", COMMIT, ZIP, "cfg", START + 5)
FROZEN = Frozen("r-a", COMMIT, "2", "arn:her", None, "it is slow", START + 9)
BACK = Head("back", "r-a", "1", None, 0.0, None, None, "0" * 16, origin="2")
OVER = replace(values.FRESH, phase="rolled-back", sentence="rolled back: too many errors", ended=START + 3)


def record(**more: Any) -> ServiceRecord:
    return replace(ServiceRecord("hello", seq=1), **more)


@pytest.mark.parametrize(
    ("found", "head", "state"),
    [
        (record(), None, "waits"),
        (record(promoted=PROMOTED), None, "carries"),
        (record(promoted=replace(PROMOTED, commit="0" * 40)), None, "waits"),
        (record(promoted=replace(PROMOTED, artifact="other")), None, "waits"),
        (record(promoted=PROMOTED), BACK, "failed"),
        (record(promoted=PROMOTED, frozen=FROZEN), None, "failed"),
        (record(promoted=PROMOTED, rejected=(Rejected("r-a", COMMIT, ZIP, "cfg"),)), None, "failed"),
        (record(rollout=values.FRESH), None, "walking"),
        (record(rollout=replace(values.FRESH, commit="0" * 40)), None, "waits"),
        (record(rollout=OVER), None, "failed"),
        (record(rollout=replace(OVER, started=START - 100)), None, "waits"),  # with `--retry` it is tried again
        (record(frozen=replace(FROZEN, at=START - 100)), None, "frozen"),
        (record(frozen=FROZEN), None, "waits"),
    ],
)
def test_a_service_stands_as_its_ledger_says(found: ServiceRecord, head: Head | None, state: str) -> None:
    assert cell(found, head, RELEASE, ZIP).state == state


def result(outcome: Any) -> ReleaseResult:
    return ReleaseResult("hello", "a", "r", outcome, None, None, COMMIT, 0.0, "why", None, None, None, "", None)


@pytest.mark.parametrize(
    ("state", "outcome", "after"),
    [
        ("waits", "failed", "failed"),
        ("waits", "skipped", "failed"),
        ("waits", "rejected", "failed"),
        ("waits", "conflict", "held"),
        ("waits", "held", "held"),
        ("walking", "held", "held"),
        ("walking", "failed", "held"),  # AWS was away from its controller: the walk is not over
        ("waits", "no-op", "waits"),
        ("carries", "failed", "carries"),
    ],
)
def test_what_no_ledger_has_is_what_the_deploy_said(state: Any, outcome: str, after: str) -> None:
    assert _as_told(Cell("hello", state), result(outcome)).state == after


def test_without_a_deploy_the_ledger_alone_counts() -> None:
    assert _as_told(Cell("hello", "walking"), None) == Cell("hello", "walking")


@pytest.mark.parametrize(
    ("release", "found", "stays"),
    [
        ({}, record(), True),
        ({}, record(promoted=replace(PROMOTED, commit="0" * 40)), True),
        ({}, record(rollout=values.FRESH), False),
        ({}, record(promoted=PROMOTED), False),
        ({"finished": ("a",)}, record(), False),
        ({"wants": {"a": {}}}, record(), False),  # it is not about this service: whoever goes back means another one
        ({"phase": "stopped", "finished": ("b",)}, record(), True),
        ({"phase": "stopped", "finished": ("b",), "back": ("b",)}, record(), False),
        ({"phase": "stopped"}, record(), False),  # nobody carries it: what is gone back from is the release before
    ],
)
def test_who_goes_back_leaves_alone_what_the_release_has_not_come_to(
    release: dict[str, Any],
    found: ServiceRecord,
    *,
    stays: bool,
) -> None:
    assert spared(replace(RELEASE, **release), "a", found) is stays
