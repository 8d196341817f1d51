"""What walks of a real alias put on an event bus, read from a queue behind a rule."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import bus_kit
import engine_kit as kit
import pytest
from bus_kit import Heard
from engine_kit import World, finish, rollout_of

from pipeline.errors import AwsError
from pipeline.release.ledger.head import parse
from pipeline.release.rollback.rollback import roll_back
from pipeline.release.verbs.adopt import adopt
from pipeline.release.verbs.steering import Asker
from pipeline.release.walk.walk import run, tick


@pytest.fixture
def bus(embedded, namespace):
    with bus_kit.hearing(embedded, namespace) as heard:
        yield heard


@pytest.fixture
def telling(world, bus) -> World:
    """The world, in an environment that has the bus."""
    return World(replace(world.env, events=bus.name), world.service, world.raw)


@pytest.fixture
def lease(telling):
    with telling.lease() as held:
        yield held


def told(world: World, bus: Heard, count: int) -> list[Any]:
    """The details of what came; they are of one release, and each is its own."""
    world.engine.notices.flush()
    found = [one["detail"] for one in bus.events(count)]
    assert bus.nothing()
    assert {one["release"] for one in found} == {found[0]["release"]}
    assert len({one["id"] for one in found}) == len(found)
    return found


def named(found: list[Any]) -> list[str]:
    return [one["event"] for one in found]


def test_a_good_walk_is_told_with_the_judges_numbers(telling, bus, lease):
    telling.feed.of = kit.traffic()
    finish(telling, telling.walk(telling.begun(), lease))
    found = told(telling, bus, 6)
    assert named(found) == ["start", "step", "verdict", "step", "verdict", "promote"]
    assert [one["traffic"] for one in found] == [0.0, 0.1, 0.1, 0.5, 0.5, 1.0]
    assert [one["verdict"] and one["verdict"]["outcome"] for one in found] == [None, None, *["PASS"] * 4]
    last = found[-1]
    assert last["verdict"]["canary"] == {"n": 960, "bad": 0}
    assert last["sentence"] == rollout_of(telling).sentence
    assert (last["version"], last["stable"], last["step"], last["steps"]) == ("2", "1", None, [0.1, 0.5])


def test_a_bad_version_is_told_with_the_verdict_that_took_it_back(telling, bus, lease):
    telling.feed.of = kit.traffic(bad=0.5)
    finish(telling, telling.walk(telling.begun(), lease))
    found = told(telling, bus, 4)
    assert named(found) == ["start", "step", "verdict", "rollback"]
    verdict, back = found[2:]
    assert (verdict["headline"], verdict["cause"]) == ("FAIL outage of version 2", None)
    assert back["cause"] == "evidence"
    assert (back["verdict"]["outcome"], back["verdict"]["check"]) == ("FAIL", "errors")
    assert back["verdict"]["canary"]["bad"] > 0
    assert back["traffic"] == 0.0


def test_a_verdict_is_told_when_it_changes_also_by_controllers_that_remember_nothing(telling, bus, lease):
    """A function that ticks starts from the ledger each time."""
    telling.feed.of = lambda _version, _metric: 0.0
    walk = telling.walk(telling.begun(), lease)
    while not walk.finished:
        telling.engine.notices.flush()
        telling.engine = telling.controller()
        walk = replace(walk, record=telling.record(), rollout=rollout_of(telling))
        (walk,) = tick(telling.engine, [walk])
        telling.pass_time(1)
    found = told(telling, bus, 4)
    assert named(found) == ["start", "step", "verdict", "rollback"]
    assert found[2]["verdict"]["outcome"] == "INCONCLUSIVE"
    assert found[2]["verdict"]["reason"] == "no data"
    assert found[3]["cause"] == "deadline"


def test_metrics_that_go_and_come_back_are_told_twice_however_long_it_takes(telling, bus, lease):
    walk = telling.walk(telling.begun(), lease)
    telling.feed.of = kit.traffic()
    for round_ in range(9):
        telling.feed.fault = AwsError("could not read CloudWatch metrics: 503") if 2 < round_ < 6 else None
        (walk,) = tick(telling.engine, [walk])
        telling.pass_time(1)
    found = told(telling, bus, 4)
    assert named(found) == ["start", "step", "verdict", "verdict"]
    assert [one["verdict"]["reason"] for one in found[2:]] == ["metrics unavailable", "baking"]


@pytest.mark.parametrize(("state", "cause"), [("frozen", "person"), ("back", "safety net")])
def test_who_moved_the_traffic_back_in_mid_walk_is_told(telling, bus, lease, state, cause):
    telling.feed.of = kit.traffic()

    def undo(_seconds: float) -> None:
        telling.pass_time(1)
        if rollout_of(telling).step == 0 and telling.alias().weights:
            roll_back(telling.engine.functions, kit.FUNCTION, "live", None)
            alias = telling.alias()
            head = parse(alias.description)
            telling.engine.functions.write_alias(alias, alias.version, {}, str(replace(head, state=state)))

    run(telling.engine, [telling.walk(telling.begun(), lease)], telling.look, undo)
    *_, back = told(telling, bus, 3)
    assert (back["event"], back["cause"]) == ("rollback", cause)
    assert back["id"] == f"{back['release']}/rollback/{parse(telling.alias().description).nonce}"


def test_somebody_elses_write_is_a_conflict(telling, bus, lease):
    telling.feed.of = kit.traffic()

    def meddle(_seconds: float) -> None:
        telling.pass_time(1)
        if telling.alias().version == "1":
            telling.meddle("3")

    run(telling.engine, [telling.walk(telling.begun(), lease)], telling.look, meddle)
    found = told(telling, bus, 3)
    assert named(found) == ["start", "step", "conflict"]
    assert "changed by somebody else" in found[-1]["sentence"]


def test_who_takes_over_tells_it(telling, bus, lease):
    telling.feed.of = kit.traffic()
    telling.walking(0)
    telling.engine.notices.flush()
    telling.engine = telling.controller()
    record = telling.engine.take_over(telling.record(), rollout_of(telling))
    run(telling.engine, [telling.walk(record, lease)], telling.look, telling.pass_time)
    assert named(told(telling, bus, 6)) == ["start", "takeover", "verdict", "step", "verdict", "promote"]


def test_a_bus_that_refuses_neither_delays_nor_fails_the_walk(world):
    elsewhere = "arn:aws:events:us-east-1:not-an-account:event-bus/gone"
    telling = World(replace(world.env, events=elsewhere), world.service, world.raw)
    said: list[str] = []
    telling.engine.say = said.append
    telling.feed.of = kit.traffic()
    with telling.lease() as lease:
        assert finish(telling, telling.walk(telling.begun(), lease)).rollout.phase == "promoted"
    telling.engine.notices.flush()
    assert len(said) == 1, said
    assert said[0].startswith("not every event is on its bus: could not put ")


def test_the_rule_of_the_page_picks_rollbacks_for_a_queue(embedded, world, namespace):
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"--event-pattern \\\n  '(.+)'\n", page)
    rule = json.loads(pattern.replace('"production"', '"local"'))
    with bus_kit.hearing(embedded, namespace, rule) as bus:
        telling = World(replace(world.env, events=bus.name), world.service, world.raw)
        telling.feed.of = kit.traffic(bad=0.5)
        with telling.lease() as lease:
            finish(telling, telling.walk(telling.begun(), lease))
        (one,) = told(telling, bus, 1)
    assert (one["event"], one["service"], one["cause"]) == ("rollback", world.service, "evidence")


def test_a_release_that_ends_because_somebody_elses_version_is_adopted(telling, bus):
    telling.walking(0)
    telling.meddle("3")
    adopt(telling.engine, telling.service, telling.function, Asker("arn:ann", None, "by hand"), commit="b" * 40)
    start, over = told(telling, bus, 2)
    assert (start["event"], over["event"], over["cause"]) == ("start", "rollback", "person")
    assert (over["headline"], over["sentence"]) == ("rolled back", rollout_of(telling).sentence)
