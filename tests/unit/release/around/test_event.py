"""Events as they are put on a bus: their shape, what is told when, their ids, how many go into a call."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import bus_kit
import json_schema
import pytest
from release_kit import BAD, FRESH, GOOD, NONCE, own_alias, periods, saw, walking

from pipeline.manifest.environments import Environment
from pipeline.release.around.event import MOST, MOST_BYTES, calls, detail_of, entry_of, size_of
from pipeline.release.around.transitions import BY_HAND, Ground, Transition, ground_of, transitions
from pipeline.release.decide.decide import decide
from pipeline.release.ledger.head import Head
from pipeline.release.model import Intent, Rollout
from pipeline.release.terms import Order

ENV = Environment("local", "000000000000", "us-east-1", "bucket", events="releases")
AT = 1_700_000_000.4


def ground(minutes: Any, rollout: Rollout | None = None) -> Ground:
    rollout = rollout or walking(0)
    decision = decide(rollout, saw(own_alias(rollout), minutes), rollout.step_starts[-1] + 15.0)
    return ground_of(decision.verdict, decision.check)


PASS, FAIL = ground(periods(10, *GOOD)), ground(periods(10, *BAD))
BAKING = ground(periods(3, *GOOD))
LOW = ground(periods(10, (1, 0), (9, 0)))


def said(before: Rollout | None, after: Rollout, why: Ground) -> list[tuple[str, Any]]:
    """What is told, each with the judge's word."""
    return [(one.event, detail_of(one, ENV)["headline"]) for one in transitions(before, after, AT, why)]


@pytest.mark.parametrize(
    ("before", "after", "why", "expected"),
    [
        (walking(0), walking(0), BAKING, []),
        (walking(0), walking(0, judged="INCONCLUSIVE low traffic"), LOW, ["INCONCLUSIVE low traffic of version 2"]),
        (walking(0, judged="INCONCLUSIVE low traffic"), walking(0, judged="INCONCLUSIVE low traffic"), LOW, []),
        (walking(0, judged="INCONCLUSIVE low traffic"), walking(0), BAKING, ["baking of version 2"]),
        (walking(0), walking(0), LOW, []),  # not recorded: nobody could tell it from the next time
        (walking(0), walking(1), PASS, ["PASS baked of version 2", "50 % of the traffic to version 2"]),
        (
            walking(0),
            walking(0, phase="rolled-back", reason="worse"),
            FAIL,
            ["FAIL worse of version 2", "rolled back, version 1 has all traffic"],
        ),
        (walking(0), walking(0, intent=Intent(1, "n", "r")), PASS, []),  # announced, and not known to have happened
        (
            walking(0, judged="PASS baked", waiting=1.0),
            walking(1),
            PASS,
            ["50 % of the traffic to version 2"],
        ),
    ],
)
def test_a_verdict_is_told_when_it_changes_and_is_recorded(before, after, why, expected) -> None:
    assert [one[1] for one in said(before, after, why)] == expected


def test_a_write_whose_answer_was_lost_is_told_with_the_numbers_it_was_announced_with() -> None:
    announced = replace(walking(0), intent=Intent(1, NONCE[::-1], "r", evidence=dict(PASS.evidence)))
    after = replace(walking(1), nonce=NONCE[::-1])
    told = transitions(announced, after, AT)
    assert [one.event for one in told] == ["verdict", "step"]
    assert detail_of(told[1], ENV)["verdict"]["canary"] == {"n": 100, "bad": 0}


ORDER = Order("abort", FRESH.release_id, "0" * 16, "arn:aws:iam::1:user/ann", "ann", "lunch", 1.0)
BACK = walking(0, phase="rolled-back", reason=BY_HAND, sentence="somebody")


def head(state: Any) -> Head:
    return Head(state, FRESH.release_id, "1", None, 0.0, None, "c0ffee12c0de", "f" * 16, origin="2")


@pytest.mark.parametrize(
    ("after", "why", "cause"),
    [
        (replace(BACK, reason="worse"), FAIL, "evidence"),
        (replace(BACK, reason="low traffic"), Ground({**LOW.evidence, "check": "deadline"}), "deadline"),
        (replace(BACK, reason="not approved"), PASS, "approval"),
        (replace(BACK, reason="together"), Ground(), "group"),
        (BACK, Ground(head=head("frozen")), "person"),
        (BACK, Ground(head=head("back")), "safety net"),
        (replace(BACK, reason="aborted", obeyed=(ORDER,)), Ground(), None),
        (replace(BACK, reason="smoke"), Ground(), None),
    ],
)
def test_the_cause_of_a_rollback(after, why, cause) -> None:
    *_, told = transitions(walking(0), after, AT, why)
    assert detail_of(told, ENV)["cause"] == cause


def test_the_person_whose_word_it_was() -> None:
    (told,) = transitions(walking(0), replace(BACK, reason="aborted", obeyed=(ORDER,)), AT)
    by = {"actor": ORDER.actor, "claimed_actor": "ann", "reason": "lunch"}
    assert (told.event, detail_of(told, ENV)["by"]) == ("abort", by)
    *_, step = transitions(walking(0), walking(1, reason="by hand", obeyed=(replace(ORDER, kind="promote"),)), AT)
    assert (step.event, detail_of(step, ENV)["by"]) == ("step", by)
    *_, later = transitions(walking(0), walking(1, obeyed=(replace(ORDER, kind="resume"),)), AT)
    assert (later.event, detail_of(later, ENV)["by"]) == ("step", None)


EVERY = [
    Transition(event, rollout, AT, PASS)
    for event, rollout in (
        ("start", FRESH),
        ("step", walking(0)),
        ("verdict", walking(0)),
        ("hold", walking(0, phase="held", reason="hold")),
        ("conflict", walking(0, phase="held", reason="conflict")),
        ("approval", walking(0, waiting=5.0)),
        ("pause", walking(0, paused=5.0, obeyed=(replace(ORDER, kind="pause"),))),
        ("resume", walking(0, obeyed=(replace(ORDER, kind="resume"),))),
        ("takeover", walking(0)),
        ("promote", walking(1, phase="promoted")),
        ("rollback", BACK),
        ("abort", replace(BACK, reason="aborted", obeyed=(ORDER,))),
        ("rejected", replace(FRESH, phase="rolled-back", reason="smoke", stable="$LATEST", steps=())),
    )
]


@pytest.mark.parametrize("told", EVERY, ids=[one.event for one in EVERY])
def test_every_event_is_as_the_schema_says_and_has_an_id_of_its_own(told: Transition) -> None:
    entry = entry_of(told, ENV)
    assert (entry["Source"], entry["DetailType"]) == ("crabwalk", f"crabwalk release {told.event}")
    assert entry["EventBusName"] == "releases"
    detail = json.loads(entry["Detail"])
    assert json_schema.faults(bus_kit.SCHEMA, detail) == []
    assert detail["project"] == "shop"
    assert detail["at"] == "2023-11-14T22:13:20Z"
    assert detail["id"] == told.id
    assert [one.id for one in EVERY].count(told.id) == 1
    assert json_schema.faults(bus_kit.SCHEMA, {**detail, "event": "else"}) != []


def test_the_links_are_those_of_the_job(monkeypatch) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "shop/services")
    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    assert detail_of(EVERY[0], ENV)["links"] == {
        "run": "https://github.com/shop/services/actions/runs/42",
        "commit": f"https://github.com/shop/services/commit/{FRESH.commit}",
    }
    monkeypatch.delenv("GITHUB_REPOSITORY")
    assert detail_of(EVERY[0], ENV)["links"] == {"run": None, "commit": None}


def test_a_call_takes_ten_entries_and_256_kb() -> None:
    ten = [entry_of(EVERY[0], ENV)] * 23
    assert [len(call) for call in calls(ten)] == [10, 10, 3]
    vast = replace(FRESH, subject="\x00" * 90_000, sentence="\U0001f980" * 90_000)
    worst = entry_of(Transition("hold", vast, AT, Ground(PASS.evidence)), ENV)
    assert size_of(worst) < 64 * 1024
    made = list(calls([worst] * 30))
    assert sum(map(len, made)) == 30
    assert all(len(call) <= MOST and sum(map(size_of, call)) <= MOST_BYTES for call in made)
    assert list(calls([])) == []
