"""Services x (built, deployed, invoked, canaried, rolled back): every cell by the service's own trigger.

The tests of this file come in order: each begins where the one before ended.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from catalogue_kit import Catalogue, Use, chosen, traffic, until

from pipeline.manifest import load_services
from pipeline.manifest.models import Service
from pipeline.manifest.project import load_project

ROOT = Path(__file__).resolve().parents[3]
SERVICES = chosen(one.name for one in load_services(load_project(ROOT), None) if one.kind == "function")


@pytest.fixture(scope="module")
def uses() -> dict[str, Use]:
    return {name: Use.of(name) for name in SERVICES}


@pytest.mark.parametrize("name", SERVICES)
def test_it_is_deployed_and_used_through_its_trigger(catalogue: Catalogue, uses: dict[str, Use], name: str) -> None:
    found = catalogue.status(name)
    assert found["state"] == "live"
    call = uses[name].caller(catalogue)
    for number in range(3):
        call(number)
    until(f"{name} was invoked by its trigger", lambda: catalogue.invoked(name)["1"])


def test_a_good_change_of_each_is_promoted_on_its_own_traffic(catalogue: Catalogue, uses: dict[str, Use]) -> None:
    walked = [use for use in uses.values() if isinstance(use.good, tuple)]
    catalogue.edit(*(use.good for use in walked if isinstance(use.good, tuple)))
    catalogue.commit("every service: a harmless change")
    catalogue.build(*(use.name for use in walked))
    with traffic(catalogue, walked) as running:
        done = catalogue.deploy()
    assert done.code == 0, done.said
    ended = {use.name: catalogue.history(use.name)[0]["outcome"] for use in walked}
    assert ended == dict.fromkeys(ended, "promoted"), done.said
    for use in walked:
        assert catalogue.invoked(use.name)["2"], use.name
        assert not running[use.name].faults, (use.name, running[use.name].faults[:3])


@pytest.mark.parametrize("referring", [True, False], ids=["referring", "referred"])
def test_a_bad_change_of_each_is_rolled_back_by_its_own_traffic(
    catalogue: Catalogue, uses: dict[str, Use], referring: bool
) -> None:
    # Who refers to a service that is rolled back is not released at all.
    found = catalogue.services()
    walked = [use for use in uses.values() if isinstance(use.bad, tuple) and refers(found[use.name]) == referring]
    if not walked:
        assert os.environ.get("CATALOGUE"), "there are both kinds among all"
        return
    catalogue.edit(*(use.bad for use in walked if isinstance(use.bad, tuple)))
    catalogue.commit("every service: a change that fails")
    catalogue.build(*(use.name for use in walked))
    with traffic(catalogue, walked):
        done = catalogue.deploy(*(use.name for use in walked))
    assert done.code == 3, done.said
    ended = {use.name: catalogue.history(use.name)[0]["outcome"] for use in walked}
    assert ended == dict.fromkeys(ended, "rolled-back"), done.said
    for name in ended:
        assert (catalogue.alias(name)["FunctionVersion"], catalogue.weights(name)) == ("2", {}), name


def refers(service: Service) -> bool:
    """Whether a service refers to another one."""
    text = service.file.read_text()
    return any(name != service.name for name in re.findall(r"\$\{services\.([a-z0-9-]+)\.", text))


def test_what_cannot_hold_says_why(uses: dict[str, Use]) -> None:
    for use in uses.values():
        for cell in (use.good, use.bad):
            assert isinstance(cell, tuple) or len(cell) > 20, use.name
