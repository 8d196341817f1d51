"""Where services stand, by the records of stacks, and what manifests say of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.deploying.standing import check_places, displaced, gone, places, standing, told_gone, without
from pipeline.errors import UsageError
from pipeline.release.ledger.records import StackRecord


@dataclass(frozen=True)
class Declared:
    name: str
    stack: str
    file: Path = Path("services/x/service.yaml")


def record(stack: str, *services: str, orphans: tuple[str, ...] = ()) -> StackRecord:
    calls: dict[str, tuple[dict[str, Any], ...]] = {name: ({"name": name},) for name in (*services, *orphans)}
    return StackRecord(stack, "f", {name: {} for name in services}, services, 0.0, "c0ffee", calls)


STACKS = {"web": record("web", "a", "b", orphans=("old",)), "jobs": None, "b": record("b", "b")}


def test_a_service_stands_where_a_record_has_it_released_or_not() -> None:
    assert [places(STACKS, name) for name in ("a", "b", "old", "c")] == [("web",), ("b", "web"), ("web",), ()]
    assert standing(without(record("web", "a", "b"), "a")) == {"b"}


def test_services_that_wait_to_be_moved_and_those_without_a_manifest() -> None:
    declared = (Declared("a", "jobs"), Declared("b", "web"), Declared("c", "web"))
    assert displaced(STACKS, declared) == {"a": "web", "b": "b"}, "one in two stacks is in the middle of a move"
    assert gone(STACKS, {"a", "b"}) == {"old": "web"}
    assert list(told_gone(["old"], "staging")) == ["`old` has no manifest any more; crabwalk destroy old --env staging"]


def test_a_service_is_not_made_a_second_time() -> None:
    services: Any = (Declared("c", "web"), Declared("a", "jobs"))
    with pytest.raises(UsageError, match="`a` stands in the stack `web`, and its manifest names `jobs`") as caught:
        check_places(STACKS, services, "staging")
    assert caught.value.hint == "crabwalk move a --stack jobs --env staging"
    check_places(STACKS, services[:1], "staging")
