"""The controller's function dies, or meets trouble, at any call of AWS of any look; the machine looks again."""

from __future__ import annotations

from typing import Any

import pytest
from kill_kit import clouds, deaths, troubles
from machine_kit import matrix

WALKS: dict[str, dict[str, Any]] = {
    "good": {},
    "bad": {"bad": 0.5, "ends": "rolled-back"},
    "rolled back by hand": {"ends": "rolled-back", "undone": True},
}


@pytest.mark.parametrize("name", WALKS)
def test_death_at_every_call_of_every_look(name: str) -> None:
    runs = matrix(clouds(), deaths, **WALKS[name])
    assert {run.ended for run in runs} == {WALKS[name].get("ends", "promoted")}
    assert len({run.call for run in runs}) >= 5


@pytest.mark.parametrize(
    "name", [name if name == "bad" else pytest.param(name, marks=pytest.mark.exhaustive) for name in WALKS]
)
def test_trouble_at_every_call_of_every_look(name: str) -> None:
    runs = matrix(clouds(), troubles, **WALKS[name])
    assert {run.ended for run in runs} == {WALKS[name].get("ends", "promoted")}
