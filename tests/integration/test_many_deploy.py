"""A deploy of many services: how many at a time, in which order, and what one's trouble means for the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import edge_kit
import pytest
import yard_kit
from yard_kit import Yard

from pipeline import local
from pipeline.deploying.releasing import Releasing
from pipeline.deploying.run import Run
from pipeline.errors import AwsError
from pipeline.manifest.models import Service

# `b` refers to `a`, `c` to `b`; `d` and `e` to nobody.
NEEDS = {"a": "", "b": "a", "c": "b", "d": "", "e": ""}


@pytest.fixture
def yard(embedded: local.Running, namespace: str) -> Yard:
    return yard_kit.yard(embedded, namespace, NEEDS)


def outcomes(found: dict[str, yard_kit.ReleaseResult]) -> dict[str, str]:
    return {name: one.outcome for name, one in sorted(found.items())}


def sentences(found: dict[str, yard_kit.ReleaseResult]) -> dict[str, str]:
    return {name: one.sentence for name, one in sorted(found.items()) if one.outcome != "promoted"}


def test_a_dependent_walks_after_its_dependency_and_no_more_than_asked_for_at_a_time(
    yard: Yard, tmp_path: Path
) -> None:
    found = yard.deploy([yard.service(name, tmp_path, needs) for name, needs in NEEDS.items()], max_parallel=2)
    assert outcomes(found) == dict.fromkeys("abcde", "promoted"), sentences(found)
    assert yard.most == 2
    assert yard.begun[-2:] == ["b", "c"]
    assert yard.versions(*NEEDS) == ["2"] * 5
    assert {line.partition(": ")[0] for line in yard.said.lines} == set(NEEDS), "whole lines, each with its service"


def test_leases_are_given_back_as_soon_as_nothing_of_a_stack_is_left_to_do(yard: Yard, tmp_path: Path) -> None:
    found = yard.deploy([yard.service(name, tmp_path, needs) for name, needs in NEEDS.items()])
    assert outcomes(found) == dict.fromkeys("abcde", "promoted"), sentences(found)
    assert frozenset("abcde") in yard.held
    assert yard.held[-1] == frozenset("c")


def test_a_shared_stack_keeps_its_leases_until_its_last_service_is_done(yard: Yard, tmp_path: Path) -> None:
    yard.deploy([yard.service(name, tmp_path, NEEDS[name], stack="one") for name in ("a", "b", "c")])
    assert set(yard.held) == {frozenset("abc")}


@pytest.mark.parametrize("trouble", ["walk", "smoke", "offer", "conflict", "busy"])
def test_one_services_trouble_stops_its_dependents_and_nothing_else(yard: Yard, tmp_path: Path, trouble: str) -> None:
    (tmp_path / "fail.json").write_text('{"fail": true}')
    services = [yard.service(name, tmp_path, needs) for name, needs in NEEDS.items()]
    before = None
    if trouble == "walk":
        yard.worse("a")
    elif trouble == "smoke":
        services[0] = yard.service("a", tmp_path, smoke=("fail.json",))
    elif trouble == "offer":
        yard.fleet.raw.delete_alias(FunctionName=yard.function("a"), Name="live")
    elif trouble == "conflict":

        def before(run: Run) -> None:
            yard.fleet.raw.update_function_configuration(FunctionName=yard.function("a"), MemorySize=256)
            edge_kit.settle(yard.fleet.raw, yard.function("a"))
            assert run.leases["a"]

    found = yard.deploy(services, before=before, behind=["a"] if trouble == "busy" else [])
    told = {"walk": "rolled-back", "smoke": "rejected", "offer": "failed", "conflict": "conflict"}
    stopped = {"b": "skipped", "c": "skipped", "d": "promoted", "e": "promoted"}
    assert outcomes(found) == ({"a": told[trouble]} if trouble in told else {}) | stopped
    assert found["b"].sentence == "it refers to `a`, which did not get to what this commit says"
    assert found["c"].sentence == "it refers to `b`, which did not get to what this commit says"
    assert yard.versions("b", "c", "d", "e") == ["1", "1", "2", "2"]


def test_an_alarm_that_does_not_exist_is_found_before_anything_is_uploaded_or_applied(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded: list[str] = []

    def there(_: Releasing, services: Sequence[Service]) -> list[Service]:
        uploaded.extend(one.name for one in services)
        return list(services)

    monkeypatch.setattr(yard_kit.Prepared, "_uploaded", there)
    found = yard.deploy([yard.service("a", tmp_path, alarms=("there-is-none",)), yard.service("d", tmp_path)])
    assert outcomes(found) == {"a": "failed", "d": "promoted"}
    assert found["a"].sentence == "`a` looks at the alarm `there-is-none`, which does not exist"
    assert uploaded == ["d"]


def test_a_group_is_one_across_waves_and_promoted_as_one(yard: Yard, tmp_path: Path) -> None:
    """`c` refers to `b`: as a group they walk side by side, after `a`, which `b` refers to."""
    together = {"b": "shop", "c": "shop"}
    services = [yard.service(name, tmp_path, needs, together.get(name)) for name, needs in NEEDS.items()]
    found = yard.deploy(services, max_parallel=1)
    assert outcomes(found) == dict.fromkeys("abcde", "promoted"), sentences(found)
    assert yard.begun.index("a") < yard.begun.index("b")
    assert yard.most == 2, "a group is not parted by the limit"


@pytest.mark.parametrize("trouble", ["smoke", "offer", "busy"])
def test_where_one_of_a_group_cannot_be_released_the_others_do_not_begin(
    yard: Yard, tmp_path: Path, trouble: str
) -> None:
    (tmp_path / "fail.json").write_text('{"fail": true}')
    smoke = ("fail.json",) if trouble == "smoke" else ()
    services = [
        yard.service("a", tmp_path, together="shop", smoke=smoke),
        yard.service("d", tmp_path, together="shop"),
        yard.service("e", tmp_path),
    ]
    if trouble == "offer":
        yard.fleet.raw.delete_alias(FunctionName=yard.function("a"), Name="live")
    found = yard.deploy(services, behind=["a"] if trouble == "busy" else [])
    assert found["d"].outcome == ("skipped" if trouble == "busy" else "rolled-back")
    assert "`a`, which " in found["d"].sentence.replace("with `a`, which is", "`a`, which is")
    assert found["d"].next == "it is released with the next deploy of its group `shop`" or found["d"].next == (
        "it is tried again with the next deploy of its group `shop`"
    )
    assert (found["e"].outcome, yard.versions("d", "e")) == ("promoted", ["1", "2"])
    assert yard.fleet.record("d").rejected == ()

    # Nothing was wrong with `d`: once `a` can be released, both are.
    if trouble == "offer":
        yard.fleet.raw.create_alias(FunctionName=yard.function("a"), Name="live", FunctionVersion="1")
    again = yard.deploy(
        [yard.service("a", tmp_path, together="shop"), yard.service("d", tmp_path, together="shop")],
        retry=trouble == "smoke",
    )
    assert outcomes(again) == {"a": "promoted", "d": "promoted"}


def test_one_of_a_group_that_was_rolled_back_before_keeps_the_others(yard: Yard, tmp_path: Path) -> None:
    services = [yard.service(name, tmp_path, together="shop") for name in ("a", "d")]
    yard.worse("a")
    assert outcomes(yard.deploy(services)) == {"a": "rolled-back", "d": "rolled-back"}
    found = yard.deploy(services)
    assert outcomes(found) == {"a": "skipped", "d": "skipped"}
    assert found["d"].sentence.startswith("it goes together with `a`, which is not released: release ")
    assert found["d"].next == "it is released with the next deploy of its group `shop`"
    yard.fleet.traffic.clear()
    assert outcomes(yard.deploy(services, retry=True)) == {"a": "promoted", "d": "promoted"}


def test_first_releases_come_before_the_others_of_their_wave(
    embedded: local.Running, namespace: str, tmp_path: Path
) -> None:
    yard = yard_kit.yard(embedded, namespace, {"a": "", "b": "", "n": ""}, first=["n"])
    seen = []

    def before(run: Run) -> None:
        run.refresh = lambda: None  # type: ignore[method-assign]
        run.terraform = lambda stacks: dict(seen.extend(one.stack for one in stacks) or ())  # type: ignore[method-assign]

    found = yard.deploy([yard.service(name, tmp_path) for name in "abn"], before=before)
    assert outcomes(found) == dict.fromkeys("abn", "promoted")
    assert seen == ["n"]
    assert next(iter(found)) == "n"
    assert yard.versions("a", "b", "n") == ["2", "2", "1"]


def test_a_single_services_fault_is_the_deploys(yard: Yard, tmp_path: Path) -> None:
    yard.fleet.raw.delete_alias(FunctionName=yard.function("a"), Name="live")
    with pytest.raises(AwsError, match="could not read alias"):
        yard.deploy([yard.service("a", tmp_path)])


def test_a_record_that_somebody_changed_meanwhile_ends_that_service_only(yard: Yard, tmp_path: Path) -> None:
    """`a` has nothing new, which is to be noted while `d` may be walking."""
    yard.deploy([yard.service("a", tmp_path)])

    def before(run: Run) -> None:
        run.engine.ledger.save(run.engine.ledger.service("a"))

    found = yard.deploy([yard.service("a", tmp_path), yard.service("d", tmp_path)], before=before)
    assert outcomes(found) == {"a": "conflict", "d": "promoted"}
    assert found["a"].sentence == "the record of `a` was changed by somebody else"
