"""Where a rollback goes, from every state an alias can be in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_kit import FRESH, NONCE, alias, described, walking

from pipeline.aws.functions import AliasState
from pipeline.errors import UsageError
from pipeline.release.decide.standing import head_of
from pipeline.release.ledger.head import Head
from pipeline.release.rollback.rollback import UNKNOWN_RELEASE, plan_rollback

WALKING = described(head_of(walking(previous="0"), 0, NONCE))
PROMOTED = described(head_of(walking(1), 2, NONCE))
BACK = described(head_of(walking(), -1, NONCE))
FIRST = described(head_of(replace(FRESH, steps=(), stable="$LATEST"), 0, NONCE))
TAMPERED = alias("1", {"2": 0.3}, head_of(walking(), 0, NONCE))


def test_during_a_walk_the_new_version_loses_its_share() -> None:
    plan = plan_rollback(WALKING, None)
    assert (plan.target, plan.origin, plan.release, plan.previous) == ("1", "2", FRESH.release_id, "0")
    assert plan.sentence == "version 2 loses its 10 %, version 1 has all traffic"


def test_a_small_share_is_not_said_to_be_none() -> None:
    assert "loses its 0.5 %" in plan_rollback(alias("1", {"2": 0.005}), None).sentence


def test_after_promotion_the_previous_version_comes_back() -> None:
    plan = plan_rollback(PROMOTED, None)
    assert (plan.target, plan.origin, plan.previous) == ("1", "2", None)
    assert plan.sentence == "version 1 has all traffic, version 2 has none"


def test_repeated_it_is_a_no_op_that_says_so() -> None:
    plan = plan_rollback(BACK, None)
    assert plan.target is None
    assert plan.sentence == "already rolled back from version 2 to 1"


def test_an_untrusted_alias_with_weights_is_cleared() -> None:
    for seen in (TAMPERED, alias("1", {"2": 0.3}), alias("1", {"2": 0.3}, "someone's words")):
        plan = plan_rollback(seen, None)
        assert (plan.target, plan.origin, plan.release, plan.previous) == ("1", "2", UNKNOWN_RELEASE, None)


@pytest.mark.parametrize(
    "seen", [alias("2"), alias("2", None, "words"), alias("2", None, head_of(walking(), 0, NONCE))]
)
def test_an_untrusted_alias_without_weights_asks_for_a_version(seen: AliasState) -> None:
    with pytest.raises(UsageError, match="is not known") as refusal:
        plan_rollback(seen, None)
    assert "--to VERSION" in str(refusal.value.hint)


def test_what_was_never_released_has_nothing_to_go_back_to() -> None:
    with pytest.raises(UsageError, match="it was never released") as refusal:
        plan_rollback(alias("$LATEST"), None)
    assert refusal.value.hint == "deploy it, or name a version with --to VERSION"


def test_before_the_first_release_there_is_nothing() -> None:
    with pytest.raises(UsageError, match="version 2 is the first release"):
        plan_rollback(FIRST, None)


@pytest.mark.parametrize(
    ("seen", "origin", "release"),
    [
        (WALKING, "1", FRESH.release_id),
        (PROMOTED, "2", FRESH.release_id),
        (BACK, "1", FRESH.release_id),
        (TAMPERED, "1", UNKNOWN_RELEASE),
        (alias("$LATEST"), None, UNKNOWN_RELEASE),
    ],
)
def test_a_named_version_is_gone_to_from_anywhere(seen: AliasState, origin: str | None, release: str) -> None:
    plan = plan_rollback(seen, "7")
    assert (plan.target, plan.origin, plan.release) == ("7", origin, release)
    assert plan.sentence == "version 7 has all traffic"


def test_naming_the_old_version_during_a_walk_takes_the_share_from_the_new_one() -> None:
    assert (plan_rollback(WALKING, "1").target, plan_rollback(WALKING, "1").origin) == ("1", "2")
    assert (plan_rollback(WALKING, "2").target, plan_rollback(WALKING, "2").origin) == ("2", "1")


def test_naming_the_version_that_has_all_traffic() -> None:
    assert plan_rollback(BACK, "1").target is None
    assert plan_rollback(PROMOTED, "2").target is None
    # Nobody of ours wrote this: the mark is set, so that a controller sees what was decided.
    assert plan_rollback(alias("2", None, "words"), "2").target == "2"


@pytest.mark.parametrize("wrong", ["", "latest", "$LATEST", "-1", "1.0", " 1", "٣", "1\n", "v2"])
def test_what_is_no_version_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="is not a version number"):
        plan_rollback(WALKING, wrong)


LIVE = Head("live", "r", "5", None, 0.0, "4", None, NONCE, until=1000)


@pytest.mark.parametrize(
    ("seen", "to", "now", "words"),
    [
        (LIVE, None, 1000.0, ""),
        (LIVE, None, 1001.0, "the rollback window of version 4 ended 1970-01-01 00:16 UTC: "),
        (LIVE, "4", 1000.0, ""),
        (LIVE, "4", 1001.0, "the rollback window of version 4 ended 1970-01-01 00:16 UTC: "),
        (LIVE, "3", 1000.0, "version 3 is outside of the rollback window: "),
        (replace(LIVE, until=None), None, 9e9, ""),
        (replace(LIVE, state="frozen", primary="4", previous=None, origin="5"), "5", 9e9, "version 5 is the one that "),
        (replace(LIVE, state="walk", extra="6", weight=0.1), "6", 9e9, ""),
        (replace(LIVE, state="walk", extra="6", weight=0.1), "5", 9e9, ""),
        (replace(LIVE, state="walk", extra="6", weight=0.1), None, 9e9, ""),
    ],
)
def test_what_is_outside_of_the_rollback_window_is_said_and_gone_to(
    seen: Head, to: str | None, now: float, words: str
) -> None:
    plan = plan_rollback(described(seen), to, now)
    assert plan.target is not None
    assert plan.warning.startswith(words)
    assert bool(plan.warning) == bool(words)
    assert not words or plan.warning.endswith(("may have been removed since", "was rolled back last (release r)"))


versions = st.sampled_from(["1", "2", "3"])


@st.composite
def aliases(draw: st.DrawFn) -> AliasState:
    version = draw(versions | st.just("$LATEST"))
    weights = draw(st.dictionaries(versions, st.floats(0.001, 1), max_size=1))
    extra = draw(st.none() | versions)
    state = draw(st.sampled_from(["walk", "live", "back", "frozen"]))
    head = Head(state, "r", draw(versions), extra, 0.1 if extra else 0.0, draw(st.none() | versions), None, NONCE)
    return draw(st.sampled_from([alias(version, weights, head), described(head), alias(version, weights)]))


@settings(derandomize=True, max_examples=300, database=None)
@given(aliases(), st.none() | versions)
def test_a_plan_never_gives_the_candidate_more(seen: AliasState, to: str | None) -> None:
    try:
        plan = plan_rollback(seen, to)
    except UsageError:
        assert to is None
        assert not seen.weights
        return
    if to is not None:
        assert plan.target == to or (seen.version == to and not seen.weights)
    elif seen.weights:
        assert plan.target == seen.version
    if plan.target is None:
        assert not seen.weights
