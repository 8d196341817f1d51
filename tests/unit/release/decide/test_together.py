"""Groups: nobody of one is promoted while another goes back; whoever must stop stops all; it always comes to an end."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from release_kit import FRESH, START, walking

from pipeline.release.decide.decision import Decision, Kind
from pipeline.release.decide.together import (
    BACK,
    FORWARD,
    GONE,
    STOPS,
    TOGETHER,
    Member,
    complete,
    grouped,
    joined,
)
from pipeline.release.model import Intent, Rollout
from pipeline.release.terms import Order, Terms

KINDS = get_args(Kind)


def rollout(name: str, group: str | None = "shop", phase: str = "walking", step: int = 0, **changes: object) -> Rollout:
    base = walking(step) if step >= 0 else FRESH
    ended = START + 50 if phase in {"promoted", "rolled-back"} else None
    values = {"service": name, "release_id": name, "phase": phase, "ended": ended, "terms": Terms(together=group)}
    return replace(base, **{**values, **changes})  # type: ignore[arg-type]


def deciding(name: str, kind: str | None, **changes: object) -> Member:
    decision = None if kind is None else Decision(kind, f"{name} says {kind}", f"after {kind}", step=1)  # type: ignore[arg-type]
    return Member(rollout(name, **changes), decision)  # type: ignore[arg-type]


def kinds(*members: Member) -> list[str | None]:
    return [None if one is None else one.kind for one in joined(members)]


def test_who_belongs_to_no_group_or_is_alone_in_it_does_what_it_decided() -> None:
    alone, free = deciding("a", "promote"), deciding("b", "roll-back", group=None)
    other_commit = deciding("c", "roll-back", commit="another")
    assert joined((alone, free, other_commit)) == (alone.decision, free.decision, other_commit.decision)


@pytest.mark.parametrize("kind", sorted(BACK))
def test_one_that_goes_back_takes_all_others_back_and_is_named(kind: str) -> None:
    members = (
        deciding("bad", kind),
        deciding("baking", "wait"),
        deciding("ready", "promote", step=1),
        deciding("fresh", "shift", step=-1),
        deciding("asks", "approval"),
        deciding("sent", "shift", step=-1, intent=Intent(0, "a" * 16, "revision-1")),  # it may still arrive
    )
    assert kinds(*members) == [kind, "roll-back", "roll-back", "abandon", "roll-back", "roll-back"]
    said = [one for one in joined(members)[1:] if one is not None]
    assert {one.sentence for one in said} == {f"`bad`, which it goes together with, went back: bad says {kind}"}
    assert {one.check for one in said} == {TOGETHER}


def test_one_that_is_back_already_takes_back_even_what_has_all_traffic() -> None:
    back = Member(rollout("bad", phase="rolled-back", sentence="9 of 10 failed"))
    members = (back, deciding("moved", "promote", step=2), deciding("late", "promote", step=1))
    assert kinds(*members) == [None, "roll-back", "roll-back"]
    assert (joined(members)[1] or Decision("wait", "", "")).sentence.endswith("went back: 9 of 10 failed")


@pytest.mark.parametrize("here", [True, False])
def test_what_was_promoted_with_its_whole_group_is_left_alone(here: bool) -> None:
    over = Member(rollout("done", phase="promoted", step=2), here=here)
    assert joined((deciding("bad", "roll-back"), over))[1] is None


def test_no_promotion_is_recorded_before_all_traffic_of_the_group_is_moved() -> None:
    """Whoever takes over finds the first one under way, and can take it back."""
    moved, late = deciding("a", "promote", step=2), deciding("b", "promote", step=1)
    assert kinds(moved, late) == ["wait", "promote"]
    assert complete((moved, late)) == (False, False)
    both = (moved, deciding("b", "promote", step=2))
    assert kinds(*both) == ["promote", "promote"]
    assert complete(both) == (True, True)
    assert complete((moved, deciding("b", "promote", phase="promoted", step=2))) == (True, True)
    assert complete((moved, deciding("b", None, phase="rolled-back"))) == (False, False)
    assert complete((moved, Member(rollout("b", step=2), here=False))) == (False, False), "somebody else walks it"


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"promote", "settled", "wait"}))
def test_what_has_all_traffic_and_was_decided_otherwise_is_not_recorded_as_promoted(kind: str) -> None:
    assert complete((deciding("a", "promote", step=2), deciding("b", kind, step=2))) == (False, False)
    paused = deciding("b", "wait", step=2, paused=START)
    assert complete((deciding("a", "promote", step=2), paused)) == (False, False)


def test_who_is_promoted_by_hand_waits_for_its_group_too() -> None:
    full = Order("full", "a", "n" * 16, "anna", None, "why", START)
    alone = Member(rollout("a", step=1), Decision("promote", "promoted by anna", "", step=2, order=full))
    assert kinds(alone, deciding("b", "wait")) == ["wait", "wait"]
    assert kinds(alone, deciding("b", "promote")) == ["promote", "promote"]


def test_nobody_is_promoted_before_all_are_ready() -> None:
    members = (deciding("a", "promote", step=1), deciding("b", "wait"), deciding("c", "shift"))
    assert kinds(*members) == ["wait", "wait", "shift"]
    first = joined(members)[0]
    assert first is not None
    assert first.next == "promotion together with `b` and 1 more, which are not ready yet"
    assert kinds(deciding("a", "promote"), deciding("b", "promote")) == ["promote", "promote"]


def test_after_one_was_promoted_the_others_follow() -> None:
    assert kinds(deciding("a", "promote", phase="promoted", step=2), deciding("b", "promote")) == ["promote", "promote"]


def test_who_could_not_be_looked_at_is_not_ready() -> None:
    assert kinds(deciding("a", "promote"), deciding("b", None)) == ["wait", None]


@pytest.mark.parametrize("kind", sorted(STOPS))
def test_who_must_stop_waits_while_another_bakes_and_then_all_stop(kind: str) -> None:
    assert kinds(deciding("a", kind), deciding("b", "wait"), deciding("c", "promote")) == ["wait"] * 3
    stops = "hold" if kind == "hold" else "quiet"
    stopped = (deciding("a", kind), deciding("b", "shift"), deciding("c", "promote"))
    assert kinds(*stopped) == [kind, stops, stops]
    second = joined(stopped)[1]
    assert second is not None
    assert (second.sentence, second.next) == (f"it goes together with `a`: a says {kind}", f"after {kind}")


@pytest.mark.parametrize("kind", sorted(GONE))
def test_where_this_controller_cannot_go_on_with_one_the_others_hold_at_once(kind: str) -> None:
    assert kinds(deciding("a", kind), deciding("b", "wait"), deciding("c", "promote")) == [kind, "hold", "hold"]


def test_one_that_somebody_else_walks_holds_the_others() -> None:
    elsewhere = Member(rollout("b"), here=False)
    assert kinds(deciding("a", "promote"), elsewhere) == ["hold", None]


def test_a_release_that_was_over_before_is_of_another_time() -> None:
    before = rollout("a", phase="rolled-back", ended=START - 1)
    assert not grouped(before, rollout("b"))
    assert grouped(rollout("a", phase="rolled-back"), rollout("b"))
    assert not grouped(rollout("a"), rollout("a"))


PHASES = ("walking", "walking", "walking", "held", "promoted", "rolled-back")
MEMBERS = st.lists(
    st.tuples(
        st.sampled_from(["shop", "shop", "bank", None]), st.sampled_from(PHASES), st.sampled_from([None, *KINDS])
    ),
    max_size=6,
)


def members_of(drawn: list[tuple[str | None, str, str | None]]) -> list[Member]:
    return [deciding(str(n), kind, group=group, phase=phase) for n, (group, phase, kind) in enumerate(drawn)]


@given(MEMBERS)
def test_never_is_one_promoted_while_another_goes_or_went_back(drawn: list[tuple[str | None, str, str | None]]) -> None:
    members = members_of(drawn)
    decided = joined(members)
    assert len(decided) == len(members)
    for one, mine in zip(members, decided, strict=True):
        for other, theirs in zip(members, decided, strict=True):
            if one.rollout.over or not grouped(one.rollout, other.rollout):
                continue
            promotes = mine is not None and mine.kind == "promote"
            back = other.rollout.phase == "rolled-back" or (theirs is not None and theirs.kind in BACK)
            waits = not other.rollout.over and (theirs is None or theirs.kind != "promote")
            assert not (promotes and (back or waits)), (members, decided)


@given(MEMBERS)
def test_it_only_holds_back_or_takes_back(drawn: list[tuple[str | None, str, str | None]]) -> None:
    """A group gives nobody leave to go forward, and overwrites neither a foreign write nor what is to be recorded."""
    members = members_of(drawn)
    for one, mine in zip(members, joined(members), strict=True):
        alone = one.decision
        if mine is not None and mine.kind in FORWARD:
            assert mine == alone
        if alone is not None and alone.kind in {"conflict", "settled", "undone", "away"} and not one.rollout.over:
            assert mine == alone
        if alone is not None and alone.kind in BACK:
            assert mine == alone or one.rollout.over


@given(MEMBERS)
def test_who_has_nobody_to_wait_for_is_not_kept(drawn: list[tuple[str | None, str, str | None]]) -> None:
    """Where no member of a group bakes, every round takes it to an end: forward, back or a stop."""
    members = [one for one in members_of(drawn) if one.rollout.terms.together == "shop"]
    restless = {None, "wait", "obey", "settled"}
    on_the_way = {*restless, "shift"}  # whoever takes a step is waited for by those that are at their last
    if any(not one.rollout.over and (one.decision.kind if one.decision else None) in on_the_way for one in members):
        return
    for one, mine in zip(members, joined(members), strict=True):
        assert one.rollout.over or (mine is not None and mine.kind not in restless)
