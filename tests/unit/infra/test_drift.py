"""Drift apart from change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.infra.drift import Parted, StackDrift, parted
from pipeline.infra.model import Change, InfraPlan, Root

ROOT = Root("web", {}, "", {})


def change(name: str, action: Any = "update", *attributes: str) -> Change:
    return Change(f"module.hello.{name}.this", name, "hello", action, "at-once", attributes)


def found(drift: tuple[Change, ...], changes: tuple[Change, ...], *, applied: bool = False) -> Parted:
    return parted(InfraPlan(ROOT, Path(), changes, drift=drift), applied=applied)


def test_what_an_apply_would_put_back_is_drift() -> None:
    edited, gone = change("a", "update", "memory_size"), change("b", "delete")
    assert found((edited, gone), (change("a", "update", "memory_size"), change("b", "create"))) == Parted(
        (edited, gone)
    )


def test_what_no_apply_would_touch_is_unclaimed() -> None:
    answer = change("bucket", "update", "policy")
    assert found((answer,), ()) == Parted(unclaimed=(answer,))
    assert found((answer,), (change("bucket", "update", "tags"),)) == Parted(
        changes=(change("bucket", "update", "tags"),)
    )


def test_what_the_manifests_want_besides_is_change() -> None:
    edited = change("a", "update", "memory_size")
    wanted = (change("a", "update", "memory_size", "timeout"), change("c", "create"))
    assert found((edited,), wanted).changes == (change("a", "update", "timeout"), change("c", "create"))


def test_where_the_manifests_want_nothing_new_the_rest_follows_from_the_drift() -> None:
    gone, policy = change("group", "delete"), change("policy", "update", "policy")
    plan = (change("group", "create"), policy)
    assert found((gone,), plan, applied=True) == Parted((gone,), follows=(policy,))
    assert found((gone,), plan).changes == (policy,)
    assert found((), (policy,), applied=True) == Parted(changes=(policy,))


@pytest.mark.parametrize(
    ("parts", "error", "told"),
    [
        (Parted(), None, "clean"),
        (Parted(unclaimed=(change("a"),)), None, "clean"),
        (Parted(changes=(change("a"),)), None, "changed"),
        (Parted(drift=(change("a"),), changes=(change("b"),)), None, "drifted"),
        (Parted(), "locked", "unread"),
    ],
)
def test_a_stack_in_one_word(parts: Parted, error: str | None, told: str) -> None:
    assert StackDrift("web", ("hello",), declared=True, found=parts, error=error).state == told
