"""What `crabwalk bootstrap` says of options that cannot be, before anything is asked of AWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli import run
from pipeline.cli.bootstrap import _show
from pipeline.cli.options import Here
from pipeline.infra.roles import GitHub, Roles

WHOLE = ("--github", "acme/shop")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--github-ref", "refs/heads/main"), ["error: which repository?", "  next: --github ORG/REPO"]),
        (
            (*WHOLE, "--github-org-id", "1"),
            [
                "error: --github-org-id and --github-repo-id are given together or not at all",
                "  next: gh api repos/acme/shop --jq '.owner.id, .id'",
            ],
        ),
        (
            ("--github", "acme/*"),
            ["error: --github: `acme/*` is not possible", "  next: ORG/REPO in GitHub's own spelling"],
        ),
        (
            (*WHOLE, "--github-org-id", "x", "--github-repo-id", "1"),
            ["error: --github-org-id: `x` is not possible", "  next: a number"],
        ),
        (
            (*WHOLE, "--github-ref", "refs/heads/*"),
            [
                "error: --github-ref: `refs/heads/*` is not possible",
                "  next: in full, such as refs/heads/main, without a wildcard",
            ],
        ),
        (
            (*WHOLE, "--github-environment", "a:b"),
            [
                "error: --github-environment: `a:b` is not possible",
                "  next: letters, digits, dots, underscores and hyphens",
            ],
        ),
    ],
)
def test_what_cannot_be_is_said(options: tuple[str, ...], said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bootstrap", "production", *options]) == 2
    assert capsys.readouterr().err.splitlines() == said


@pytest.mark.parametrize("said", ["", ", permissions_boundary: company/limit"])
def test_the_line_that_a_deploy_by_the_role_needs_is_said_until_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    place = f'{{account: "444455556666", region: eu-west-1{said}}}'
    (tmp_path / "crabwalk.yaml").write_text(f"crabwalk: 1\nproject: shop\nenvironments:\n  production: {place}\n")
    monkeypatch.chdir(tmp_path)
    _show(Here("production"), Roles(GitHub("acme/shop", "production", "1", "2"), {"deploy": "arn"}))
    line = "in crabwalk.yaml, for production: permissions_boundary: crabwalk/github-shop-production-services"
    shown = " ".join(capsys.readouterr().err.split())
    assert (line in shown) is (said == "")
