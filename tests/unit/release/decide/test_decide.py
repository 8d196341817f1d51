"""The rules of decide one by one, and what must hold for every rollout, alias and evidence."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_kit import BAD, FRESH, GOOD, NONCE, SILENT, START, alias, described, own_alias, periods, saw, walking

from pipeline.aws.functions import AliasState
from pipeline.release.decide.decide import decide, due, patience
from pipeline.release.decide.decision import Decision
from pipeline.release.decide.standing import head_of, standing
from pipeline.release.judge.judge import Counts, Minute
from pipeline.release.ledger.head import Head
from pipeline.release.model import Intent, Rollout, StepSpec
from pipeline.release.terms import Freeze, Order, Terms

SOON = START + 30
LATE = START + 121  # after the deadline
OTHER = "f" * 16
INTENT = Intent(1, OTHER, "revision-0")
PLANNED, STALE = replace(FRESH, revision="revision-1"), replace(FRESH, revision="revision-0")  # the alias is at 1


def decided(rollout: Rollout, minutes: tuple[Minute, ...] = (), now: float = SOON, **more: Any) -> Decision:
    return decide(rollout, saw(more.pop("alias", own_alias(rollout)), minutes, **more), now)


# forward


def test_the_first_step_needs_no_evidence() -> None:
    found = decided(FRESH, alias=alias("1"))
    assert (found.kind, found.step, found.sentence) == ("shift", 0, "the smoke checks passed")
    assert found.next == "50 % after 10 s of clean evidence"


@pytest.mark.parametrize(("stable", "why"), [("1", "no steps are declared"), ("$LATEST", "the first release")])
def test_without_steps_all_traffic_moves_at_once(stable: str, why: str) -> None:
    found = decided(replace(FRESH, steps=(), stable=stable), alias=alias(stable))
    assert (found.kind, found.step) == ("promote", 0)
    assert found.sentence.startswith(why)


@pytest.mark.parametrize(("step", "kind"), [(0, "shift"), (1, "promote")])
def test_a_step_that_passed_is_followed_by_the_next(step: int, kind: str) -> None:
    found = decided(walking(step), periods(10, *GOOD, step=step))
    assert (found.kind, found.step) == (kind, step + 1)
    assert found.verdict is not None
    assert found.verdict.outcome == "PASS"


def test_a_step_is_not_passed_on_an_earlier_steps_evidence() -> None:
    found = decided(walking(1), periods(10, *GOOD, step=0))
    assert found.kind == "wait"
    assert found.verdict is not None
    assert (found.verdict.reason, found.verdict.step, found.verdict.minutes) == ("baking", 1, 0)
    assert found.next == "promotion after 10 s more of clean evidence"


def test_a_step_lasts_as_long_as_declared() -> None:
    nine = decided(walking(), periods(9, *GOOD))
    assert (nine.kind, nine.next) == ("wait", "50 % after 1 s more of clean evidence")
    odd = walking(steps=(StepSpec(0.1, 9.5), StepSpec(0.5, 10)))
    assert decided(odd, periods(9, *GOOD)).kind == "wait"
    assert decided(odd, periods(10, *GOOD)).kind == "shift"


# back


@pytest.mark.parametrize("on_inconclusive", ["rollback", "hold", "promote"])
@pytest.mark.parametrize("now", [SOON, LATE])
@pytest.mark.parametrize("step", [0, 1])
def test_a_regression_always_goes_back(step: int, now: float, on_inconclusive: str) -> None:
    found = decided(walking(step, on_inconclusive=on_inconclusive), periods(5, *BAD, step=step), now)
    assert found.kind == "roll-back"
    assert "version 2" in found.sentence
    assert found.next == "version 1 has all traffic"


def test_a_failure_of_an_earlier_step_still_counts() -> None:
    assert decided(walking(1), periods(10, *BAD, step=0)).kind == "roll-back"


# inconclusive


INCONCLUSIVE = [
    pytest.param(periods(10, (1, 0), (90, 0)), None, "low traffic", id="low-traffic"),
    pytest.param(periods(10, *SILENT), None, "no data", id="no-data"),
    pytest.param(periods(10, *GOOD), "CloudWatch did not answer", "metrics unavailable", id="outage-of-good"),
    pytest.param(periods(10, *BAD), "CloudWatch did not answer", "metrics unavailable", id="outage-of-bad"),
]


@pytest.mark.parametrize(("minutes", "outage", "reason"), INCONCLUSIVE)
def test_what_is_inconclusive_holds_the_weight_until_the_deadline(
    minutes: tuple[Minute, ...], outage: str | None, reason: str
) -> None:
    for on_inconclusive in ("rollback", "hold", "promote"):
        found = decided(walking(on_inconclusive=on_inconclusive), minutes, START + 119.9, metrics_error=outage)
        assert found.kind == "wait"
        assert found.verdict is not None
        assert (found.verdict.outcome, found.verdict.reason) == ("INCONCLUSIVE", reason)
        assert found.next.startswith(f"held at 10 % ({reason})")


@pytest.mark.parametrize(("minutes", "outage", "reason"), INCONCLUSIVE)
@pytest.mark.parametrize(("declared", "kind"), [("rollback", "roll-back"), ("hold", "hold"), ("promote", "shift")])
def test_at_the_deadline_what_is_declared_happens_but_nothing_goes_forward_unseen(
    minutes: tuple[Minute, ...], outage: str | None, reason: str, declared: str, kind: str
) -> None:
    rollout = walking(on_inconclusive=declared)
    found = decided(rollout, minutes, LATE, metrics_error=outage, metrics_away_s=patience(rollout))
    assert found.kind == ("hold" if outage and declared == "promote" else kind)
    assert found.sentence.startswith("no conclusion within 2 min: ")
    assert found.verdict is not None
    assert found.verdict.reason == reason


@pytest.mark.parametrize("declared", ["rollback", "hold", "promote"])
@pytest.mark.parametrize(
    ("steps", "times", "needed"),
    [
        ((StepSpec(0.1, 10), StepSpec(0.5, 10)), {}, 10),
        ((StepSpec(0.1, 3), StepSpec(0.5, 10)), {}, 6),
        ((StepSpec(0.1, 600), StepSpec(0.5, 10)), {"period_s": 60, "lag_s": 120}, 600),
        ((StepSpec(0.1, 60), StepSpec(0.5, 1000)), {"period_s": 60, "lag_s": 120}, 420),
    ],
)
def test_a_short_outage_of_the_metrics_decides_nothing_however_late(
    declared: str, steps: tuple[StepSpec, ...], times: dict[str, Any], needed: float
) -> None:
    rollout = walking(on_inconclusive=declared, steps=steps, **times)
    for away_s, later in ((0.0, False), (needed - 0.1, False), (needed, True)):
        found = decided(rollout, periods(10, *BAD), LATE + 1e6, metrics_error="503", metrics_away_s=away_s)
        assert (found.kind != "wait") == later
    assert decided(rollout, (), SOON, metrics_error="503", metrics_away_s=1e6).kind == "wait"


def test_how_long_an_outage_is_waited_for_is_said() -> None:
    found = decided(walking(on_inconclusive="promote"), (), LATE, metrics_error="503", metrics_away_s=4.0)
    assert found.next.endswith("(metrics unavailable); held in 6 s")
    assert decided(walking(), (), LATE - 31, metrics_error="503", metrics_away_s=4.0).next.endswith("back in 30 s")


def test_a_step_still_baking_at_the_deadline_is_not_cut_short() -> None:
    assert decided(walking(step_starts=(LATE - 13,)), periods(9, *GOOD), LATE).kind == "wait"


ODD = (*periods(10, (10, 1), (90, 1))[:7], *periods(10, (10, 0), (90, 1))[7:])  # 7 of 100 beside 10 of 900


def test_a_step_that_ends_with_odd_evidence_bakes_longer_and_says_for_how_long() -> None:
    found = decided(walking(), ODD)
    assert found.verdict is not None
    assert (found.kind, found.verdict.reason) == ("wait", "suspicious")
    assert found.next == "50 % after 10 s more at the latest, unless it is found worse"


@pytest.mark.parametrize(("declared", "kind"), [("rollback", "roll-back"), ("hold", "hold"), ("promote", "shift")])
def test_odd_evidence_at_the_deadline_is_no_conclusion(declared: str, kind: str) -> None:
    found = decided(walking(on_inconclusive=declared), ODD, LATE)
    assert found.kind == kind
    assert found.sentence.startswith("no conclusion within ")


# whose the alias is


RESUME = "`crabwalk resume hello --env local`"


def rolled_back(release: str, origin: str = "2", primary: str = "1") -> AliasState:
    return described(Head("back", release, primary, None, 0.0, None, None, "b" * 16, origin=origin))


@pytest.mark.parametrize(
    ("rollout", "seen", "expected"),
    [
        pytest.param(FRESH, alias("1"), "ours", id="not-begun"),
        pytest.param(FRESH, alias("1", None, "someone's words"), "ours", id="not-begun-any-description"),
        pytest.param(FRESH, alias("3"), "foreign", id="not-begun-other-version"),
        pytest.param(FRESH, alias("1", {"2": 0.1}), "foreign", id="not-begun-split"),
        pytest.param(FRESH, rolled_back("an-earlier-one"), "ours", id="not-begun-after-an-old-rollback"),
        pytest.param(walking(), own_alias(walking()), "ours", id="walking"),
        pytest.param(walking(), own_alias(walking(nonce=OTHER)), "foreign", id="another-nonce"),
        pytest.param(walking(), alias("1", {"2": 0.2}, head_of(walking(), 0, NONCE)), "foreign", id="other-weight"),
        pytest.param(walking(), alias("2", {}, head_of(walking(), 0, NONCE)), "foreign", id="promoted-by-hand"),
        pytest.param(walking(), alias("1", {"2": 0.1}), "foreign", id="description-gone"),
        pytest.param(walking(intent=INTENT), described(head_of(walking(), 1, OTHER)), "intent", id="lost-answer"),
        pytest.param(walking(intent=INTENT), own_alias(walking()), "ours", id="intent-never-written"),
        pytest.param(
            walking(intent=Intent(-1, "e" * 16, "revision-0", "back"), unclear=(INTENT,)),
            described(head_of(walking(), 1, OTHER)),
            "intent",
            id="lost-answer-to-an-earlier-write",
        ),
        pytest.param(walking(), rolled_back(FRESH.release_id), "undone", id="rolled-back-by-hand"),
        pytest.param(walking(), rolled_back("unknown"), "undone", id="rolled-back-after-a-foreign-write"),
        pytest.param(walking(), rolled_back("unknown", "1", "7"), "undone", id="rolled-back-to-a-named-version"),
        pytest.param(
            replace(FRESH, intent=replace(INTENT, step=0)), rolled_back("unknown"), "undone", id="died-then-undone"
        ),
        pytest.param(
            replace(FRESH, intent=Intent(0, OTHER, "revision-1")),
            rolled_back("an-earlier-one"),
            "ours",
            id="a-retry-of-what-was-rolled-back",
        ),
        pytest.param(PLANNED, alias("1"), "ours", id="planned-and-untouched"),
        pytest.param(PLANNED, rolled_back("an-earlier-one", "3"), "ours", id="planned-on-a-rollback"),
        pytest.param(STALE, rolled_back("an-earlier-one", "1", "7"), "undone", id="planned-then-rolled-back"),
        pytest.param(STALE, rolled_back("an-earlier-one", "1", "2"), "undone", id="planned-then-to-a-named-version"),
        pytest.param(STALE, rolled_back("unknown", "3", "1"), "undone", id="planned-then-marked-where-it-was"),
        pytest.param(
            STALE, described(head_of(replace(FRESH, candidate="1"), 2, OTHER)), "ours", id="planned-then-fenced"
        ),
        pytest.param(STALE, alias("1"), "foreign", id="planned-then-written-by-hand-with-the-same"),
        pytest.param(STALE, alias("3"), "foreign", id="planned-then-moved"),
        pytest.param(STALE, alias("1", {"2": 0.1}), "foreign", id="planned-then-split"),
    ],
)
def test_whose_the_alias_is(rollout: Rollout, seen: AliasState, expected: str) -> None:
    assert standing(rollout, seen) == expected


@pytest.mark.parametrize(
    ("state", "after"),
    [
        ("back", "the release is over; fix forward, then deploy"),
        ("frozen", f"it is frozen: `deploy` passes it over until {RESUME}, or until a commit reverts c0ffeec0ffee"),
    ],
)
def test_what_follows_a_rollback_in_mid_walk_depends_on_whose_it_was(state: Any, after: str) -> None:
    head = Head(state, FRESH.release_id, "1", None, 0.0, None, None, "b" * 16, origin="2")
    found = decided(walking(), periods(10, *BAD), alias=described(head))
    assert (found.kind, found.next) == ("undone", after)


def test_a_foreign_write_is_reported_with_what_is_and_what_should_be() -> None:
    found = decided(walking(), periods(10, *BAD), alias=alias("2", {"3": 0.005}))
    assert found.kind == "conflict"
    assert "version 2 with 0.5 % to version 3, not version 1 with 10 % to version 2" in found.sentence
    assert found.next == "find out who, then `crabwalk rollback hello --env local`"


def test_a_rollback_by_hand_is_obeyed_whatever_the_evidence() -> None:
    found = decided(walking(), periods(10, *GOOD), alias=rolled_back(FRESH.release_id, primary="7"))
    assert (found.kind, found.verdict) == ("undone", None)
    assert "back to version 7" in found.sentence


def test_a_rollback_by_hand_before_the_first_step_is_obeyed_and_said() -> None:
    found = decided(STALE, alias=rolled_back("an-earlier-one", "1", "7"))
    assert (found.kind, found.sentence) == (
        "undone",
        "somebody rolled hello back to version 7 before the new version got any traffic",
    )


def test_a_write_that_turned_out_to_be_ours_is_settled_for_the_reason_it_was_made() -> None:
    rollout = walking(intent=INTENT, sentence="no sign that it is worse")
    found = decided(rollout, alias=described(head_of(rollout, 1, OTHER)))
    assert (found.kind, found.step, found.sentence) == ("settled", 1, "no sign that it is worse")


# for all


@st.composite
def evidence(draw: st.DrawFn) -> tuple[Minute, ...]:
    steps = sorted(draw(st.lists(st.integers(-1, 3), max_size=25)))
    most = draw(st.sampled_from([0, 1, 30, 10**6]))
    dice = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311 - far cheaper than drawing every count

    def counts() -> Counts:
        n = dice.randint(0, most)
        return Counts(n, dice.randint(0, n) if dice.random() < 0.5 else 0)

    return tuple(Minute(START + t, step, counts(), counts()) for t, step in enumerate(steps))


TERMS = (Terms(), Terms(approvers=("anna",)), Terms(freezes=(Freeze(START, START + 100),), fast=True))


@st.composite
def rollouts(draw: st.DrawFn) -> Rollout:
    count = draw(st.integers(0, 3))
    step = draw(st.integers(-1, count))
    return replace(
        FRESH,
        steps=tuple(
            StepSpec(0.1 + 0.2 * index, draw(st.floats(0, 100)), approve=draw(st.booleans())) for index in range(count)
        ),
        step=step,
        step_starts=tuple(START + index for index in range(step + 1)),
        phase=draw(st.sampled_from(["published", "walking", "held"])),
        nonce=draw(st.sampled_from(["", NONCE])),
        revision=draw(st.sampled_from(["", "revision-0", "revision-1"])),
        intent=draw(st.none() | st.builds(Intent, st.integers(-1, count), st.just(OTHER), st.just("revision-1"))),
        stable=draw(st.sampled_from(["1", "$LATEST"])) if count == 0 else "1",
        on_inconclusive=draw(st.sampled_from(["rollback", "hold", "promote"])),
        period_s=draw(st.sampled_from([1, 60])),
        min_requests=draw(st.integers(0, 1000)),
        deadline_s=draw(st.floats(0, 1000)),
        sentence=draw(st.text(max_size=5)),
        terms=draw(st.sampled_from(TERMS)),
        paused=draw(st.none() | st.just(START)),
        waiting=draw(st.none() | st.just(START)),
        clock=draw(st.none() | st.just(START + 50)),
    )


@st.composite
def aliases(draw: st.DrawFn, rollout: Rollout) -> AliasState:
    if draw(st.booleans()):
        nonce = draw(st.sampled_from([NONCE, OTHER, "0" * 16]))
        step = draw(st.sampled_from([rollout.step, rollout.intent.step if rollout.intent else 0]))
        return described(head_of(rollout, step, nonce))
    weights = draw(st.dictionaries(st.sampled_from(["1", "2", "3"]), st.floats(0, 1), max_size=1))
    text = draw(st.text(max_size=20) | st.just(str(head_of(walking(), 0, NONCE))))
    return alias(draw(st.sampled_from(["1", "2", "3", "$LATEST"])), weights, text)


@settings(derandomize=True, max_examples=250, database=None)
@given(st.data())
def test_decide_is_total_and_never_moves_what_is_not_its_own(data: st.DataObject) -> None:
    rollout = data.draw(rollouts())
    seen = data.draw(aliases(rollout))
    minutes = data.draw(evidence())
    outage = data.draw(st.none() | st.just("CloudWatch did not answer"))
    now = START + data.draw(st.floats(-1e3, 1e6))
    away_s = data.draw(st.floats(0, 1e4))
    kind = data.draw(st.none() | st.sampled_from(["promote", "full", "pause", "resume", "abort"]))
    reason = data.draw(st.sampled_from(["", "why"]))
    asked = kind and Order(kind, rollout.release_id, "5" * 16, "anna", None, reason, START)
    alarms = data.draw(st.just(()) | st.just(("loud",)))
    found = decide(rollout, saw(seen, minutes, outage, away_s, alarms=alarms, order=asked), now)
    where = standing(rollout, seen)
    verdict = found.verdict
    assert found.sentence or not rollout.sentence
    if where != "ours":
        assert found.kind == {"foreign": "conflict", "intent": "settled", "undone": "undone"}[where]
        return
    assert found.kind in {"wait", "shift", "promote", "roll-back", "hold", "approval", "quiet", "abandon", "obey"}
    baking = 0 <= rollout.step < len(rollout.steps)
    if baking and alarms:
        assert found.kind == "roll-back"
    if found.kind == "obey" or found.order is not None:
        assert asked is not None
        assert found.order == asked
    if found.kind in {"shift", "promote"} and found.order is None:
        assert rollout.paused is None
        assert found.step == min(rollout.step + 1, len(rollout.steps))
        assert rollout.step == len(rollout.steps) or not (
            found.step < len(rollout.steps) and rollout.steps[found.step].approve
        )
        if verdict is not None:
            late = rollout.on_inconclusive == "promote" and now >= rollout.deadline
            assert verdict.outcome == "PASS" or late
            assert verdict.step in {rollout.step, -1}
        else:
            assert rollout.step in {-1, len(rollout.steps)}
    if verdict is not None and verdict.outcome == "FAIL":
        assert found.kind == "roll-back"
    if outage is not None and verdict is not None:
        assert verdict.reason == "metrics unavailable"
        assert found.kind in {"wait", "roll-back", "hold", "obey"} or found.order is not None
    if found.kind == "hold":
        assert rollout.on_inconclusive == "hold" or (outage is not None and rollout.on_inconclusive == "promote")


@pytest.mark.parametrize(
    ("on_inconclusive", "kind"), [("rollback", "roll-back"), ("hold", "hold"), ("promote", "hold")]
)
def test_a_step_whose_periods_never_become_complete_does_not_wait_for_ever(on_inconclusive: str, kind: str) -> None:
    rollout = walking(on_inconclusive=on_inconclusive, deadline_s=20)
    minutes = periods(4, *GOOD)
    end = due(rollout) + patience(rollout)
    assert decided(rollout, minutes, end).kind == "wait"
    found = decided(rollout, minutes, end + 1)
    assert found.kind == kind
    assert "never became complete" in found.sentence
