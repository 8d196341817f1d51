"""Waves over three emulated regions: what a failure stops, who goes back, and what a process that died leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import waves_kit
from waves_kit import ONE_BY_ONE, Died, Estate

from pipeline import local
from pipeline.aws import TransientError
from pipeline.errors import AwsError, ConflictError, TerraformError
from pipeline.fleet import waves
from pipeline.fleet.plan import FleetRelease
from pipeline.fleet.record import Asked
from pipeline.manifest.fleets import Fleet, Wave

Make = Callable[..., Estate]


@pytest.fixture
def make(embedded: local.Running, namespace: str, tmp_path: Path) -> Make:
    return lambda fleet=ONE_BY_ONE, **more: waves_kit.estate(embedded, namespace, tmp_path, fleet, **more)


def kept(estate: Estate) -> FleetRelease:
    release = estate.ledger.read().release
    assert release is not None
    return release


def test_a_commit_goes_through_three_regions_wave_by_wave(make: Make) -> None:
    estate = make()
    assert estate.deploy() == 0
    assert estate.versions() == {"a": ["2"], "b": ["2"], "c": ["2"]}
    release = kept(estate)
    assert (release.phase, release.finished, release.back) == ("done", ("a", "b", "c"), ())
    assert [line for line in estate.said.lines if line.startswith("wave")] == [
        "wave `one-box`: a",
        "wave `one-box` carries it; it is watched for 5 s",
        "wave `second`: b",
        "wave `rest`: c",
    ]
    assert estate.deploy() == 0, "again: there is nothing to do"
    assert {one.deploys for one in estate.regions.values()} == {1}
    assert estate.ledger.release(release.id) == release


def test_a_failure_in_the_second_wave_stops_the_third_and_takes_the_first_back(make: Make) -> None:
    estate = make()
    estate.regions["b"].yard.worse("hello")
    assert estate.deploy() == 3
    assert estate.versions() == {"a": ["1"], "b": ["1"], "c": ["1"]}
    release = kept(estate)
    assert (release.phase, release.finished, release.back) == ("stopped", ("a",), ("a",))
    assert release.sentence.startswith("wave `second` failed in `b`: hello: version 2 was rolled back: of ")
    assert estate.regions["c"].deploys == 0
    assert estate.regions["c"].outcomes() == []
    assert estate.regions["b"].outcomes() == [("release", "rolled-back")]
    # What was done to the first is in its own history, with the reason; it is not frozen, so a fix is deployed to it.
    first = estate.regions["a"]
    assert first.outcomes() == [("rollback", "rolled-back"), ("release", "promoted")]
    entry = first.engine.ledger.history("hello", 1)[0]
    assert entry.reason == f"release {release.id} of `local`: {release.sentence}"
    record = first.engine.ledger.service("hello")
    assert (record.frozen, [one.commit for one in record.rejected]) == (None, [release.commit])
    assert estate.deploy() == 3, "the same commit again changes nothing"
    assert [one.deploys for one in estate.regions.values()] == [1, 1, 0]


def test_where_it_is_not_declared_the_first_wave_keeps_it(make: Make) -> None:
    estate = make(Fleet("local", tuple(replace(wave, on_failure="stop") for wave in ONE_BY_ONE.waves)))
    estate.regions["b"].yard.worse("hello")
    assert estate.deploy() == 3
    assert estate.versions() == {"a": ["2"], "b": ["1"], "c": ["1"]}
    assert kept(estate).back == ()


def test_one_wave_goes_side_by_side_and_what_failed_in_one_target_goes_back_in_the_others(make: Make) -> None:
    fleet = Fleet("local", (Wave("all", ("a", "b", "c"), on_failure="roll-back"),))
    estate = make(fleet)
    estate.regions["b"].yard.worse("hello")
    assert estate.deploy() == 3
    assert estate.versions() == {"a": ["1"], "b": ["1"], "c": ["1"]}
    release = kept(estate)
    assert {*release.back} == {*release.finished}


def test_a_look_that_aws_does_not_answer_interrupts_no_walk(make: Make) -> None:
    estate = make()
    deploys = estate.waves()
    asked, answers = deploys.ledger.asked, iter([True, *[False] * 3])

    def away(release: FleetRelease) -> Asked | None:
        if not next(answers, True):
            raise TransientError("could not read s3://…/order.json: AWS did not answer")
        return asked(release)

    deploys.ledger.asked = away  # type: ignore[method-assign]
    assert deploys.execute() == 0
    assert next(answers, None) is None, "it was away while the first wave walked"
    assert estate.versions() == {"a": ["2"], "b": ["2"], "c": ["2"]}


def test_what_nobody_walks_any_more_is_aborted_with_the_wave_that_failed(make: Make) -> None:
    fleet = Fleet("local", (Wave("both", ("a", "b"), on_failure="roll-back"),))
    estate = make(fleet)
    first = estate.regions["a"]
    first.how = {"detach": True}
    estate.regions["b"].yard.worse("hello")
    assert estate.deploy() == 3
    assert (kept(estate).phase, {*kept(estate).failed}) == ("stopped", {"b"})
    assert first.engine.ledger.service("hello").under_way is None
    assert first.outcomes() == [("release", "aborted")]
    alias = first.engine.functions.alias(first.function("hello"), "live")
    assert (alias.version, alias.weights) == ("1", {})


def test_a_target_that_cannot_be_reached_keeps_no_other_from_going_back(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = make()
    estate.regions["c"].yard.worse("hello")
    take_back, away = waves.take_back, True

    def reach(member: Any, target: str, *rest: Any) -> None:
        if target == "b" and away:
            raise AwsError("could not read alias `live`: AWS did not answer")
        take_back(member, target, *rest)

    monkeypatch.setattr(waves, "take_back", reach)
    assert estate.deploy() == 1
    assert estate.versions() == {"a": ["1"], "b": ["2"], "c": ["1"]}
    assert (kept(estate).phase, kept(estate).back) == ("going-back", ("a",))
    assert (
        "warning: b: it could not be taken back: could not read alias `live`: AWS did not answer" in estate.said.lines
    )
    away = False
    assert estate.deploy() == 3
    assert estate.versions() == {"a": ["1"], "b": ["1"], "c": ["1"]}
    assert (kept(estate).phase, kept(estate).back) == ("stopped", ("a", "b"))


def test_who_rolls_back_while_a_wave_is_watched_ends_it(make: Make) -> None:
    estate = make()
    waves = estate.waves()
    pause = waves.board.pause

    def by_hand(seconds: float) -> None:
        pause(seconds)
        one = estate.regions["a"]
        from pipeline.aws.functions import Functions
        from pipeline.release.rollback.rollback import roll_back

        roll_back(Functions(one.engine.env), one.function("hello"), "live", "1")

    waves.board.pause = by_hand  # type: ignore[method-assign]
    assert waves.execute() == 3
    assert estate.versions() == {"a": ["1"], "b": ["1"], "c": ["1"]}
    assert kept(estate).sentence == (
        "wave `one-box` failed in `a`: hello: version 2 was rolled back after it was promoted"
    )
    assert estate.regions["b"].deploys == 0


def test_a_person_ends_it_while_a_wave_is_watched_and_what_was_promoted_stays(make: Make) -> None:
    estate = make()
    waves = estate.waves()
    pause = waves.board.pause

    def asks(seconds: float) -> None:
        pause(seconds)
        estate.ledger.ask(Asked(waves.release.id, "arn:her", "her", "it is enough", 0.0))

    waves.board.pause = asks  # type: ignore[method-assign]
    assert waves.execute() == 3
    assert estate.versions() == {"a": ["2"], "b": ["1"], "c": ["1"]}
    assert kept(estate).sentence == "aborted by arn:her (her): it is enough"


def test_a_target_that_is_worked_on_holds_the_wave_and_is_tried_again(make: Make) -> None:
    estate = make()
    estate.regions["b"].fault = ConflictError("`hello` is being worked on")
    assert estate.deploy() == 5
    assert (kept(estate).phase, kept(estate).wave) == ("walking", 1)
    assert estate.versions() == {"a": ["2"], "b": ["1"], "c": ["1"]}
    estate.regions["b"].fault = None
    assert estate.deploy() == 0
    assert estate.versions() == {"a": ["2"], "b": ["2"], "c": ["2"]}
    assert estate.regions["a"].deploys == 1, "it has it already"


def test_infrastructure_that_cannot_be_applied_fails_the_wave(make: Make) -> None:
    estate = make()
    estate.regions["b"].fault = TerraformError("the quota of roles is reached")
    assert estate.deploy() == 1
    assert kept(estate).failed == {"b": "the quota of roles is reached"}
    assert estate.versions() == {"a": ["1"], "b": ["1"], "c": ["1"]}


def test_the_record_is_written_by_one_process_at_a_time(make: Make) -> None:
    estate = make()
    late = estate.waves()
    assert estate.deploy() == 0
    with pytest.raises(ConflictError, match="was changed by somebody else"):
        late.execute()


WRITES = 6  # a carries it; it is watched; the second wave; it failed; a is back; it is stopped


ALWAYS = [pytest.param(True, True, id="bad-after")]
TABLE = [pytest.param(bad, after, marks=pytest.mark.exhaustive) for bad, after in ((True, False), (False, True))]


@pytest.mark.parametrize(("bad", "after"), [*ALWAYS, *TABLE])
def test_a_process_that_dies_at_any_write_is_gone_on_with_by_the_next_one(
    make: Make, *, bad: bool, after: bool
) -> None:
    """One process after the other dies, before or after each write of the record; the end is the same."""
    estate = make()
    if bad:
        estate.regions["b"].yard.worse("hello")
    deaths = 0
    for number in range(30):
        try:
            code = _dies_at(estate, 1 if after else 2 if number else 1, after=after)
        except Died:
            deaths += 1
            continue
        break
    else:
        raise AssertionError("it never came to an end")
    assert deaths >= WRITES
    assert code == (3 if bad else 0)
    version = "1" if bad else "2"
    assert estate.versions() == {"a": [version], "b": [version], "c": ["1" if bad else "2"]}
    assert kept(estate).phase == ("stopped" if bad else "done")
    if bad:
        assert estate.regions["c"].deploys == 0
        assert [kind for kind, _ in estate.regions["a"].outcomes()].count("rollback") == 1


def _dies_at(estate: Estate, number: int, *, after: bool) -> int:
    """A process that dies at its so many-th write of the record that changes something."""
    waves = estate.waves()
    save, writes = waves.ledger.save, 0

    def dying(release: FleetRelease, etag: str | None) -> str:
        nonlocal writes
        changes = release != waves.ledger.read().release
        writes += changes
        if writes == number and changes and not after:
            raise Died
        made = save(release, etag)
        if writes == number and changes and after:
            raise Died
        return made

    waves.ledger.save = dying  # type: ignore[method-assign]
    return waves.execute()
