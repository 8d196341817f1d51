"""What people ask of a walk: orders are obeyed once, refused with a reason, and never outrank evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from release_kit import BAD, FRESH, GOOD, SILENT, START, alias, own_alias, periods, saw, walking

from pipeline.release.decide.decide import decide
from pipeline.release.decide.decision import Decision
from pipeline.release.decide.steer import may_approve
from pipeline.release.judge.judge import Minute
from pipeline.release.model import Rollout, StepSpec
from pipeline.release.terms import Order, Terms

SOON = START + 30
ROLE = "arn:aws:sts::123456789012:assumed-role/release/anna"
SHORT = "assumed-role/release/anna"
APPROVED = (StepSpec(0.1, 10), StepSpec(0.5, 10, approve=True))


def order(kind: str, reason: str = "", **more: Any) -> Order:
    values = {"release": FRESH.release_id, "nonce": "1" * 16, "actor": ROLE, "claimed_actor": None, "at": SOON}
    return Order(kind=kind, reason=reason, **{**values, **more})  # type: ignore[arg-type]


def decided(
    rollout: Rollout, asked: Order | None = None, minutes: tuple[Minute, ...] = (), now: float = SOON, **more: Any
) -> Decision:
    at = alias("1") if rollout.step < 0 and not rollout.nonce else own_alias(rollout)
    return decide(rollout, saw(at, minutes, order=asked, **more), now)


@pytest.mark.parametrize("kind", ["promote", "full", "pause", "resume", "abort"])
def test_an_order_for_another_release_or_obeyed_already_is_passed_over(kind: str) -> None:
    minutes = periods(3, *GOOD)
    without = decided(walking(), None, minutes)
    assert decided(walking(), order(kind, "why", release="another"), minutes) == without
    done = order(kind, "why")
    assert decided(walking(obeyed=(done,)), done, minutes) == without


@pytest.mark.parametrize("kind", ["promote", "full", "pause", "resume"])
@pytest.mark.parametrize("paused", [None, START + 5])
def test_evidence_that_it_is_worse_comes_before_every_order_and_pause(kind: str, paused: float | None) -> None:
    found = decided(walking(paused=paused), order(kind, "ship it"), periods(5, *BAD))
    assert (found.kind, found.order) == ("roll-back", None)


def test_promotion_takes_the_next_step_once_the_evidence_says_so() -> None:
    found = decided(walking(), order("promote"), periods(10, *GOOD))
    assert (found.kind, found.step, found.sentence) == ("shift", 1, f"promoted by {SHORT}")
    assert decided(walking(1), order("promote"), periods(10, *GOOD, step=1)).kind == "promote"
    full = decided(walking(), order("full"), periods(10, *GOOD))
    assert (full.kind, full.step) == ("promote", 2)


def test_a_promotion_is_the_next_step_from_where_it_was_asked() -> None:
    """The controller may go up by itself meanwhile: one order is not to become two steps."""
    late = decided(walking(1), order("promote", "go", step=0), periods(3, *GOOD, step=1))
    assert (late.kind, late.sentence) == ("obey", "promoted already: it is at 50 % by now: go")
    assert decided(walking(1), order("promote", "go", step=1), periods(3, *GOOD, step=1)).kind == "promote"
    assert decided(walking(1), order("full", "go", step=0), periods(3, *GOOD, step=1)).kind == "promote"


@pytest.mark.parametrize("minutes", [periods(3, *GOOD), periods(10, *SILENT)])
def test_only_a_reason_overrides_evidence_that_does_not_say_so_yet(minutes: tuple[Minute, ...]) -> None:
    refused = decided(walking(), order("promote"), minutes)
    assert refused.kind == "obey"
    assert refused.sentence.startswith("not promoted: the evidence does not say so yet")
    assert "a reason is needed" in refused.sentence
    found = decided(walking(), order("promote", "the fix for the outage"), minutes)
    assert (found.kind, found.step) == ("shift", 1)
    assert found.sentence.endswith(": the fix for the outage")


def test_only_who_is_named_may_promote_into_a_step_that_needs_approval() -> None:
    terms = Terms(approvers=("arn:aws:sts::*:assumed-role/leads/*",))
    rollout = walking(steps=APPROVED, terms=terms)
    refused = decided(rollout, order("promote", "now"), periods(10, *GOOD))
    assert (refused.kind, refused.sentence) == ("obey", f"not promoted: {ROLE} is not among the approvers: now")
    assert decided(rollout, order("full", "now"), periods(10, *GOOD)).kind == "obey"
    lead = order("promote", actor="arn:aws:sts::123456789012:assumed-role/leads/bob")
    assert decided(rollout, lead, periods(10, *GOOD)).kind == "shift"
    assert decided(walking(1, steps=APPROVED, terms=terms), order("promote"), periods(10, *GOOD, step=1)).kind == (
        "promote"
    )


def test_a_step_waits_for_approval_and_goes_back_when_nobody_gives_it() -> None:
    rollout = walking(steps=APPROVED, terms=Terms(approval_timeout_s=60))
    asks = decided(rollout, None, periods(10, *GOOD))
    assert (asks.kind, asks.next) == ("approval", "crabwalk promote hello --env local")
    waiting = replace(rollout, waiting=START)
    assert decided(waiting, None, periods(10, *GOOD), START + 59).kind == "approval"
    late = decided(waiting, None, periods(10, *GOOD), START + 60)
    assert (late.kind, late.check, late.sentence) == ("roll-back", "approval", "nobody approved 50 % within 60 s")
    assert decided(waiting, order("promote"), periods(10, *GOOD), START + 61).kind == "shift"
    assert decided(waiting, None, periods(5, *BAD)).kind == "roll-back"


def test_approval_before_the_first_step_gives_up_without_having_moved_traffic() -> None:
    first = replace(FRESH, steps=(StepSpec(0.1, 10, approve=True),), terms=Terms(approval_timeout_s=60))
    assert decided(first).kind == "approval"
    assert decided(replace(first, waiting=START), None, (), START + 60).kind == "abandon"
    assert decided(replace(first, waiting=START), order("promote")).kind == "shift"


def test_a_paused_walk_neither_goes_forward_nor_ends_at_the_deadline() -> None:
    asked = order("pause", "looking at the logs")
    noted = decided(walking(), asked, periods(10, *GOOD))
    assert (noted.kind, noted.sentence) == ("obey", f"paused by {SHORT}: looking at the logs")
    paused = walking(paused=START + 12, obeyed=(asked,))
    held = decided(paused, None, periods(10, *GOOD), START + 10_000)
    assert (held.kind, held.next) == ("wait", "`crabwalk resume hello --env local` goes on")
    assert held.sentence == f"paused by {SHORT}: looking at the logs"
    assert decided(paused, order("resume", nonce="2" * 16), periods(10, *GOOD)).kind == "obey"


def test_the_deadline_counts_from_where_a_pause_moved_it() -> None:
    moved = walking(clock=START + 100)
    assert moved.deadline == START + 220
    assert decided(moved, None, periods(10, *SILENT), START + 219).kind == "wait"
    assert decided(moved, None, periods(10, *SILENT), START + 221).kind == "roll-back"


def test_an_abort_goes_back_or_ends_what_never_began() -> None:
    found = decided(walking(), order("abort", "wrong ticket"), periods(3, *GOOD))
    assert (found.kind, found.sentence) == ("roll-back", f"aborted by {SHORT}: wrong ticket")
    assert decided(FRESH, order("abort")).kind == "abandon"


def test_github_s_actor_is_told_as_claimed() -> None:
    found = decided(walking(), order("abort", claimed_actor="anna"), periods(3, *GOOD))
    assert found.sentence == f"aborted by {SHORT} (GitHub says anna)"


@pytest.mark.parametrize(
    ("pattern", "actor", "may"),
    [
        (ROLE, ROLE, True),
        ("anna", ROLE, False),  # whoever assumes the role chooses the session's name
        ("release", ROLE, True),
        ("release-*", ROLE, False),
        ("arn:aws:sts::*:assumed-role/release/*", ROLE, True),
        ("anna", "arn:aws:iam::123456789012:user/anna", True),
        ("Anna", ROLE, False),
        ("assumed-role", ROLE, False),
    ],
)
def test_who_is_an_approver(pattern: str, actor: str, may: bool) -> None:
    assert may_approve((pattern,), actor) is may


def test_who_asked_for_a_step_that_began_meanwhile_does_not_take_the_one_after_it() -> None:
    late = order("promote", "now", at=START + 19)
    refused = decided(walking(1), late, periods(10, *GOOD, step=1))
    assert (refused.kind, refused.sentence) == ("obey", "not promoted: 50 % had begun meanwhile: now")
    assert decided(walking(1), order("full", "now", at=START + 19), periods(10, *GOOD, step=1)).kind == "promote"
