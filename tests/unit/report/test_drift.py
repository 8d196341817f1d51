"""What is told of drift, word for word."""

from __future__ import annotations

import io
import json
import re

from pipeline.cli.drift import _code
from pipeline.infra.drift import Parted, StackDrift
from pipeline.infra.model import Change
from pipeline.report.console import Console
from pipeline.report.drift import document, show_drift
from pipeline.report.markdown.blocks import COMMENT
from pipeline.report.markdown.drift import markdown


def change(address: str, action: str = "update", *attributes: str) -> Change:
    return Change(f"module.{address}", "aws_x", "hello", action, "at-once", attributes)  # type: ignore[arg-type]


FOUND = (
    StackDrift(
        "web",
        ("health", "hello"),
        declared=True,
        found=Parted(
            drift=(
                change("hello.aws_lambda_function.this", "update", "memory_size", "timeout"),
                change("health.aws_cloudwatch_log_group.this", "delete"),
            ),
            follows=(change("health.aws_iam_role_policy.logs", "update", "policy"),),
            unclaimed=(change("hello.aws_s3_bucket.this", "update", "policy"),),
        ),
    ),
    StackDrift("shop", ("shop",), declared=True, found=Parted(changes=(change("shop_table.aws_x.this", "create"),))),
    StackDrift("old", ("gone",), declared=False, found=Parted()),
    StackDrift("busy", ("b",), declared=True, found=Parted(), error="the state is locked: ci", hint="wait"),
)


def test_for_people() -> None:
    out = io.StringIO()
    show_drift(Console(stdout=out, stderr=out, environ={}, terminal=False), "staging", FOUND)
    assert out.getvalue().splitlines() == [
        "stack web: drifted",
        "  edited hello.aws_lambda_function.this (memory_size, timeout)",
        "  gone health.aws_cloudwatch_log_group.this",
        "  because of it: update health.aws_iam_role_policy.logs (policy)",
        "  next: undo it by hand, or `crabwalk drift web --env staging --reapply` and the next deploy does",
        "stack shop: as it was applied; the manifests want something else by now",
        "  to be changed: create shop_table.aws_x.this",
        "stack old: as it was applied",
        "  no manifest declares it any more: it holds gone",
        "stack busy: could not be looked at",
        "  the state is locked: ci",
        "  next: wait",
    ]


def test_of_an_environment_in_which_nothing_is() -> None:
    out = io.StringIO()
    show_drift(Console(stdout=out, stderr=out, environ={}, terminal=False), "staging", ())
    assert out.getvalue() == "nothing was deployed to `staging` yet\n"


def test_for_machines() -> None:
    told = document("staging", "c0ffee", 6, FOUND)
    assert json.loads(json.dumps(told)) == told
    assert (told["environment"], told["commit"], told["exit"]) == ("staging", "c0ffee", 6)
    web = told["stacks"][0]
    assert list(web) == [
        "stack", "services", "declared", "state", "drift", "follows", "changes", "unclaimed", "error",
    ]  # fmt: skip
    assert web["drift"][1] == {
        "address": "module.health.aws_cloudwatch_log_group.this",
        "type": "aws_x",
        "service": "hello",
        "action": "delete",
        "attributes": [],
    }
    assert [(one["state"], one["declared"], one["error"]) for one in told["stacks"]] == [
        ("drifted", True, None),
        ("changed", True, None),
        ("clean", False, None),
        ("unread", True, "the state is locked: ci"),
    ]


def test_for_an_issue() -> None:
    lines = markdown("staging", "c0ffee" * 7, FOUND).splitlines()
    assert lines[:10] == [
        "## Drift in <code>staging</code>",
        "",
        "1 stack of 4 drifted. Compared with <code>c0ffeec0ffee</code>.",
        "",
        "Undo it by hand, or <code>crabwalk drift --env staging --reapply</code> and the next deploy does.",
        "",
        "### Stacks",
        "",
        "| stack | what | resource |",
        "| --- | --- | --- |",
    ]
    plain = [re.sub(r"</?code>", "`", line).replace("\\", "") for line in lines[10:]]
    assert plain == [
        "| `web` | **edited** | `hello.aws_lambda_function.this (memory_size, timeout)` |",
        "| `web` | **gone** | `health.aws_cloudwatch_log_group.this` |",
        "| `web` | because of it (update) | `health.aws_iam_role_policy.logs (policy)` |",
        "| `busy` | not looked at | the state is locked: ci |",
        "| `shop` | to be changed (create) | `shop_table.aws_x.this` |",
        "| `old` | no manifest any more | gone |",
    ]


def test_an_issue_is_never_longer_than_github_takes() -> None:
    many = Parted(drift=tuple(change(f'hello.aws_sqs_queue.q{n}["`|@you\n"]', "delete") for n in range(5000)))
    made = markdown("staging", "c0ffee", [StackDrift("web", ("hello",), declared=True, found=many)])
    assert len(made) <= COMMENT
    assert "<code>crabwalk drift --env staging</code> shows all." in made
    rows = [line for line in made.splitlines() if line.startswith("| <code>web")]
    assert len(rows) > 300
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 and "@you" not in row for row in rows), (
        "nothing gets out of its cell"
    )


def test_the_exit_code_is_drifts_before_any_other() -> None:
    web, shop, old, busy = FOUND
    assert _code([web, busy]) == 6
    assert _code([shop, old, busy]) == 1
    assert _code([shop, old]) == 0
    assert _code([]) == 0
