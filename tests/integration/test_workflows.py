"""The workflows, run from their own YAML on this machine against the embedded AWS: one smoke each.

What happens when something goes wrong is in `test_workflow_faults.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import bus_kit
import pytest
from bus_kit import Heard
from github_kit import NAME
from hub_kit import Hub
from job_kit import Cancel
from shop_kit import ONE_STEP, Shop

from pipeline import cache, local

BUS = "shop-releases"


@pytest.fixture(scope="module")
def bus(embedded: local.Running, deployed: Shop) -> Iterator[Heard]:
    """The bus that is told of the project's releases meanwhile, as GitHub is."""
    plain = deployed.read("crabwalk.yaml")
    told = f"{{events: {BUS}, github: {{repository: {NAME}}}}}"
    deployed.write("crabwalk.yaml", plain.replace("environments:\n", f"environments:\n  local: {told}\n"))
    deployed.commit("releases are told of")
    with bus_kit.hearing(embedded, BUS) as heard:
        yield heard
    deployed.write("crabwalk.yaml", plain)
    deployed.commit("nobody is told")


@pytest.fixture(scope="module")
def hub(
    embedded: local.Running,
    deployed: Shop,
    bus: Heard,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Hub]:
    """The deployed project as a repository at GitHub, with the workflows."""
    with Hub.of(deployed, embedded, tmp_path_factory.mktemp("github")) as made:
        yield made


def test_ci_sets_up_and_tests(hub: Hub) -> None:
    ran = hub.run("ci", "push", sha=hub.head, other={"environ": {"MAKEFLAGS": "-n"}})
    assert ran.conclusion == "success", ran.log
    (job,) = ran.jobs["test"]
    assert ".ci/setup.py" in job.step("Set up").log
    assert ".ci/checks.py lint rust pytest" in job.step("Lint, compile and test").log


def test_a_pull_request_is_planned_in_one_comment(hub: Hub, shop: Shop) -> None:
    sha = hub.pull_request(lambda: shop.change(""))
    ran = hub.run("pull-request", "pull_request", sha=sha, payload=hub.pull())
    assert ran.conclusion == "success", ran.log
    (comment,) = hub.api.comments
    assert comment["body"].startswith("<!-- crabwalk shop/local pull-request -->\n")
    assert "hello" in comment["body"]
    assert ran.results == {"affected": "success", "build": "success", "no-plan": "skipped", "plan": "success"}
    assert "hello" in ran.one("plan").summary
    assert {role for _, _, role in hub.github.roles} == {"plan"}


def test_a_fork_gets_no_credentials_and_is_told_so(hub: Hub, shop: Shop) -> None:
    sha = hub.pull_request(lambda: shop.change(""))
    before = len(hub.github.roles), len(hub.api.calls)
    ran = hub.run("pull-request", "pull_request", sha=sha, payload=hub.pull(fork=True))
    assert ran.results == {"affected": "success", "build": "success", "no-plan": "success", "plan": "skipped"}
    assert "gets no credentials" in ran.one("no-plan").summary
    assert (len(hub.github.roles), len(hub.api.calls)) == before


def test_a_call_that_affects_nothing_builds_nothing(hub: Hub, shop: Shop) -> None:
    shop.change("")
    assert shop.deploy("--retry").code == 0
    inputs = {"environments": '["local"]'}
    ran = hub.run("deploy", "workflow_call", sha=hub.head, inputs=inputs, other={"variables": {}})
    assert (ran.results["build"], ran.results["first"]) == ("skipped", "success"), ran.log


def statuses(hub: Hub, sha: str) -> list[str]:
    """What became of the commit; of what gathers before one is sent, only the last is."""
    return [state for state, _ in groupby(hub.api.states("hello", sha))]


def test_a_merge_is_deployed_aborted_promoted_and_rolled_back(hub: Hub, shop: Shop, bus: Heard) -> None:
    """A job that is cancelled in mid-walk leaves the walk to the buttons, and to the watchdog."""
    bus.drain()
    shop.pardon()
    before = shop.alias()["FunctionVersion"]
    sha = shop.change(ONE_STEP)
    disk = cache.directory() / "workflow-store"  # compiled once a machine; test_workflow_faults.py compiles in the job
    assert shop.crabwalk("build", "--env", "local", "hello", CRABWALK_STORE=str(disk)).code == 0
    ran = hub.run("deploy", "push", sha=sha, cancel=Cancel("first", "Release", hub.walking), other={"disk": disk})
    job = ran.one("first")
    assert (job.result, job.step("Release").code) == ("cancelled", 130), ran.log
    assert "stands where it is, recorded" in job.log
    assert list(shop.weights().values()) == [0.1]
    assert ran.results == {**dict.fromkeys(("affected", "build"), "success"), "first": "cancelled"} | dict.fromkeys(
        ("plan", "approve", "last"), "skipped"
    )
    assert set(hub.stored(ran)) == hub.github.attested

    hub.press("abort", services="hello", reason="a drill")
    assert shop.weights() == {}
    assert statuses(hub, sha) == ["in_progress", "failure"]

    walking = shop.start("deploy", "--env", "local", "--retry", "--prebuilt", CRABWALK_STORE=str(hub.store(ran)))
    shop.until_walking(walking)
    hub.press("promote", services="hello", full=True, reason='it\'s "fine"; $(touch x) `touch y`')
    assert walking.end().code == 0
    assert shop.alias()["FunctionVersion"] != before
    assert shop.history()[0]["orders"][0]["reason"] == 'it\'s "fine"; $(touch x) `touch y`'

    rolled = hub.press("rollback", service="hello", to="", reason="it burns")
    assert shop.alias()["FunctionVersion"] == before
    assert {step.name for step in rolled.steps if step.outcome == "skipped"} == {
        "Install Rust",
        "taiki-e/install-action",
        "hashicorp/setup-terraform",
    }
    assert "hello" in rolled.summary
    # What walked outside of a job had no token; the button found the deployment again.
    assert statuses(hub, sha) == ["in_progress", "failure", "inactive"]
    told = [one["detail"] for one in bus.drain()]
    assert [one["event"] for one in told if one["event"] not in {"takeover", "verdict"}] == [
        *("start", "step", "abort"),
        *("start", "step", "promote", "rollback"),
    ]
    assert told[-1]["by"]["reason"] == "it burns"
    assert told[-1]["links"]["run"].startswith(f"https://github.com/{NAME}/actions/runs/")


def test_the_watchdog_finds_nothing_to_do(hub: Hub, shop: Shop) -> None:
    assert shop.weights() == {}
    ran = hub.run("watchdog", "schedule", sha=hub.head)
    assert ran.conclusion == "success", ran.log
    assert "nothing is under way in `local`" in ran.one("watchdog").log


def test_drift_is_looked_for_and_no_issue_opened(hub: Hub) -> None:
    ran = hub.run("drift", "schedule", sha=hub.head)
    assert ran.conclusion == "success", ran.log
    assert "nothing to say" in ran.one("drift").step("Keep the issue").log
    assert hub.api.issues == []
