"""Whose turn it is: how many at a time, in which order, groups as one, and what happens while nobody walks."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from release_kit import FRESH

from pipeline.deploying.turns import Turns, Unit, apart
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.walk.state import Walk


def walk(name: str, phase: Any = "walking") -> Walk:
    rollout = replace(FRESH, service=name, release_id=name, phase=phase)
    return Walk(ServiceRecord(name), rollout, None)  # type: ignore[arg-type]


def over(one: Walk) -> Walk:
    return replace(one, rollout=replace(one.rollout, phase="promoted"))


@dataclass
class Offers:
    """Offers as a test wants them, and who made them."""

    failing: frozenset[str] = frozenset()
    threads: dict[str, str] = field(default_factory=dict)
    order: list[Unit] = field(default_factory=list)

    def offer(self, name: str) -> str:
        self.threads[name] = threading.current_thread().name
        return name

    def settle(self, unit: Unit, made: Mapping[str, str]) -> list[Walk]:
        assert dict(made) == {name: name for name in unit}
        assert threading.current_thread() is threading.main_thread()
        self.order.append(unit)
        return [walk(name) for name in unit if name not in self.failing]

    def turns(self, units: list[Unit], limit: int) -> Turns[str]:
        return Turns(units, self.offer, self.settle, limit)


def singles(*names: str) -> list[Unit]:
    return [(name,) for name in names]


def test_one_alone_is_offered_where_it_was_asked_for() -> None:
    offers = Offers()
    with offers.turns(singles("a"), 50) as turns:
        assert [one.rollout.service for one in turns.join(())] == ["a"]
        assert turns.join(()) == ()
    assert offers.threads == {"a": "MainThread"}


def test_its_fault_is_raised_there() -> None:
    def offer(_name: str) -> str:
        raise ValueError("no")

    with Turns(singles("a"), offer, Offers().settle, 50) as turns, pytest.raises(ValueError, match="no"):
        turns.join(())


def test_nobody_is_offered_before_there_is_a_place() -> None:
    offers = Offers()
    with offers.turns(singles("a", "b", "c"), 2) as turns:
        walks = list(turns.join(()))
        while len(walks) < 2:
            walks += turns.join(walks)
        assert sorted(offers.threads) == ["a", "b"]
        assert turns.join(walks) == ()
        assert [one.rollout.service for one in turns.join([over(one) for one in walks])] == ["c"]
        assert turns.join(()) == ()


def test_one_that_failed_gives_its_place_to_the_next() -> None:
    offers = Offers(failing=frozenset({"a", "b"}))
    with offers.turns(singles("a", "b", "c"), 1) as turns:
        assert [one.rollout.service for one in turns.join(())] == ["c"]
    assert offers.order == singles("a", "b", "c")


def test_a_group_larger_than_the_limit_begins_as_one_when_nothing_else_is_under_way() -> None:
    offers = Offers()
    with offers.turns([("a",), ("b", "c", "d"), ("e",)], 2) as turns:
        (first,) = turns.join(())
        assert turns.join([first]) == ()
        assert [one.rollout.service for one in turns.join([over(first)])] == ["b", "c", "d"]


def test_what_was_not_begun_is_not_offered_once_it_is_left() -> None:
    offers = Offers()
    with offers.turns(singles("a", "b", "c"), 1) as turns:
        turns.join(())
    assert sorted(offers.threads) == ["a"]


@given(
    st.lists(st.integers(1, 4), max_size=8),
    st.integers(1, 5),
    st.frozensets(st.sampled_from("abcdefgh"), max_size=3),
)
def test_everybody_has_a_turn_in_order_and_never_too_many(
    sizes: list[int], limit: int, failing: frozenset[str]
) -> None:
    units = [tuple(f"{'abcdefgh'[n]}{index}" for index in range(size)) for n, size in enumerate(sizes)]
    offers = Offers(frozenset(f"{letter}0" for letter in failing))
    walks: list[Walk] = []
    with offers.turns(units, limit) as turns:
        while new := turns.join(walks):
            walks += new
            busy = [one.rollout.service for one in walks if not one.finished]
            assert len(busy) <= limit or len({name[0] for name in busy}) == 1
            walks = [over(one) for one in walks]
    assert sorted(offers.order) == sorted(units)
    assert {one.rollout.service for one in walks} == {name for unit in units for name in unit} - offers.failing


def test_stacks_that_refer_to_each_other_come_one_after_the_other() -> None:
    wanted = {"b": {"a"}, "d": {"b", "c"}, "e": {"unknown"}}
    assert apart(["a", "b", "c", "d", "e"], wanted) == (("a", "c", "e"), ("b",), ("d",))
    assert apart(["a", "b"], {"a": {"b"}}) == (("a",), ("b",)), "in the order they were given"
    assert apart([], {}) == ()
