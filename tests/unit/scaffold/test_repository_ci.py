from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.scaffold.repository.ci import files

CARRIED = {
    ".github/workflows/ci.yml": "the tests of crabwalk",
    ".github/workflows/deploy.yml": "deploy",
    ".github/actions/setup/action.yml": "setup",
    ".github/actionlint.yaml": "what lints crabwalk's own",
    "presets/gitlab/crabwalk.yml": "gitlab",
    "presets/buildkite/crabwalk.yml": "buildkite",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in CARRIED.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("system", "found"),
    [
        ("github", {".github/workflows/deploy.yml": "deploy", ".github/actions/setup/action.yml": "setup"}),
        ("gitlab", {".gitlab-ci.yml": "gitlab"}),
        ("buildkite", {".buildkite/pipeline.yml": "buildkite"}),
        ("none", {}),
    ],
)
def test_files_go_where_the_system_reads_them(source: Path, system: str, found: dict[str, str]) -> None:
    assert files(source, system) == found


def test_of_several_presets_each_keeps_its_name(source: Path) -> None:
    (source / "presets/buildkite/steps.yml").write_text("steps")
    assert files(source, "buildkite") == {".buildkite/crabwalk.yml": "buildkite", ".buildkite/steps.yml": "steps"}
