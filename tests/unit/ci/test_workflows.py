"""What holds for every workflow and action, whatever it does; actionlint and zizmor look at the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from standin_kit import INPUTS, PINNED

from pipeline import __version__

ROOT = Path(__file__).parents[3]
FILES = sorted(ROOT.glob(".github/workflows/*.yml"))
ACTIONS = sorted(ROOT.glob(".github/actions/*/action.yml"))
NAMES = {"abort", "ci", "deploy", "drift", "promote", "pull-request", "rollback", "watchdog"}
# Contexts that whoever opens a pull request or presses a button writes.
UNTRUSTED = re.compile(r"\$\{\{")


def steps(said: Any) -> Iterator[dict[str, Any]]:
    for job in said["jobs"].values() if "jobs" in said else [said["runs"]]:
        yield from job["steps"]


@pytest.mark.parametrize("file", [*FILES, *ACTIONS], ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_action_is_pinned_with_its_version_beside_it(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if re.search(r"uses: [^$]", line)]
    for line in lines:
        found = re.search(r"uses: (\S+) # v\d+\.\d+\.\d+$", line)
        assert found, line
        pinned = PINNED.fullmatch(found[1])
        assert pinned, line
        assert INPUTS[pinned["name"]][0] == pinned["commit"]


@pytest.mark.parametrize("file", [*FILES, *ACTIONS], ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_no_expression_is_in_a_shell_line_and_crabwalk_gets_the_signals(file: Path) -> None:
    for step in steps(yaml.safe_load(file.read_text())):
        script = step.get("run", "")
        assert not UNTRUSTED.search(script), script
        for line in script.splitlines():
            assert not re.match(r"\s*crabwalk\b", line), f"without exec: {line}"
        if "crabwalk " in script and "exec crabwalk" in script:
            assert script.rstrip().splitlines()[-1].startswith("exec crabwalk "), script


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_permissions_are_each_jobs_own_and_nothing_is_cancelled(file: Path) -> None:
    said = yaml.safe_load(file.read_text())
    assert said["permissions"] == {}
    for key, job in said["jobs"].items():
        assert "permissions" in job, key
        assert "timeout-minutes" in job, key
        group = job.get("concurrency")
        if group is not None:
            assert group["cancel-in-progress"] is False
            assert group.get("queue", "max") == "max"
        release = "deploy --env" in str(job) or file.stem in {"promote", "abort", "rollback"}
        assert not release or group["queue"] == "max", f"{file.stem}: {key} drops what waits"


def test_there_are_these_workflows_and_each_has_a_queue_of_its_own() -> None:
    assert {file.stem for file in FILES} == NAMES
    groups = {}
    for file in FILES:
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            if "concurrency" in job:
                groups.setdefault(file.stem, set()).add(job["concurrency"]["group"].partition("${{")[0])
    assert groups == {
        "abort": {"crabwalk-abort-"},
        "deploy": {"crabwalk-"},
        "drift": {"crabwalk-drift-"},
        "promote": {"crabwalk-promote-"},
        "pull-request": {"crabwalk-plan-"},
        "rollback": {"crabwalk-rollback-"},
        "watchdog": {"crabwalk-watchdog-"},
    }


def test_adopters_get_the_release_that_this_is() -> None:
    inputs = yaml.safe_load((ROOT / ".github/actions/setup/action.yml").read_text())["inputs"]
    assert inputs["version"]["default"] == __version__
