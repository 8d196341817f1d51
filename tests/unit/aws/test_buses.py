"""PutEvents: what EventBridge was too busy for is sent again, and what it does not take is said once."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.aws import buses
from pipeline.aws.buses import ATTEMPTS, Buses
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment

ENV = Environment("local", "000000000000", "us-east-1", "bucket", events="releases")
BUSY = {"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}
NO = {"ErrorCode": "AccessDeniedException", "ErrorMessage": "not yours"}
TAKEN = {"EventId": "1"}


class Answering:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self, *answers: list[dict[str, str]]) -> None:
        self.answers, self.asked = list(answers), list[list[str]]()

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.asked.append([one["Detail"] for one in Entries])
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return {"FailedEntryCount": sum("ErrorCode" in one for one in said), "Entries": said[: len(Entries)]}


@pytest.fixture
def put(monkeypatch):
    def of(*answers: list[dict[str, str]]) -> tuple[Answering, list[float]]:
        there, pauses = Answering(*answers), list[float]()
        monkeypatch.setattr(buses, "client", lambda *_, **__: there)
        try:
            Buses(ENV, pauses.append).put("releases", [{"Detail": "a"}, {"Detail": "b"}])
        finally:
            of.last = there, pauses  # type: ignore[attr-defined]
        return there, pauses

    return of


def test_what_was_taken_is_sent_once(put) -> None:
    there, pauses = put([TAKEN, TAKEN])
    assert (there.asked, pauses) == ([["a", "b"]], [])


def test_only_what_it_was_too_busy_for_is_sent_again_after_a_pause(put) -> None:
    there, pauses = put([TAKEN, BUSY], [BUSY], [TAKEN])
    assert there.asked == [["a", "b"], ["b"], ["b"]]
    assert len(pauses) == 2


def test_what_stays_refused_is_an_error(put) -> None:
    with pytest.raises(AwsError) as caught:
        put([BUSY, BUSY])
    assert caught.value.what == "could not put 2 events on bus releases: ThrottlingException: Rate exceeded"
    assert len(put.last[0].asked) == ATTEMPTS


def test_what_is_refused_for_good_is_not_sent_again_and_keeps_nothing_else_back(put) -> None:
    with pytest.raises(AwsError) as caught:
        put([NO, BUSY], [TAKEN])
    assert caught.value.what == "could not put an event on bus releases: AccessDeniedException: not yours"
    assert put.last[0].asked == [["a", "b"], ["b"]]


def test_a_bus_is_asked_in_its_own_region() -> None:
    arn = "arn:aws:events:eu-west-1:111122223333:event-bus/releases"
    assert buses.in_its_region(ENV, arn).region == "eu-west-1"
    assert buses.in_its_region(ENV, "releases") is ENV
