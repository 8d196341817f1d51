from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import ConflictError, TerraformError
from pipeline.infra.events import StalePlanError, StateLockedError, failure, outputs, sentence


def hook(kind: str, action: str, seconds: float, address: str = "module.hello.aws_iam_role.this") -> dict[str, Any]:
    return {"type": kind, "hook": {"resource": {"addr": address}, "action": action, "elapsed_seconds": seconds}}


def error(summary: str, detail: str = "", **more: Any) -> dict[str, Any]:
    diagnostic = {"severity": "error", "summary": summary, "detail": detail, **more}
    return {"@level": "error", "type": "diagnostic", "diagnostic": diagnostic}


LOCKED = """operation error S3: PutObject, https response error StatusCode: 412, PreconditionFailed
Lock Info:
  ID:        4fbbbf4d-6a0f-3a0e
  Path:      bucket/terraform/web.tfstate
  Operation: OperationTypeApply
  Who:       ci@runner-7
  Version:   1.11.4
  Created:   2026-11-21 13:00:01.5 +0000 UTC
"""


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (hook("apply_complete", "create", 3), "hello.aws_iam_role.this created (3 s)"),
        (hook("apply_complete", "delete", 0), "hello.aws_iam_role.this destroyed (0 s)"),
        (hook("apply_progress", "update", 10), "hello.aws_iam_role.this still updating (10 s)"),
        (hook("apply_errored", "create", 1), "hello.aws_iam_role.this failed (1 s)"),
        (hook("apply_start", "create", 0), None),
        (hook("a_kind_of_tomorrow", "create", 0), None),
        ({"@level": "warn", "type": "diagnostic", "diagnostic": {"summary": "Deprecated"}}, "warning: Deprecated"),
        ({"@message": "plain text"}, None),
        ({}, None),
    ],
)
def test_sentences(message: dict[str, Any], said: str | None) -> None:
    assert sentence(message) == said


def test_outputs_come_from_the_last_message_that_has_values() -> None:
    planned = {"type": "outputs", "outputs": {"hello": {"action": "create"}}}
    applied = {"type": "outputs", "outputs": {"hello": {"value": {"api_id": "a"}}}}
    assert outputs([planned, applied, {"type": "change_summary"}]) == {"hello": {"api_id": "a"}}
    assert outputs([planned]) is None
    assert outputs([]) is None


def test_an_error_says_terraforms_own_words_and_where() -> None:
    found = failure(
        "plan",
        "/p/.crabwalk/staging/web",
        [error("Invalid value", "must be 128 or more", address="module.hello.aws_lambda_function.this")],
        "",
        1,
    )
    assert type(found) is TerraformError
    assert found.what == "terraform plan failed: hello.aws_lambda_function.this: Invalid value\nmust be 128 or more"
    assert found.where == "/p/.crabwalk/staging/web"


def test_the_snippet_of_a_diagnostic_is_never_shown() -> None:
    snippet = {"code": 'password = "hunter2"', "values": [{"statement": 'is "hunter2"'}]}
    assert "hunter2" not in str(failure("plan", "d", [error("Invalid", snippet=snippet)], "", 1).what)


def test_the_same_fault_of_many_resources_is_said_once() -> None:
    assert failure("plan", "d", [error("No credentials")] * 5, "", 1).what.count("No credentials") == 1


def test_a_locked_state_says_who_holds_it() -> None:
    found = failure("apply", "d", [error("Error acquiring the state lock", LOCKED)], "", 1)
    assert isinstance(found, StateLockedError)
    assert isinstance(found, ConflictError)
    assert isinstance(found, TerraformError)
    assert found.exit_code == 5
    assert found.what == (
        "the state is locked: ci@runner-7 runs Apply since 2026-11-21 13:00:01 (lock 4fbbbf4d-6a0f-3a0e)"
    )
    assert "force-unlock" in str(found.hint)


def test_a_stale_plan_is_a_conflict() -> None:
    found = failure("apply", "d", [error("Saved plan is stale", "changed since")], "", 1)
    assert isinstance(found, StalePlanError)
    assert found.exit_code == 5


@pytest.mark.parametrize(
    ("detail", "hint"),
    [
        ("No valid credential sources found", "AWS_PROFILE"),
        ("ExpiredToken: The security token included in the request is expired", "sign in"),
        ("ResourceAlreadyExistsException: The specified log group already exists", "outside this state"),
        ("AWS account ID not allowed: 999", "another account"),
        ("could not connect: Failed to query available provider packages", "CRABWALK_PROVIDER_MIRROR"),
        ("api error AccessDenied: not authorized to perform lambda:CreateFunction", "lacks this permission"),
        (
            'S3 bucket "x" does not exist.\n\nThe referenced S3 bucket must have been previously created.',
            "crabwalk bootstrap",
        ),
        ("dial tcp 127.0.0.1:4566: connect: connection refused", "crabwalk local status"),
    ],
)
def test_known_faults_say_what_to_do(detail: str, hint: str) -> None:
    assert hint in str(failure("plan", "d", [error("Error", detail)], "", 1).hint)


def test_an_apply_that_fails_half_way_says_what_was_done() -> None:
    messages = [
        hook("apply_complete", "create", 1),
        hook("apply_complete", "read", 0),
        error("creating Lambda Function", "InvalidParameterValue"),
    ]
    found = failure("apply", "d", messages, "", 1)
    assert "1 change was carried out before it (hello.aws_iam_role.this); the state is saved" in found.what
    assert found.hint == "remove the cause; then run the same command again: it goes on from there"


def test_an_apply_that_did_nothing_says_so() -> None:
    assert "nothing was changed" in failure("apply", "d", [error("x")], "", 1).what


def test_a_state_that_could_not_be_saved_comes_before_anything_else() -> None:
    found = failure("apply", "d", [error("Failed to persist state", "written to errored.tfstate")], "", 1)
    assert found.hint == "remove the cause; then run the same command again, in this directory: it saves it first"
    assert "the state is saved" not in found.what


def test_without_a_diagnostic_plain_text_is_shown() -> None:
    assert failure("init", "d", [], "flag provided but not defined: -json\n", 1).what == (
        "terraform init ended with 1: flag provided but not defined: -json"
    )
    assert failure("plan", "d", [{"@message": "panic: x"}], "", 2).what == "terraform plan ended with 2: panic: x"
    assert failure("plan", "d", [], "", -9).what == "terraform plan was ended by signal 9: it said nothing"


def test_where_a_verb_frees_the_lock_it_is_named() -> None:
    found = failure(
        "apply", "d", [error("Error acquiring the state lock", LOCKED)], "", 1, unlock="crabwalk unlock web"
    )
    assert found.hint == "wait for it to end; if its process is dead, `crabwalk unlock web` frees it"
    killed = failure("apply", "d", [], "", -9, unlock="crabwalk unlock web")
    assert killed.hint == "crabwalk unlock web tells whether it left the lock of its state, and frees it"


def test_a_resource_that_does_not_come_to_its_end_in_time_is_named() -> None:
    """The provider's own limits are ten minutes and more, so these are its words as it says them."""
    slow = "waiting for Lambda Function (shop-slow) create: timeout while waiting for state to become 'Active'"
    messages = [
        hook("apply_complete", "create", 1),
        error(f"{slow} (last state: 'Pending', timeout: 10m0s)", address="module.slow.aws_lambda_function.this"),
    ]
    found = failure("apply", "d", messages, "", 1)
    assert "slow.aws_lambda_function.this: waiting for Lambda Function (shop-slow)" in found.what
    assert "1 change was carried out before it (hello.aws_iam_role.this); the state is saved" in found.what
    assert found.hint == (
        "AWS did not finish it in time: look at the resource itself, it may still be at work; "
        "then run the same command again: it goes on from there"
    )
