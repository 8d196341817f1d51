"""Which versions and zips stay, from every reason there is; nothing that could still be needed goes."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_kit import FRESH, NONCE, alias, described, walking

from pipeline.aws.aliases import AliasState
from pipeline.aws.versions import Version
from pipeline.release.ledger.head import Head, parse
from pipeline.release.ledger.prune import Facts, hexadecimal, needed_by_others, plan_prune, reasons
from pipeline.release.ledger.records import Entry, Released, ServiceRecord


def sha(number: int) -> str:
    """The zip of a version, as the bucket names it."""
    return f"{number:064x}"


def version(number: int, of: int | None = None) -> Version:
    code = base64.b64encode(bytes.fromhex(sha(number if of is None else of))).decode()
    return Version(str(number), "", code, 1000.0 + number, 1_000_000)


def promoted(number: int, outcome: str = "promoted") -> Entry:
    return Entry(
        kind="release",
        release_id=f"r{number:04}",
        service="hello",
        environment="e",
        outcome=outcome,
        stable=str(number - 1),
        candidate=str(number),
        commit=None,
        subject="",
        artifact=sha(number),
        actor="me",
        claimed_actor=None,
        started=0,
        ended=0,
        reason="",
        sentence="",
    )


def live(number: int, previous: int | None, **more: Any) -> AliasState:
    state = more.pop("state", "live")
    return described(Head(state, "r", str(number), None, 0.0, str(previous) if previous else None, None, NONCE, **more))


def facts(count: int = 10, **more: Any) -> Facts:
    """Versions 1 to `count`, each promoted after the other, the last one live."""
    plain: dict[str, Any] = {
        "service": "hello",
        "function": "shop-e-hello",
        "versions": tuple(version(number) for number in range(1, count + 1)),
        "aliases": (live(count, count - 1),),
        "record": ServiceRecord("hello"),
        "history": tuple(promoted(number) for number in range(count, 0, -1)),
        "stored": frozenset(sha(number) for number in range(1, count + 1)),
    }
    return Facts(**{**plain, **more})


def test_the_last_promoted_stay_and_the_others_go() -> None:
    plan = plan_prune(facts(), {}, keep=3)
    assert plan.deletes == ("1", "2", "3", "4", "5", "6", "7")
    assert [(one.name, one.why) for one in plan.versions if one.keep] == [
        ("8", "among the last 3 promoted"),
        ("9", "`rollback` goes back to it (alias `live`)"),
        ("10", "alias `live` sends it 100 %"),
    ]
    assert plan.frees == tuple(sha(number) for number in range(1, 8))
    assert {one.why for one in plan.versions if not one.keep} == {"not among the last 3 promoted"}


def test_every_alias_and_both_sides_of_a_split_stay() -> None:
    aliases = (alias("2", {"1": 0.25}), replace(alias("4"), name="partner"))
    why = reasons(facts(aliases=aliases), 1)
    assert why["2"] == "alias `live` sends it 75 %"
    assert why["1"] == "alias `live` sends it 25 %"
    assert why["4"] == "alias `partner` sends it 100 %"


def test_what_a_rollback_goes_back_to_and_what_was_rolled_back_stay() -> None:
    assert reasons(facts(aliases=(live(10, 2),)), 1)["2"] == "`rollback` goes back to it (alias `live`)"
    for state in ("back", "frozen"):
        why = reasons(facts(aliases=(live(9, None, state=state, origin="3"),)), 1)["3"]
        assert why == "it was rolled back (alias `live`), and is known by that not to be tried again"


def test_a_description_that_is_not_trusted_counts_all_the_same() -> None:
    """Somebody moved the alias by hand: what the description names is what a person will look for."""
    meddled = alias("5", {}, live(10, 2).description)
    assert {"5", "10", "2"} <= set(reasons(facts(aliases=(meddled,)), 1))


def test_a_release_under_way_keeps_its_versions_and_its_zip() -> None:
    rollout = replace(walking(previous="1"), stable="2", candidate="3", artifact=sha(77))
    seen = facts(record=ServiceRecord("hello", rollout=rollout), stored=frozenset({sha(77)}), versions=(version(4),))
    why = reasons(facts(record=seen.record), 1)
    assert {why[number] for number in "123"} == {f"release {FRESH.release_id} is under way"}
    over = ServiceRecord("hello", rollout=replace(rollout, phase="promoted"))
    assert not {"1", "2", "3"} & set(reasons(facts(record=over), 1))
    used = replace(seen, history=(replace(promoted(3), artifact=sha(77)),))
    assert plan_prune(used, {}).frees == ()


def test_a_rolled_back_version_is_not_among_the_promoted() -> None:
    history = (promoted(10), promoted(9, "rolled-back"), promoted(8), promoted(7))
    plan = plan_prune(facts(history=history, aliases=(live(10, 8),)), {}, keep=2)
    assert [one.name for one in plan.versions if one.keep] == ["8", "10"]


def test_where_the_history_knows_few_the_newest_stay() -> None:
    plan = plan_prune(facts(history=(), aliases=(alias("4"),)), {}, keep=3)
    assert [one.name for one in plan.versions if one.keep] == ["4", "8", "9", "10"]


def test_a_version_of_an_old_promotion_that_is_promoted_again_counts_once() -> None:
    history = (promoted(3), promoted(10), promoted(3), promoted(2), promoted(1))
    plan = plan_prune(facts(history=history, aliases=(live(3, 10),)), {}, keep=3)
    assert [one.name for one in plan.versions if one.keep] == ["2", "3", "10"]


def test_a_zip_stays_while_anything_is_made_of_it() -> None:
    history = (replace(promoted(2), artifact=sha(1)),)
    same = facts(versions=(version(1), version(2, of=1), version(3)), aliases=(live(2, None),), history=history)
    plan = plan_prune(same, {}, keep=1)
    assert plan.deletes == ("1", "3")
    assert plan.frees == (sha(3),)
    assert [one.why for one in plan.artifacts if one.keep] == ["version 2 stays"]
    last = Released("r", "99", "c", sha(3), "", 0.0)
    assert plan_prune(replace(same, record=ServiceRecord("hello", promoted=last)), {}, keep=1).frees == ()


def test_zips_that_others_need_stay() -> None:
    other = facts(service="other", versions=(version(7, of=2),), aliases=(live(7, None),), history=())
    states = {"terraform/s.tfstate": state("artifacts/" + sha(1) + ".zip", "artifacts/not-built.zip", None)}
    needed = needed_by_others([other], states, keep=1)
    assert needed == {
        sha(2): "other: version 7 stays",
        sha(1): "the Terraform state terraform/s.tfstate names it",
        "not-built": "the Terraform state terraform/s.tfstate names it",
    }
    plan = plan_prune(facts(4), needed, keep=1)
    assert plan.deletes == ("1", "2")
    assert plan.frees == ()
    assert {one.name: one.why for one in plan.artifacts}[sha(1)] == "the Terraform state terraform/s.tfstate names it"


def test_a_state_that_cannot_be_read_is_not_taken_for_an_empty_one() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        needed_by_others([], {"terraform/s.tfstate": b"<html>"})


def test_only_zips_that_this_service_ever_had_are_looked_at() -> None:
    plan = plan_prune(facts(stored=frozenset({sha(1), sha(500)})), {}, keep=1)
    assert [one.name for one in plan.artifacts] == [sha(1)]


@pytest.mark.parametrize("text", ["", "what is this", "=", "ü"])
def test_what_is_no_digest_names_no_zip(text: str) -> None:
    assert hexadecimal(text) == ""


def state(*keys: str | None) -> bytes:
    instances = [{"attributes": {"s3_key": key}} for key in keys]
    return json.dumps({"resources": [{"type": "aws_lambda_function", "instances": instances}, {}]}).encode()


numbers = st.integers(1, 12)


@st.composite
def worlds(draw: st.DrawFn) -> Facts:
    there = draw(st.sets(numbers, min_size=1))
    extra = draw(st.none() | numbers)
    pick = draw(numbers)
    head = Head("live", "r", str(pick), None, 0.0, draw(st.none() | numbers.map(str)), None, NONCE)
    weights = {str(extra): 0.1} if extra is not None and extra != pick else {}
    rollout = draw(st.none() | st.just(walking()))
    return facts(
        versions=tuple(version(number, of=draw(numbers)) for number in sorted(there)),
        aliases=(alias(str(pick), weights, draw(st.sampled_from([str(head), "words"]))),),
        record=ServiceRecord("hello", rollout=rollout),
        history=tuple(promoted(number) for number in draw(st.lists(numbers))),
        stored=frozenset(sha(number) for number in draw(st.sets(numbers))),
    )


@settings(derandomize=True, max_examples=300, database=None)
@given(worlds(), st.integers(1, 6), st.sets(numbers))
def test_nothing_that_is_needed_ever_goes(world: Facts, keep: int, needed: set[int]) -> None:
    plan = plan_prune(world, {sha(number): "other" for number in needed}, keep)
    (only,) = world.aliases
    gone = set(plan.deletes)
    assert not gone & {only.version, *only.weights}
    head = parse(only.description)
    assert head is None or head.previous not in gone
    if world.record.under_way is not None:
        assert not gone & {world.record.under_way.candidate, world.record.under_way.stable}
    stays = [one for one in world.versions if one.number not in gone]
    assert len(stays) >= min(keep, len(world.versions))
    assert not set(plan.frees) & {hexadecimal(one.code_sha256) for one in stays}
    assert not set(plan.frees) & {sha(number) for number in needed}
