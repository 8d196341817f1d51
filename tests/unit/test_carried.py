from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from pipeline import __version__, carried
from pipeline.cli import run

REPOSITORY = Path(__file__).parents[2]


def test_in_a_checkout_it_is_the_repository() -> None:
    assert carried.carried() == REPOSITORY
    assert (carried.carried() / "modules" / ".terraform.lock.hcl").is_file()


def test_a_project_without_modules_has_those_that_are_carried(tmp_path: Path) -> None:
    assert carried.modules(tmp_path) == REPOSITORY / "modules"
    (tmp_path / "modules" / "somebody-elses").mkdir(parents=True)
    assert carried.modules(tmp_path) == REPOSITORY / "modules", "any folder may be called that"
    (tmp_path / "modules" / ".terraform.lock.hcl").touch()
    assert carried.modules(tmp_path) == tmp_path / "modules"


def test_in_a_wheel_it_lies_beside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried, "_IN_WHEEL", tmp_path)
    assert carried.modules(tmp_path / "project") == tmp_path / "modules"


def test_the_versions_are_told_and_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    packaged = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert first == f"crabwalk {packaged}" == f"crabwalk {__version__}"
    assert second.startswith("manifest format 1, JSON shapes 1, Python 3.")


def test_the_changelog_has_this_version() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text()
    assert f"\n## [{__version__}] - " in text
    assert "\n## [Unreleased]\n" in text
