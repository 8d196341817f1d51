"""Every module applied for real, as its README says it is used: all in one root, and no change in a second plan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import modules_kit as kit
import pytest

from pipeline import local
from pipeline.manifest.project import Environment


@dataclass(frozen=True)
class Applied:
    """All usages, made; what the root says of them."""

    usages: kit.Usage
    running: local.Running
    outputs: dict[str, Any]


@pytest.fixture(scope="module")
def env(embedded: local.Running) -> Environment:
    return kit.environment(embedded)


@pytest.fixture(scope="module")
def applied(embedded: local.Running, env: Environment, tmp_path_factory: pytest.TempPathFactory) -> Applied:
    usages = kit.Usage(env, tmp_path_factory.mktemp("usages"), tuple(kit.NAMES))
    return Applied(usages, embedded, usages.apply())


# Before the one root that holds them all, because both use the same names.
@pytest.mark.exhaustive
@pytest.mark.parametrize("name", kit.NAMES)
def test_a_module_by_itself_comes_settles_and_goes(env: Environment, tmp_path: Path, name: str) -> None:
    usage = kit.Usage(env, tmp_path, (name,))
    try:
        usage.apply()
        assert usage.differences() == []
    finally:
        left = usage.destroy()
    assert left == []


def test_all_modules_in_one_root_change_nothing_in_a_second_plan(applied: Applied) -> None:
    assert applied.usages.differences() == []


def test_what_a_usage_must_be_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kit, "MODULES", tmp_path)
    (tmp_path / "queue").mkdir()

    def wrong(text: str, section: str = "## Usage\n") -> str:
        (tmp_path / "queue" / "README.md").write_text(f"# queue\n{section}\n```hcl\n{text}\n```\n## Inputs\n")
        with pytest.raises(ValueError, match=re.escape("queue")) as fault:
            kit.usage("queue")
        return str(fault.value)

    call = 'module "queue" {\n  source = "./modules/queue"\n}'
    assert "has 0" in wrong(call, section="## Use\n")
    assert "has 2" in wrong(f"{call}\n```\n\n```hcl\n{call}")
    assert "leave `terraform` and `provider`" in wrong(f'provider "aws" {{\n}}\n{call}')
    assert "does not call" in wrong('module "queue" {\n  source = "../queue"\n}')
    assert "`other`" in wrong(f'{call}\nresource "aws_sqs_queue" "other" {{\n}}')
