"""Orders as values: every one is answered, none twice, and a promotion moves no more than was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import release_kit as kit
from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.decide.decide import decide
from pipeline.release.decide.steer import name, obey, pending
from pipeline.release.model import Rollout, StepSpec
from pipeline.release.terms import Order, Terms

KINDS = ("promote", "full", "pause", "resume", "abort")
SOON = kit.START + 100


def order(kind: str, **changes: Any) -> Order:
    made = Order(kind, kit.FRESH.release_id, "7" * 16, "arn:aws:iam::1:user/anna", None, "", SOON)  # type: ignore[arg-type]
    return replace(made, **changes)


orders = st.builds(
    order,
    st.sampled_from(KINDS),
    reason=st.sampled_from(["", "why"]),
    at=st.sampled_from([kit.START - 1, kit.START + 10, SOON]),
    step=st.sampled_from([None, -1, 0, 1]),
)
rollouts = st.builds(
    lambda step, approve, approvers: kit.walking(
        step, steps=(StepSpec(0.1, 10), StepSpec(0.5, 10, approve=approve)), terms=Terms(approvers=approvers)
    ),
    st.sampled_from([0, 1]),
    st.booleans(),
    st.sampled_from([(), ("anna",), ("bert",)]),
)


@given(rollouts, orders)
def test_every_order_is_answered_with_a_sentence(rollout: Rollout, asked: Order) -> None:
    decision = obey(rollout, asked, None)
    assert decision.order == asked
    assert decision.sentence
    assert decision.next
    assert decision.kind in {"shift", "promote", "roll-back", "obey"}
    if decision.kind in {"shift", "promote"}:
        limit = len(rollout.steps) if asked.kind == "full" else rollout.step + 1
        assert rollout.step < decision.step <= limit
        assert asked.kind in {"promote", "full"}
    if asked.kind == "abort":
        assert decision.kind == "roll-back"


@given(rollouts, orders)
def test_what_was_obeyed_or_is_for_another_release_is_not_pending(rollout: Rollout, asked: Order) -> None:
    seen = kit.saw(kit.own_alias(rollout), order=asked)
    assert pending(rollout, seen) == asked
    assert pending(replace(rollout, obeyed=(asked,)), seen) is None
    assert pending(rollout, replace(seen, order=replace(asked, release="another"))) is None


@given(rollouts, orders)
def test_no_order_outranks_evidence_that_it_is_worse(rollout: Rollout, asked: Order) -> None:
    rows = kit.periods(10, *kit.BAD, step=rollout.step)
    decision = decide(rollout, kit.saw(kit.own_alias(rollout), rows, order=asked), SOON)
    assert (decision.kind, decision.order) == ("roll-back", None)


def test_who_asked_is_told_as_sts_says_it_and_as_github_claims_it() -> None:
    assert name(order("pause")) == "user/anna"
    assert name(order("pause", claimed_actor="ada")) == "user/anna (GitHub says ada)"
