"""The real verbs, a real service and Terraform in three emulated regions: what fails in the second, what is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from estate_kit import ONE, Estate
from shop_kit import PATIENCE_S, Verb

from pipeline import local

pytestmark = pytest.mark.exhaustive
SECOND = {target: {"2": 1.0} for target in "abc"}


@pytest.fixture(scope="module")
def estate(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Estate:  # noqa: ARG001
    """`hello`, released in three regions by its first deploy."""
    made = Estate.make(tmp_path_factory.mktemp("estate") / "repository", "estate", services=ONE)
    done = made.start("deploy", "--env", "local").end(900)
    assert done.code == 0, done.said
    return made


def until(verb: Verb, seen: Callable[[], bool]) -> None:
    """Wait until something is so while the verb runs."""
    deadline = time.monotonic() + PATIENCE_S
    while verb.process.poll() is None and time.monotonic() < deadline:
        if seen():
            return
        time.sleep(0.1)
    raise verb.failed("it did not come to that")


def killed(verb: Verb) -> None:
    """As if its machine had gone."""
    os.kill(verb.process.pid, signal.SIGKILL)
    verb.process.wait()


def test_a_commit_that_is_worse_in_the_second_region_never_reaches_the_third(estate: Estate) -> None:
    def walking(target: str) -> Callable[[], bool]:
        return lambda: estate.target(target)["state"] == "walking"

    def state() -> dict[str, Any]:
        return dict(estate.fleet()["release"])

    # Good first: its deploy is killed while the second region walks, and again between two waves.
    better = estate.better()
    with estate.traffic():
        verb = estate.start("deploy", "--env", "local")
        until(verb, walking("b"))
        killed(verb)
        assert (state()["phase"], state()["wave"], state()["finished"]) == ("walking", 1, ["a"])
        verb = estate.start("deploy", "--env", "local")
        until(verb, lambda: state()["finished"] == ["a", "b"])
        killed(verb)
        done = estate.crabwalk("deploy", "--env", "local", "--output", "json")
    assert done.code == 0, done.said
    assert (done.json["release"]["phase"], done.json["release"]["commit"]) == ("done", better)
    assert estate.shares() == SECOND

    worse = estate.worse()
    with estate.traffic():
        done = estate.crabwalk("deploy", "--env", "local")
    assert done.code == 3, done.said
    assert estate.shares() == SECOND
    assert "wave `second` failed in `b`: hello: version 3 was rolled back" in done.out
    lines = [line.split() for line in done.lines if line.startswith(("one-box", "second ", "rest "))]
    assert [(line[0], line[1], " ".join(line[-2:])) for line in lines] == [
        ("one-box", "a", "taken back"),
        ("second", "b", "back failed"),
        ("rest", "c", "not begun"),
    ]
    history = estate.crabwalk("history", "--env", "local", "--output", "json").json["entries"]
    mine = [one for one in history if one["commit"] == worse or one["kind"] == "rollback"]
    found = {(one["environment"], one["kind"], one["outcome"]) for one in mine}
    assert found >= {("local-a", "rollback", "rolled-back"), ("local-b", "release", "rolled-back")}
    assert not [one for one in found if one[0] == "local-c"]
    plan = estate.crabwalk("plan", "--env", "local")
    assert plan.code == 0, plan.said
    assert [line for line in plan.lines if line.startswith("wave ")] == [
        "wave `one-box`, target a",
        "wave `second`, target b",
        "wave `rest`, target c",
    ]
    affected = estate.crabwalk("affected", "--env", "local", "--output", "json").json["services"]
    assert [(one["service"], one["affected"]) for one in affected] == [("hello", True)]
    again = estate.crabwalk("deploy", "--env", "local")
    assert (again.code, estate.shares()) == (3, SECOND)


def test_interrupted_it_says_how_to_go_on_and_gives_its_lease_back(estate: Estate) -> None:
    estate.walk()
    estate.replace("services/hello/service.yaml", "memory: 128 MB", "memory: 160 MB")
    estate.commit("hello: another size")
    with estate.traffic():
        verb = estate.start("deploy", "--env", "local")
        until(verb, lambda: estate.target("a")["state"] == "walking")
        done = verb.signal(signal.SIGINT)
        assert done.code == 130, done.said
        assert "`crabwalk deploy --env local` goes on with it" in done.err
        began = time.monotonic()
        done = estate.crabwalk("abort", "--env", "local", "--reason", "not today")
    assert done.code == 0, done.said
    assert time.monotonic() - began < PATIENCE_S
    assert estate.fleet()["release"]["phase"] == "stopped"
    assert estate.shares() == SECOND
