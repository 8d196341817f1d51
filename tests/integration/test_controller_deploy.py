"""`deploy --detach` where the controller is Step Functions: no process is left, and the release comes to its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine_kit import until
from shop_kit import TWO_STEPS, Shop

from pipeline.controller.start import installed
from pipeline.local.traffic import Traffic
from pipeline.release.ledger.lease import holder
from pipeline.release.walk.act import Engine

DECLARED = "environments:\n", "environments:\n  local: {controller: step-functions}\n"


@pytest.fixture
def stepped(shop: Shop) -> Iterator[Shop]:
    """The project with the controller declared and installed."""
    text = shop.read("crabwalk.yaml")
    shop.replace("crabwalk.yaml", *DECLARED)
    shop.commit("Step Functions walks")
    made = shop.crabwalk("bootstrap", "local")
    assert made.code == 0, made.said
    yield shop
    shop.write("crabwalk.yaml", text)
    shop.commit("nobody walks by themselves")


def detached(shop: Shop, *arguments: str) -> str:
    """Deploy and return, with the walk begun and no process left; where it is seen."""
    done = shop.deploy("--detach", *arguments)
    assert done.code == 0, done.said
    assert "Step Functions walks it on: arn:aws:states:" in done.said
    assert shop.weights()
    held = holder(Engine(shop.env).objects, "hello")
    assert held is not None
    assert held.living
    assert held.who.startswith("Step Functions (execution ")
    return held.who


def test_good_and_bad_releases_end_with_nobody_there(stepped: Shop, traffic: Traffic) -> None:  # noqa: ARG001
    stepped.change(TWO_STEPS)
    who = detached(stepped)
    assert stepped.status()["walker"] == who
    until(lambda: stepped.history()[0]["outcome"] == "promoted" and not stepped.weights())
    stepped.break_hello()
    detached(stepped, "--retry")  # another test of this process may have had the same change rolled back
    until(lambda: stepped.history()[0]["outcome"] == "rolled-back")
    assert not stepped.weights()
    lease = holder(Engine(stepped.env).objects, "hello")
    assert lease is not None
    assert not lease.nonce
    assert installed(Engine(stepped.env).objects, stepped.env).function.endswith(":1")
