"""The runner's reading of GitHub's expressions."""

from __future__ import annotations

from typing import Any

import pytest
from expression_kit import Contexts

VALUES: dict[str, Any] = {
    "github": {"event": {"pull_request": {"number": 7}}, "repository": "acme/shop"},
    "vars": {},
    "inputs": {"full": True, "environments": ""},
    "env": {"LAST": ""},
}


def contexts(*, success: bool = True) -> Contexts:
    status = {"success": lambda: success, "failure": lambda: not success, "always": lambda: True}
    return Contexts(VALUES, {**status, "cancelled": lambda: False})


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("github.event.pull_request.number", 7),
        ("github.event.issue.number == null", True),
        ('fromJSON(inputs.environments || vars.X || \'["a", "b"]\')[1]', "b"),
        ("fromJSON('[\"a\"]')[1]", None),
        ("inputs.full && '--full' || ''", "--full"),
        ("github.repository == 'Acme/Shop'", True),
        ("env.LAST != ''", False),
        ("!failure() && !cancelled() && (env.LAST == '' || false)", True),
        ("format('{0}-{1}', 'it''s', 2)", "it's-2"),
    ],
)
def test_an_expression_means(code: str, value: Any) -> None:
    assert contexts().value(code) == value


def test_a_condition_without_a_status_function_needs_success() -> None:
    assert contexts().condition("env.LAST == ''")
    assert not contexts(success=False).condition("env.LAST == ''")
    assert contexts(success=False).condition("${{ always() && env.LAST == '' }}")
    assert not contexts(success=False).condition(None)


@pytest.mark.parametrize("code", ["secrets.X", "hashFiles('x')", "github.", "a ~ b", "'x' 'y'"])
def test_what_it_does_not_know_it_refuses(code: str) -> None:
    with pytest.raises(AssertionError):
        contexts().value(code)


def test_text_is_filled_in() -> None:
    assert contexts().text("a-${{ github.event.pull_request.number }}-${{ inputs.none }}") == "a-7-"
    assert contexts().any({"x": ["${{ inputs.full }}"]}) == {"x": [True]}
