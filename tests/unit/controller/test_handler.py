"""The function itself: what it answers, what it raises, and that it waits where probes are sent."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.controller import handler as function
from pipeline.controller.handler import LookFailed, handler
from pipeline.controller.job import Job, Part, to_json
from pipeline.controller.look import Answer, Stand
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment

JOB = Job(Environment("staging", "111122223333", "eu-west-1", "shop"), (Part("orders", "r", 1),), "arn:function:1")
WALKS = Answer(done=False, wait_s=15, releases=(Stand("orders", "r", "walking", "goes on", done=False),))


class Engine:
    """As much of one as the function touches."""

    def __init__(self, env: Any, *, sending: bool = False) -> None:
        self.env, self.sending, self.stopped, self.probes = env, sending, False, self
        self.say: Any = None

    def go_on(self, _elapsed: Any) -> None:
        """Nothing is sent."""

    def stop(self) -> None:
        self.stopped = True


def test_it_answers_when_to_look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function, "Engine", Engine)
    monkeypatch.setattr(function, "look", lambda *_: WALKS)
    answer = handler(to_json(JOB))
    assert (answer["done"], answer["wait_s"], answer["releases"][0]["outcome"]) == (False, 15, "walking")


def test_where_probes_are_sent_it_waits_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    made: list[Engine] = []

    def engine(env: Any) -> Engine:
        made.append(Engine(env, sending=True))
        return made[-1]

    monkeypatch.setattr(function, "Engine", engine)
    monkeypatch.setattr(function, "look", lambda *_: WALKS)
    monkeypatch.setattr("time.sleep", slept.append)
    assert handler(to_json(JOB))["wait_s"] == 0
    assert (slept, made[0].stopped) == ([15], True)


def test_a_fault_is_one_line_for_the_machine_to_look_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(*_: Any) -> Answer:
        raise AwsError("could not read the alias: 503")

    monkeypatch.setattr(function, "Engine", Engine)
    monkeypatch.setattr(function, "look", away)
    with pytest.raises(LookFailed, match="could not read the alias") as raised:
        handler(to_json(JOB))
    assert raised.value.__suppress_context__
    assert capsys.readouterr().err == "AwsError: could not read the alias: 503\n"
