"""A plan in its three forms."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace

import pytest

from pipeline.cost.changes import Cost, Item
from pipeline.infra.classify import drift_of, from_document
from pipeline.infra.model import Change
from pipeline.plans.model import Preview, ReleaseShown, SavedShown, ServiceShown, StackShown
from pipeline.plans.saved import SavedStack, StateSeen
from pipeline.report.console import Console
from pipeline.report.markdown.blocks import COMMENT
from pipeline.report.markdown.plan import markdown
from pipeline.report.plan import show_preview
from pipeline.report.plan_json import document

WALKS = Change("module.todos.aws_lambda_function.this", "aws_lambda_function", "todos", "update", "walks", ("timeout",))
GONE = Change("module.todos_table.aws_dynamodb_table.this", "aws_dynamodb_table", "todos", "delete", "destroys")
ROUTE = Change(
    'module.todos_http.aws_apigatewayv2_route.this["GET /a|b"]', "aws_apigatewayv2_route", "todos", "create", "at-once"
)
HAND = Change("module.todos.aws_iam_role.this", "aws_iam_role", "todos", "update", "at-once", ("description",))
FLAG = "--allow-destroy 'module.todos_table.aws_dynamodb_table.this'"
PLAN = Preview(
    project="shop",
    environment="staging",
    commit="c0ffee" * 6 + "c0ff",
    subject="todos: <b>bold</b> @everybody #12 | https://example.invalid",
    services=(
        ServiceShown("todos", True, "a" * 40, (("path", "src/main.rs changed"),), "arm64", "store", "f" * 64),
        ServiceShown("other", False, "b" * 40, ()),
    ),
    stacks=(
        StackShown("todos", True, (WALKS, GONE), then=(ROUTE,), drift=(HAND,), refused=(GONE,), waits=("other",)),
        StackShown("other", False),
    ),
    releases=(
        ReleaseShown(
            "todos", False, "7", ((0.1, 60.0),), "release todos: 10 % for 60 s → 100 %",
            outlook=("at its traffic of last week:",),
        ),
    ),
    costs=(("todos", Cost((Item("+1 alarm", 0.1),), ("log lines",))),),
    warnings=("todos: release r stands at 10 %; it is finished first",),
)  # fmt: skip


def shown(preview: Preview, *, terminal: bool = False, width: int = 120) -> str:
    out = io.StringIO()
    show_preview(
        Console(stdout=out, stderr=io.StringIO(), environ={"NO_COLOR": "1"}, terminal=terminal, width=width), preview
    )
    return out.getvalue()


def test_on_a_terminal_what_takes_away_stands_first() -> None:
    assert shown(PLAN).splitlines() == [
        "c0ffeec0ffee on `staging`: todos: <b>bold</b> @everybody #12 | https://example.invalid",
        "todos: released, because",
        "  - src/main.rs changed",
        "other: not affected since bbbbbbbbbbbb",
        "build todos for arm64: from the store, ffffffffffff",
        "todos in stack todos",
        "when           change",
        "destroys       delete todos_table.aws_dynamodb_table.this",
        "walks          update todos.aws_lambda_function.this (timeout)",
        'after release  create todos_http.aws_apigatewayv2_route.this["GET /a|b"]',
        "drift          differs todos.aws_iam_role.this (description)",
        "stack todos: changes again once other is released",
        "stack other: nothing Terraform manages changed, it does not run",
        "release todos: 10 % for 60 s → 100 %",
        "  publishes version 7",
        "  at its traffic of last week:",
        "cost todos: +0.10 $ a month",
        "  +0.10 $  +1 alarm",
        "  not in it: log lines",
        f"a deploy refuses to destroy what cannot be made again; if that is meant, add: {FLAG}",
    ]


NONE = ReleaseShown("todos", False, None, (), "release todos: none, it is live", none="it is live")


def test_a_plan_that_releases_nothing_says_why_and_what_terraform_does() -> None:
    plan = replace(PLAN, releases=(NONE,), costs=(), warnings=(), stacks=(StackShown("todos", True, (WALKS, ROUTE)),))
    lines = shown(plan).splitlines()
    assert lines[1] == "todos: affected, because"
    assert lines[-2:] == ["release todos: none, it is live", "no release; Terraform changes 2 things"]
    text = markdown(plan)
    assert text.splitlines()[0] == "## shop on <code>staging</code>: no release; Terraform changes 2 things"
    assert "| <code>todos</code> | none | ⏸️ it is live |" in text
    (release,) = document(plan)["releases"]
    assert (release["version"], release["steps"], release["none"]) == (None, [], "it is live")
    assert shown(replace(plan, stacks=(StackShown("todos", True, (ROUTE,)),))).endswith("Terraform changes 1 thing\n")
    nothing = replace(plan, stacks=())
    assert shown(nothing).endswith("nothing to deploy\n")
    assert ": nothing to deploy" in markdown(nothing)


def test_sixty_columns_hold_the_table() -> None:
    text = shown(PLAN, terminal=True, width=60)
    table = re.sub(r"\x1b\[[0-9;]*m", "", text).split("todos in stack todos")[1].split("stack todos:")[0]
    assert max(map(len, table.splitlines())) <= 60
    assert "aws_dynamodb_table" in table.replace("\n", "").replace(" ", "")


def test_what_was_saved_says_how_to_apply_it() -> None:
    text = shown(replace(PLAN, saved=SavedShown("p-1", 0.0)))
    assert text.endswith(
        "saved as p-1, to be applied until 1970-01-01 00:00 UTC:\n  crabwalk deploy --plan p-1 --env staging\n"
    )


def test_json_has_the_documented_keys() -> None:
    made = json.loads(json.dumps(document(PLAN)))
    assert list(made) == [
        "format", "project", "environment", "commit", "subject", "services", "stacks", "releases", "costs",
        "warnings", "saved",
    ]  # fmt: skip
    (stack, _) = made["stacks"]
    assert list(stack) == ["name", "terraform", "changes", "then", "drift", "refused", "waits"]
    assert stack["changes"][0] == {
        "address": WALKS.address,
        "type": "aws_lambda_function",
        "service": "todos",
        "action": "update",
        "effect": "walks",
        "attributes": ["timeout"],
    }
    assert stack["refused"] == [GONE.address]
    assert made["costs"] == [
        {"service": "todos", "monthly": 0.1, "items": [{"what": "+1 alarm", "monthly": 0.1}], "unknown": ["log lines"]}
    ]


def test_no_value_of_an_attribute_is_in_any_form() -> None:
    before, after = ({"environment": [{"variables": {"TOKEN": f"hunter{number}"}}]} for number in (1, 2))
    found = {
        "address": "module.todos.aws_lambda_function.this",
        "type": "aws_lambda_function",
        "change": {"actions": ["update"], "before": before, "after": after, "after_sensitive": {"environment": True}},
    }
    read = {"resource_changes": [found], "resource_drift": [found]}
    changes, drift = from_document(read), drift_of(read)
    assert changes
    assert drift
    kept = SavedStack("f", "p", pending=True, state=StateSeen(), changes=changes, then=changes)
    plan = replace(PLAN, stacks=(StackShown("todos", True, changes, then=changes, drift=drift, refused=changes),))
    forms = (shown(plan), shown(plan, terminal=True), markdown(plan), repr(document(plan)), repr(kept))
    assert all("environment" in text and "hunter" not in text for text in forms)


def well_formed(text: str) -> None:
    """Every block ends where it began, and every row of a table has as many cells as its heading."""
    assert text.count("<details>") == text.count("</details>") == text.count("<summary>") == text.count("</summary>")
    assert text.count("<code>") == text.count("</code>")
    columns = 0
    for line in text.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) - 1 if line.startswith("|") else 0
        assert not columns or not cells or cells == columns, line
        columns = cells


def test_markdown_says_what_matters_first() -> None:
    text = markdown(PLAN)
    well_formed(text)
    lines = text.splitlines()
    assert lines[0] == (
        "## shop on <code>staging</code>: 1 release, 3 changes, ⚠️ 1 that destroy or take away, +0.10 $ a month"
    )
    order = [text.index(f"### {title}") for title in ("❌ A deploy", "⚠️ Destroys or takes away", "Releases", "To know")]
    assert order == sorted(order) < [text.index("<details>")]
    assert "--allow-destroy 'module.todos\\_table" in text
    assert "Too long" not in text
    assert lines[3] == (
        "- Terraform changes: 1 destroying or taking away, 1 walking with the canary, 1 at once, felt by both versions"
    )


def test_foreign_text_is_nothing_but_text() -> None:
    text = markdown(PLAN)
    assert "<b>" not in text
    assert "@everybody" not in text
    assert "#12" not in text
    assert "https://" not in text
    assert "GET /a\\|b" in text


@pytest.mark.parametrize("number", [10, 300, 3_000])
def test_markdown_fits_whatever_happens_and_says_what_it_left_out(number: int) -> None:
    many = tuple(replace(GONE, address=f"module.s{i}.aws_dynamodb_table.this", service=f"s{i}") for i in range(number))
    stacks = tuple(StackShown(f"s{i}", True, changes=many[i : i + 1], refused=many[i : i + 1]) for i in range(number))
    releases = tuple(replace(PLAN.releases[0], name=f"s{i}") for i in range(number))
    text = markdown(replace(PLAN, stacks=stacks, releases=releases, subject="*" * 100_000))
    assert len(text) <= COMMENT
    well_formed(text)
    assert ("Too long for GitHub" in text) is (number > 100)
    if number > 100:
        assert re.search(r"left out: [\d,]+ of Releases; ", text) or "left out: " in text


@pytest.mark.parametrize("limit", [600, 800, 1_200, 2_000, 5_000])
def test_no_limit_breaks_the_markup(limit: int) -> None:
    text = markdown(PLAN, limit)
    assert len(text) <= limit
    well_formed(text)
