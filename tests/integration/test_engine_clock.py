"""A controller goes by AWS's clock, as its evidence does, whatever the clock of its machine says."""

from __future__ import annotations

import time
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import pytest
import release_kit as values

from pipeline.aws import objects as module
from pipeline.aws.objects import CLOCK_TOLERANCE_S, Objects
from pipeline.release.walk.act import Engine


@pytest.mark.parametrize("wrong_s", [-600.0, -5.0, 5.0, 600.0])
@pytest.mark.parametrize("call", ["get", "put"])
def test_a_wrong_clock_is_set_right_by_the_first_answer(world, monkeypatch, wrong_s, call):
    if call == "get":
        world.begun()
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: time.time() + wrong_s))
    engine = Engine(world.env)
    assert abs(engine.now() - time.time()) > CLOCK_TOLERANCE_S
    record = engine.ledger.service(world.service)
    if call == "put":
        engine.ledger.save(record)
    assert abs(engine.now() - time.time()) < CLOCK_TOLERANCE_S


def answer(at: float) -> dict[str, Any]:
    return {"ResponseMetadata": {"HTTPHeaders": {"date": formatdate(at, usegmt=True)}}}


@pytest.mark.parametrize("apart_s", [-1.4, -0.6, 0.0, 0.6, 1.4])
def test_what_may_be_the_headers_rounding_corrects_nothing(world, apart_s):
    objects = Objects(world.env, clock=lambda: values.START + apart_s)
    objects._heed(answer(values.START))
    assert objects.now() == values.START + apart_s


def test_a_correction_stays_the_same_until_the_clock_is_set(world):
    at = [values.START]
    objects = Objects(world.env, clock=lambda: at[0])
    corrected = []
    for clock, date in ((0.0, 600.0), (0.9, 600.0), (1.0, 602.0), (2.0, 602.0), (604.0, 604.0), (605.0, 605.0)):
        at[0] = values.START + clock
        objects._heed(answer(values.START + date))
        corrected.append(objects.now() - at[0])
    assert corrected == [600.5] * 4 + [0.0] * 2
