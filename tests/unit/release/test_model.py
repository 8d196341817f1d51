"""A rollout survives the ledger's JSON; ids sort by time; shares are said as they are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_kit import FRESH, NONCE, walking

from pipeline.release.model import Intent, Rollout, StepSpec, from_json, new_release_id, percent, to_json
from pipeline.release.terms import Checks, Freeze, Limit, Notify, Order, Probe, Quiet, Terms

PROPERTY = settings(derandomize=True, max_examples=60, database=None)
seconds = st.floats(0, 1e10)
numbers = st.just({}) | st.just({"outcome": "PASS", "interval": [-0.1, 0.2], "canary": {"n": 9, "bad": 1}})
intents: st.SearchStrategy[Intent] = st.builds(
    Intent,
    st.integers(-1, 4),
    st.text(),
    st.text(),
    st.sampled_from(["fence", "step", "back"]),
    st.text(),
    st.text(),
    numbers,
    st.none() | st.just(Order("promote", "r", "n", "a", None, "", 1.0)),
)


reals = st.floats(0, 1e9)
limits = st.builds(Limit, st.text(), st.text(), st.just((("Queue", "orders"),)), st.just("p99"), st.none() | reals)
checks = st.builds(
    Checks, st.booleans(), st.booleans(), st.booleans(), st.none() | reals, st.just(("a", "b")), st.tuples(limits)
)
terms = st.builds(
    Terms,
    checks,
    st.booleans(),
    st.just((Quiet((0, 6), 0, 1440, "Europe/Berlin"),)),
    st.just((Freeze(1.0, 2.0, "why"),)),
    st.just(("release-*",)),
    reals,
    reals,
    st.none() | st.text(),
    st.none() | st.just(Probe(("key",), 60.0)),
    st.just((Notify("sns", "arn"),)),
)
words = st.text()
orders = st.builds(Order, st.sampled_from(["promote", "abort"]), words, words, words, st.none(), words, reals)
own = st.tuples(st.none() | st.just(5), st.booleans(), st.none() | checks)


@st.composite
def rollouts(draw: st.DrawFn) -> Rollout:
    steps = draw(st.lists(st.tuples(st.floats(0.001, 0.999), seconds), max_size=4))
    return replace(
        FRESH,
        phase=draw(st.sampled_from(["published", "walking", "promoted", "rolled-back", "held"])),
        steps=tuple(StepSpec(*one, *draw(own)) for one in steps),
        terms=draw(terms),
        ringing=draw(st.just(()) | st.just(("loud",))),
        clock=draw(st.none() | reals),
        paused=draw(st.none() | reals),
        waiting=draw(st.none() | reals),
        obeyed=tuple(draw(st.lists(orders, max_size=2))),
        step=draw(st.integers(-1, 4)),
        step_starts=tuple(draw(st.lists(seconds, max_size=4))),
        intent=draw(st.none() | intents),
        unclear=tuple(draw(st.lists(intents, max_size=2))),
        claimed_actor=draw(st.none() | st.text()),
        previous=draw(st.none() | st.just("6")),
        ended=draw(st.none() | seconds),
        subject=draw(st.text()),
    )


@PROPERTY
@given(rollouts())
def test_a_rollout_is_read_back_from_json(rollout: Rollout) -> None:
    assert from_json(json.loads(json.dumps(to_json(rollout)))) == rollout


@pytest.mark.parametrize("change", [{"steps": 1}, {"unknown": 1}, {"intent": {"step": 0}}])
def test_what_is_no_rollout_is_refused(change: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        from_json({**to_json(walking()), **change})
    with pytest.raises(KeyError):
        from_json({})


def test_a_record_from_before_a_field_was_added_is_read() -> None:
    data = to_json(walking())
    for added in ("revision", "unclear", "terms", "ringing", "clock", "paused", "waiting", "obeyed"):
        del data[added]
    data["steps"] = [{"traffic": one["traffic"], "bake_s": one["bake_s"]} for one in data["steps"]]
    assert from_json(data) == walking()


@pytest.mark.parametrize(
    ("step", "intended", "kind"),
    [(0, 1, "step"), (-1, 0, "step"), (1, 2, "step"), (0, 0, "fence"), (-1, -1, "fence"), (1, -1, "back")],
)
def test_an_intent_recorded_without_its_kind_is_understood(step: int, intended: int, kind: str) -> None:
    data = to_json(walking(step, intent=Intent(intended, NONCE, "revision")))
    for added in ("kind", "sentence", "reason", "evidence", "order"):
        del data["intent"][added]
    assert from_json(data).intent == Intent(intended, NONCE, "revision", kind)  # type: ignore[arg-type]


def test_the_share_of_every_step() -> None:
    assert [FRESH.traffic(step) for step in (-1, 0, 1, 2, 3)] == [0.0, 0.1, 0.5, 1.0, 1.0]


def test_which_phases_are_over() -> None:
    assert [replace(FRESH, phase=phase).over for phase in ("published", "walking", "held")] == [False] * 3
    assert [replace(FRESH, phase=phase).over for phase in ("promoted", "rolled-back")] == [True, True]


def test_release_ids_sort_by_time_and_differ() -> None:
    ids = [new_release_id(at) for at in (1e9, 1e9 + 1, 1.7e9, 1.8e9)]
    assert ids == sorted(ids)
    assert len({new_release_id(1e9) for _ in range(100)}) == 100
    assert ids[0].startswith("20010909T014640-")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.1, "10 %"), (0.07, "7 %"), (0.005, "0.5 %"), (1.0, "100 %"), (1 / 3, "33.3333 %"), (0.0, "0 %")],
)
def test_a_share_is_never_rounded_away(share: float, text: str) -> None:
    assert percent(share) == text


def test_an_intent_is_kept() -> None:
    intent = Intent(1, NONCE, "revision")
    assert from_json(to_json(walking(intent=intent))).intent == intent
