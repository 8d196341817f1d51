"""What a saved plan holds to: everything that moved is said, and nothing nobody reviewed is done."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.infra.model import Action, Change
from pipeline.plans.saved import (
    LIFE_S,
    AliasSeen,
    SavedArtifact,
    SavedPlan,
    SavedService,
    SavedStack,
    Seen,
    StateSeen,
    Tools,
    from_json,
    moved,
    outside,
    to_json,
)


def change(address: str, action: Action = "create", *attributes: str) -> Change:
    return Change(
        address, "aws_lambda_permission", "todos", action, "at-once", attributes, (("memory_size", 1.0, None),)
    )


ARTIFACT = SavedArtifact("a" * 64, "qqq=", 1000, 3000, "arm64", "aarch64-unknown-linux-musl", "i")
TOOLS = Tools("0.1.0", "1.11.4", "5.100.0")
SAVED = SavedPlan(
    id="20260101T000000-abcdef",
    created=1_000.0,
    actor="arn:aws:iam::1:user/ada",
    environment="staging",
    account="111122223333",
    commit="c" * 40,
    manifests="m",
    tools=TOOLS,
    only=("todos",),
    base=None,
    retry=False,
    allow_destroy=("module.x",),
    services={"todos": SavedService(ARTIFACT, AliasSeen("4", "revision-4")), "new": SavedService(ARTIFACT, None)},
    stacks={
        "web": SavedStack(
            "f", "p", pending=True, state=StateSeen("line", 7), changes=(change("a"),), then=(change("b"),)
        )
    },
)
SEEN = Seen(
    now=2_000.0,
    environment="staging",
    account="111122223333",
    commit="c" * 40,
    manifests="m",
    tools=TOOLS,
    services=frozenset({"todos", "new"}),
    roots={"web": "f"},
    states={"web": StateSeen("line", 7)},
    aliases={"todos": AliasSeen("4", "revision-4"), "new": None},
)


def test_where_nothing_moved_it_may_be_applied() -> None:
    assert moved(SAVED, SEEN) == ()
    assert moved(SAVED, replace(SEEN, now=SAVED.created + LIFE_S)) == ()


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"now": SAVED.created + LIFE_S + 1}, "it expired at 1970-01-08 00:16 UTC"),
        ({"environment": "production"}, "it was made for `staging` in account 111122223333"),
        ({"account": "1"}, "it was made for `staging` in account 111122223333"),
        ({"commit": "d" * 40}, "it was made from commit cccccccccccc, and this is dddddddddddd"),
        ({"manifests": "n"}, "the manifests are not those it was made from"),
        ({"tools": replace(TOOLS, crabwalk="0.2.0")}, "it was made with crabwalk 0.1.0, and this is 0.2.0"),
        ({"tools": replace(TOOLS, terraform="1.12.0")}, "it was made with Terraform 1.11.4, and this is 1.12.0"),
        ({"tools": replace(TOOLS, provider="")}, "it was made with the AWS provider 5.100.0, and this is none"),
        ({"services": frozenset({"todos"})}, "other services would be released now: it differs in new"),
        (
            {"roots": {}},
            "stack web: what Terraform is to make is not what was planned (modules, values of other services)",
        ),
        ({"states": {"web": StateSeen("line", 8)}}, "stack web: its state moved from serial 7 to serial 8"),
        ({"states": {}}, "stack web: its state moved from serial 7 to none"),
        (
            {"aliases": {"todos": AliasSeen("5", "revision-5"), "new": None}},
            "todos: its alias moved from version 4 (revision) to version 5 (revision)",
        ),
        (
            {"aliases": {"todos": AliasSeen("4", "revision-4"), "new": AliasSeen("1", "r")}},
            "new: its alias moved from none to version 1 (r)",
        ),
        ({"others": ("api",)}, "stack api: Terraform has something to do there now"),
        ({"absent": ("todos",)}, "todos: its artifact is not in the bucket any more"),
    ],
)
def test_whatever_moved_is_said(now: dict[str, Any], said: str) -> None:
    assert moved(SAVED, replace(SEEN, **now)) == (said,)


def test_everything_that_moved_is_said_at_once() -> None:
    both = replace(SEEN, commit="d" * 40, states={})
    assert len(moved(SAVED, both)) == 2


def test_only_what_was_reviewed_is_inside() -> None:
    reviewed = (change("a"), change("b", "update", "timeout", "tags"))
    assert outside(reviewed, reviewed) == ()
    assert outside((change("b", "update", "timeout"),), reviewed) == ()
    for strange in (change("c"), change("a", "delete"), change("b", "update", "policy"), change("b", "create")):
        assert outside((change("a"), strange), reviewed) == (strange,)


def test_it_is_read_back_as_it_was_written() -> None:
    assert from_json(json.loads(json.dumps(to_json(SAVED)))) == SAVED


@pytest.mark.parametrize("data", [{}, {"format": 2}, {"format": 1, "id": "x"}, {**to_json(SAVED), "stacks": {"a": {}}}])
def test_what_is_no_plan_is_not_read(data: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_json(data)
