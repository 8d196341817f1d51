from __future__ import annotations

import json
import threading
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from listener_kit import listening
from release_kit import FRESH, walking

from pipeline.manifest.environments import Environment
from pipeline.release.around import courier
from pipeline.release.around.notifier import Notifier, tell_rollback
from pipeline.release.around.notify import Message, message
from pipeline.release.around.transitions import takeover, transitions
from pipeline.release.model import Rollout
from pipeline.release.rollback.record import Note
from pipeline.release.terms import Notify, Order, Terms

ENV = Environment("local", "000000000000", "us-east-1", "bucket")
SAID = "of 812 requests to version 2, 9 failed"
ORDER = Order("pause", FRESH.release_id, "n1", "arn:aws:iam::1:user/ann", None, "lunch", 1.0)


@pytest.fixture(autouse=True)
def _outside_of_github(monkeypatch):
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


def told(before: Rollout | None, after: Rollout) -> list[tuple[str, str, str]]:
    return [(one.event, one.headline, one.sentence) for one in transitions(before, after, 0.0)]


def ended(phase: str, reason: str = "", **changes: Any) -> Rollout:
    return walking(0, phase=phase, reason=reason, sentence=SAID, ended=1.0, **changes)


WALKING, HELD = walking(0), walking(0, phase="held", reason="hold", sentence="no conclusion")
PAUSED = walking(0, paused=5.0, obeyed=(ORDER,))
RESUMED = walking(0, obeyed=(ORDER, replace(ORDER, kind="resume", nonce="n2", reason="")))
WAITING = walking(0, waiting=5.0, reason="approval", sentence="50 % of the traffic waits for approval")
ASKED = f"{WAITING.sentence} until 1970-01-02T00:00:05Z: crabwalk promote hello --env local"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, FRESH, [("start", "the release of version 2 begins", "against version 1, 10 % → 50 % → 100 %")]),
        (
            None,
            replace(FRESH, stable="$LATEST", steps=()),
            [("start", "the release of version 2 begins", "nothing to compare it with, 100 %")],
        ),
        (FRESH, FRESH, []),
        (FRESH, walking(0, sentence=SAID), [("step", "10 % of the traffic to version 2", SAID)]),
        (WALKING, walking(1, sentence=SAID), [("step", "50 % of the traffic to version 2", SAID)]),
        (WALKING, replace(WALKING, nonce="another", revision="r"), []),
        (WALKING, HELD, [("hold", "held at 10 % to version 2", "no conclusion")]),
        (HELD, HELD, []),
        (HELD, WALKING, [("resume", "goes on at 10 % to version 2", "")]),
        (WALKING, WAITING, [("approval", "version 2 at 10 % waits for approval", ASKED)]),
        (WAITING, WAITING, []),
        (
            WAITING,
            walking(1, sentence="promoted by ann"),
            [("step", "50 % of the traffic to version 2", "promoted by ann")],
        ),
        (WALKING, PAUSED, [("pause", "paused at 10 % to version 2", "by user/ann: lunch")]),
        (PAUSED, RESUMED, [("resume", "goes on at 10 % to version 2", "by user/ann")]),
        (
            FRESH,
            replace(FRESH, reason="quiet", sentence="quiet until 08:00"),
            [("hold", "held at 0 % to version 2", "quiet until 08:00")],
        ),
        (walking(1), ended("promoted"), [("promote", "version 2 has all traffic", SAID)]),
        (walking(1), ended("rolled-back", "rate"), [("rollback", "rolled back, version 1 has all traffic", SAID)]),
        (HELD, ended("rolled-back", "rolled back by hand"), [("rollback", "rolled back", SAID)]),
        (PAUSED, ended("rolled-back", "aborted"), [("abort", "aborted, version 1 has all traffic", SAID)]),
        (None, ended("rolled-back", "smoke"), [("rejected", "version 2 is rejected, no traffic was moved", SAID)]),
        (None, ended("rolled-back", "hook"), [("rejected", "version 2 is rejected, no traffic was moved", SAID)]),
        (ended("promoted"), ended("promoted"), []),
        (
            ended("promoted"),
            ended("rolled-back", "together"),
            [("rollback", "rolled back, version 1 has all traffic", SAID)],
        ),
    ],
)
def test_each_transition_is_told_and_nothing_else(before, after, expected) -> None:
    assert told(before, after) == expected


def test_a_whole_walk_is_told_once_a_transition() -> None:
    states = [None, FRESH, FRESH, walking(0), walking(0), WAITING, WAITING, walking(1), walking(1), ended("promoted")]
    events = [one.event for before, after in pairwise(states) for one in transitions(before, after, 0.0)]
    assert events == ["start", "step", "approval", "step", "promote"]


def test_who_takes_over_tells_where_it_stands_unless_a_stop_was_told() -> None:
    (one,) = takeover(walking(1, sentence=SAID), 0.0)
    assert (one.event, one.headline, one.sentence) == ("takeover", "taken over at 50 % to version 2", SAID)
    for rollout in (HELD, PAUSED, WAITING, ended("promoted"), replace(FRESH, reason="quiet")):
        assert takeover(rollout, 0.0) == ()


def step() -> Message:
    rollout = walking(0, sentence=SAID, subject="Greet <b> & co", candidate="2")
    (made,) = transitions(FRESH, rollout, 1_700_000_000.4)
    return message(made)


def test_the_shapes_of_a_message(monkeypatch) -> None:
    assert step().body == {
        "crabwalk": 1,
        "event": "step",
        "environment": "local",
        "service": "hello",
        "release": FRESH.release_id,
        "version": "2",
        "stable": "1",
        "traffic": 0.1,
        "commit": FRESH.commit,
        "subject": "Greet <b> & co",
        "actor": FRESH.actor,
        "claimed_actor": None,
        "headline": "10 % of the traffic to version 2",
        "sentence": SAID,
        "link": f"local/hello/{FRESH.release_id}",
        "at": "2023-11-14T22:13:20Z",
    }
    assert step().text.splitlines() == [
        "hello on local: 10 % of the traffic to version 2",
        SAID,
        "commit c0ffeec0ffee: Greet <b> & co",
        f"local/hello/{FRESH.release_id}",
    ]
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "shop/services")
    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    assert step().link == "https://github.com/shop/services/actions/runs/42"
    assert step().slack["text"].splitlines() == [
        "*hello* on local: 10 % of the traffic to version 2",
        SAID,
        (
            "commit c0ffeec0ffee: Greet &lt;b&gt; &amp; co "
            f"(<https://github.com/shop/services/actions/runs/42|{FRESH.release_id}>)"
        ),
    ]


# sending


def telling(*places: Notify) -> Rollout:
    return replace(FRESH, terms=Terms(notify=places))


def test_each_place_gets_its_form_in_order_and_once(monkeypatch) -> None:
    said: list[str] = []
    with listening() as slack, listening() as plain:
        monkeypatch.setenv("SLACK", slack.url)
        monkeypatch.setenv("PLAIN", plain.url)
        rollout = telling(Notify("slack", "SLACK"), Notify("webhook", "PLAIN"))
        sends = Notifier(ENV, said.append)
        sends.heed(None, rollout, 0.0)
        sends.heed(rollout, rollout, 0.0)
        first = replace(rollout, phase="walking", step=0, step_starts=(1.0,), sentence=SAID)
        sends.heed(rollout, first, 0.0)
        sends.heed(rollout, first, 0.0)  # the record was read again
        sends.flush()
    assert [one["event"] for one in plain.came] == ["start", "step"]
    assert [list(one) for one in slack.came] == [["text"], ["text"]]
    assert SAID in slack.came[1]["text"]
    assert said == []


def test_what_cannot_be_sent_is_said_once_for_each_place_and_stops_nothing(monkeypatch) -> None:
    said: list[str] = []
    with listening(404, 404, 404, path="/s3cret") as gone:
        monkeypatch.setenv("GONE", gone.url)
        monkeypatch.delenv("LOST", raising=False)
        rollout = telling(Notify("webhook", "GONE"), Notify("slack", "LOST"))
        sends = Notifier(ENV, said.append)
        sends.heed(None, rollout, 0.0)
        sends.heed(rollout, replace(rollout, step=0), 0.0)
        sends.flush()
    assert len(gone.came) == 2
    assert said == [
        "a notification (start) was not sent: the webhook of GONE answered 404",
        ("a notification (start) was not sent: the variable LOST is to hold a webhook's address and is not set"),
    ]


def test_a_place_that_hangs_delays_nobody(monkeypatch) -> None:
    said: list[str] = []
    with listening() as slow:
        slow.hold.clear()
        monkeypatch.setenv("SLOW", slow.url)
        sends = Notifier(ENV, said.append)
        rollout = telling(Notify("webhook", "SLOW"))
        sends.heed(None, rollout, 0.0)
        sends.heed(rollout, replace(rollout, step=0), 0.0)
        slow.until(1)  # and both calls above came back
        sends.flush(limit_s=0.0)
        assert said == ["2 notifications were not sent within 0 s"]


def test_too_many_are_lost_and_it_is_said(monkeypatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(courier, "WAITING", 1)
    with listening() as slow:
        slow.hold.clear()
        monkeypatch.setenv("SLOW", slow.url)
        sends = Notifier(ENV, said.append)
        rollout = telling(Notify("webhook", "SLOW"))
        sends.heed(None, rollout, 0.0)
        slow.until(1)
        for number in range(3):
            sends.heed(rollout, replace(rollout, step=number), 0.0)
        sends.complain()
        assert said == ["too many notifications wait to be sent, some are lost"]


def test_nobody_to_tell_starts_nothing() -> None:
    before = threading.active_count()
    Notifier(ENV, print).heed(None, FRESH, 0.0)
    assert threading.active_count() == before


def test_a_release_that_is_taken_over_is_told_from_where_it_stands(monkeypatch) -> None:
    with listening() as there:
        monkeypatch.setenv("THERE", there.url)
        left = replace(telling(Notify("webhook", "THERE")), phase="walking", step=0, sentence=SAID)
        sends = Notifier(ENV, print)
        sends.heed(left, left, 0.0, taken=True)
        sends.complain()  # a look in which nothing happened
        sends.complain()
        sends.heed(left, replace(left, step=1), 0.0)
        sends.flush()
    assert [(one["event"], one["traffic"]) for one in there.came] == [("takeover", 0.1), ("step", 0.5)]
    assert json.dumps(there.came[0])


def test_a_rollback_by_hand_after_the_end_is_told_with_who_did_it_and_why(monkeypatch) -> None:
    note = Note("hello", "local", "f", "", True, "version 1 has all traffic", "arn:ann", None, "orders fail", 7.0)
    with listening() as there:
        monkeypatch.setenv("THERE", there.url)
        over = replace(telling(Notify("webhook", "THERE")), phase="promoted", step=2, sentence="it was good")
        tell_rollback(ENV, over, note, print).flush()
    (one,) = there.came
    assert (one["event"], one["headline"], one["traffic"]) == ("rollback", "rolled back", 0.0)
    assert one["sentence"] == "version 1 has all traffic, by ann (orders fail)"


def test_who_takes_over_and_moves_it_at_once_tells_only_that(monkeypatch) -> None:
    with listening() as there:
        monkeypatch.setenv("THERE", there.url)
        left = replace(telling(Notify("webhook", "THERE")), phase="walking", step=0, sentence=SAID)
        sends = Notifier(ENV, print)
        sends.heed(left, replace(left, nonce="fenced"), 0.0, taken=True)
        sends.heed(left, replace(left, step=1), 0.0)
        sends.flush()
    assert [one["event"] for one in there.came] == ["step"]
