"""Workflow by fault: what is left behind, and who goes on with it. The table is in docs/workflow-faults.md.

`RECORD_WORKFLOW_FAULTS=1` writes the table anew.
"""

from __future__ import annotations

import base64
import os
import platform
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_kit import Hub
from job_kit import SUMMARY_BYTES, Cancel, runs_crabwalk, too_early
from refusing_kit import Refusing, refuses
from shop_kit import HELLO, ONE_STEP, REPOSITORY, Shop
from workflow_kit import Ran

from pipeline import local
from pipeline.aws import client
from pipeline.cli.demo import GOOD

pytestmark = pytest.mark.exhaustive

PAGE = REPOSITORY / "docs/workflow-faults.md"
BUTTONS: dict[str, dict[str, Any]] = {
    "promote": {"services": "hello", "reason": "x"},
    "abort": {"services": "hello", "reason": "x"},
    "rollback": {"service": "hello", "reason": "x"},
}
# The step in which each workflow's verb runs, and its job where it has another name.
VERB = {
    "promote": "Promote",
    "abort": "Abort",
    "rollback": "Roll back",
    "watchdog": "Watch",
    "drift": "Look for drift",
}
SECOND = 'second: {account: "000000000000", region: us-east-1}'
HOST = "arm64" if platform.machine() == "aarch64" else "x86_64"
OVERLAY = f"  second: {{architecture: {HOST}, timeout: 10 s, release: {{steps: []}}}}\n"
rows: list[str] = []


@pytest.fixture(scope="module")
def hub(embedded: local.Running, deployed: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with Hub.of(deployed, embedded, tmp_path_factory.mktemp("github")) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """What the tests noted is what the page says."""
    rows.clear()
    yield
    head, line, rest = PAGE.read_text().partition("|---|---|---|\n")
    if os.environ.get("RECORD_WORKFLOW_FAULTS"):
        after = "\n".join(said for said in rest.splitlines() if not said.startswith("| ")).strip()
        PAGE.write_text(f"{head}{line}" + "".join(f"{row}\n" for row in rows) + f"\n{after}\n")
    missing = [row for row in rows if row not in PAGE.read_text().splitlines()]
    assert missing == []


@pytest.fixture(autouse=True)
def pardoned(shop: Shop) -> None:
    """What the row before rolled back is released again."""
    shop.pardon()


@pytest.fixture(scope="module")
def disk(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the packages of these tests, so that no row compiles: `change` goes back and forth between two."""
    store, shop, before = tmp_path_factory.mktemp("disk") / "store", hub.shop, hub.head
    plain = (REPOSITORY / HELLO).read_text()
    for source in (plain, plain.replace(*GOOD)):
        shop.write(HELLO, source)
        shop.commit("for the store")
        done = shop.crabwalk("build", "--env", "local", "hello", CRABWALK_STORE=str(store))
        assert done.code == 0, done.said
    shop.git("reset", "--quiet", "--hard", before)
    return store


def note(workflow: str, fault: str, outcome: str) -> None:
    rows.append(f"| {workflow} | {fault} | {outcome} |")


def standing(shop: Shop) -> tuple[Any, ...]:
    """What a fault must not change by itself."""
    alias = shop.alias()
    return alias["FunctionVersion"], shop.weights(), alias["RevisionId"], len(shop.history())


def started(hub: Hub, workflow: str, environment: str = "local", **how: Any) -> Ran:
    """Run one of the workflows that act on what is there."""
    if workflow in BUTTONS:
        inputs = {"environment": environment, **BUTTONS[workflow]}
        return hub.run(workflow, "workflow_dispatch", sha=hub.head, inputs=inputs, **how)
    return hub.run(workflow, "schedule", sha=hub.head, **how)


def steps(workflow: str, job: str) -> list[str]:
    said = yaml.safe_load((REPOSITORY / f".github/workflows/{workflow}.yml").read_text())
    return [step.get("name") or step["uses"].partition("@")[0] for step in said["jobs"][job]["steps"]]


def released(ran: Ran) -> bool:
    return ran.results.get("first") == "success"


@pytest.mark.parametrize("workflow", VERB)
def test_a_job_is_cancelled_before_each_of_its_steps(workflow: str, hub: Hub, shop: Shop) -> None:
    names = steps(workflow, workflow)
    for step in names[: names.index(VERB[workflow]) + 1]:
        before = standing(shop)
        job = started(hub, workflow, cancel=Cancel(workflow, step)).one(workflow)
        assert (job.result, standing(shop)) == ("cancelled", before), job.log
        note(workflow, f"cancelled before `{step}`", "nothing happened")


@pytest.mark.parametrize("job", ["affected", "build", "first"])
def test_a_deploy_is_cancelled_before_each_step(job: str, hub: Hub, shop: Shop, disk: Path) -> None:
    sha = shop.change("")
    before = standing(shop)
    for step in dict.fromkeys(steps("deploy", job)):
        if step.startswith("And the second"):
            continue
        ran = hub.run("deploy", "push", sha=sha, cancel=Cancel(job, step), other={"disk": disk})
        assert (ran.results[job], released(ran), standing(shop)) == ("cancelled", False, before), ran.log
        note("deploy", f"`{job}` cancelled before `{step}`", "nothing released; the next deploy does it")
    ran = hub.run("deploy", "push", sha=sha, other={"disk": disk})
    assert released(ran), ran.log
    assert shop.history()[0]["commit"] == sha


@pytest.mark.parametrize("job", ["affected", "plan"])
def test_a_pull_request_is_cancelled_before_each_step(job: str, hub: Hub, shop: Shop) -> None:
    sha = hub.pull_request(lambda: shop.commit("nothing"))
    before = standing(shop)
    for step in steps("pull-request", job):
        hub.api.comments.clear()
        ran = hub.run("pull-request", "pull_request", sha=sha, payload=hub.pull(), cancel=Cancel(job, step))
        assert (ran.results[job], hub.api.comments, standing(shop)) == ("cancelled", [], before), ran.log
        note("pull-request", f"`{job}` cancelled before `{step}`", "no comment, nothing else")


@pytest.mark.usefixtures("traffic")
@pytest.mark.parametrize(("how", "code"), [("INT", 130), ("TERM", 143), ("KILL", -9)])
def test_the_watchdog_takes_the_walk_of_a_job_that_is_gone(
    how: str, code: int, hub: Hub, shop: Shop, disk: Path
) -> None:
    sha = shop.change(ONE_STEP)
    before = shop.alias()["FunctionVersion"]
    cancel = Cancel("first", "Release", hub.walking, how)
    ran = hub.run("deploy", "push", sha=sha, cancel=cancel, other={"disk": disk})
    step = ran.one("first").step("Release")
    assert step.code == code, ran.log
    assert (shop.alias()["FunctionVersion"], list(shop.weights().values())) == (before, [0.1])
    while shop.weights():  # the lease of one that was killed has to run out first
        watched = started(hub, "watchdog")
        assert watched.conclusion == "success", watched.log
    assert shop.history()[0]["outcome"] == "promoted"
    assert shop.history()[0]["commit"] == sha
    told = {"INT": "cancelled", "TERM": "its runner shut down", "KILL": "its runner gone"}[how]
    ended = f"ends with {code}, " if code > 0 else ""
    note(
        "deploy", f"{told} in mid-walk", f"{ended}the walk stays at 10 %, recorded; watchdog.yml takes it and promotes"
    )


def test_a_fork_and_a_bot_get_no_credentials(hub: Hub, shop: Shop) -> None:
    sha = hub.pull_request(lambda: shop.commit("nothing"))
    before = len(hub.github.roles)
    for who, payload in (("fork", hub.pull(fork=True)), ("dependabot", hub.pull(author="dependabot[bot]"))):
        ran = hub.run("pull-request", "pull_request", sha=sha, payload=payload)
        assert (ran.results["plan"], ran.results["no-plan"]) == ("skipped", "success")
        assert "gets no credentials" in ran.one("no-plan").summary
        note(
            "pull-request",
            f"of a {who}",
            "checked and built, no role, no comment; the summary says why there is no plan",
        )
    assert len(hub.github.roles) == before


def test_two_merges_in_a_minute(hub: Hub, shop: Shop, disk: Path) -> None:
    before = len(shop.history())
    shas = [shop.change(""), shop.commit("and another")]
    runs: dict[str, Ran] = {}

    def run(sha: str) -> None:
        runs[sha] = hub.run("deploy", "push", sha=sha, other={"disk": disk})

    threads = [threading.Thread(target=run, args=(sha,)) for sha in shas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    older, newer = (runs[sha].one("first") for sha in shas)
    assert newer.result == "success", newer.log
    assert older.result == "success" or older.step("Release").code == 5, older.log
    assert len(shop.history()) == before + 1
    note("deploy", "two merges in a minute", "one after the other; the change is released once")


def test_an_older_run_comes_after_a_newer_one(hub: Hub, shop: Shop, disk: Path) -> None:
    older, newer = shop.change(""), shop.commit("and another")
    late = hub.run("deploy", "push", sha=older, cancel=Cancel("first", "Release"), other={"disk": disk})
    assert late.conclusion == "cancelled"
    assert released(hub.run("deploy", "push", sha=newer, other={"disk": disk}))
    before = standing(shop)
    again = hub.run("deploy", "push", sha=older, other={"disk": disk})
    assert (again.conclusion, standing(shop)) == ("failure", before), again.log
    note("deploy", "an older run after a newer one", "ends with an error that names the newer commit, nothing changed")


def test_a_run_that_was_dropped_loses_nothing(hub: Hub, shop: Shop) -> None:
    shop.change("")
    newer = shop.commit("and another")
    assert released(hub.run("deploy", "push", sha=newer))  # compiled by its build job
    assert (shop.history()[0]["commit"], shop.history()[0]["outcome"]) == (newer, "promoted")
    note("deploy", "a run dropped by the queue", "the next run releases its change too")


def test_a_frozen_service_stands_in_the_summary(hub: Hub, shop: Shop, disk: Path) -> None:
    shop.promoted_twice()
    hub.press("rollback", **BUTTONS["rollback"])
    ran = hub.run("deploy", "push", sha=shop.change(""), other={"disk": disk})
    assert released(ran), ran.log
    assert "frozen" in ran.one("first").summary
    note(
        "deploy", "a service that a person rolled back", "passed over; the summary says `frozen`, and what unfreezes it"
    )


@pytest.mark.parametrize("workflow", [*VERB, "deploy", "pull-request"])
def test_credentials_that_expired(workflow: str, hub: Hub, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Refusing, "code", "ExpiredToken")
    before = standing(shop)
    with refuses() as url:
        there = {
            "variables": {"CRABWALK_ENVIRONMENTS": '["staging"]'},
            "aws": {**hub.github.aws, "AWS_ENDPOINT_URL": url},
        }
        if workflow == "deploy":
            ran = hub.run("deploy", "push", sha=shop.change(""), other=there)
        elif workflow == "pull-request":
            sha = hub.pull_request(lambda: shop.commit("nothing"))
            ran = hub.run("pull-request", "pull_request", sha=sha, payload=hub.pull(), other=there)
        else:
            ran = started(hub, workflow, "staging", other=there)
    assert (ran.conclusion, standing(shop)) == ("failure", before), ran.log
    assert "ExpiredToken" in ran.log
    assert hub.api.issues == []
    note(workflow, "credentials expired", "ends with 1 and says to sign in again; nothing changed")


def test_a_summary_that_is_full(hub: Hub, shop: Shop, disk: Path) -> None:
    ran = hub.run("deploy", "push", sha=shop.change(""), other={"disk": disk, "filled": SUMMARY_BYTES - 300})
    assert released(ran), ran.log
    job = ran.one("first")
    assert not [one for one in job.annotations if "GITHUB_STEP_SUMMARY" in one]
    assert len(job.summary.encode()) > SUMMARY_BYTES - 400
    note("deploy", "the summary has no room left", "cut and said so, never refused by GitHub; the release goes on")


def test_the_second_environment_gets_the_same_bytes_after_the_approval(hub: Hub, shop: Shop, disk: Path) -> None:
    shop.change("")
    shop.replace("crabwalk.yaml", "environments:\n", f"environments:\n  {SECOND}\n")
    for service in ("hello", "health"):
        shop.write(f"services/{service}/service.yaml", shop.read(f"services/{service}/service.yaml") + OVERLAY)
    sha = shop.commit("a second environment")
    try:
        made = shop.crabwalk("bootstrap", "second", **hub.github.aws)
        assert made.code == 0, made.said
        there = {"disk": disk, "variables": {"CRABWALK_ENVIRONMENTS": '["local", "second"]'}}
        ran = hub.run("deploy", "push", sha=sha, other=there)
        assert set(ran.results.values()) == {"success"}, ran.log
        assert (ran.one("approve").environment, ran.one("last").environment) == ("second-approval", "second")
        functions = client(shop.env, "lambda")
        live = [
            functions.get_function_configuration(FunctionName=f"shop-{env}-hello", Qualifier="live")["CodeSha256"]
            for env in ("local", "second")
        ]
    finally:
        shop.replace("crabwalk.yaml", f"  {SECOND}\n", "")
        shop.walk_in("hello")
        shop.walk_in("health")
        shop.commit("one environment")
    assert live[0] == live[1]
    assert base64.b64decode(live[1]).hex() in hub.github.attested
    note(
        "deploy",
        "two environments",
        "the second gets, after the approval, the bytes that the first got and that are signed",
    )


@pytest.mark.parametrize("how", ["INT", "TERM"])
@pytest.mark.parametrize("workflow", VERB)
def test_a_verb_is_cancelled_as_soon_as_it_runs(workflow: str, how: str, hub: Hub, shop: Shop) -> None:
    """The last: what it rolls back `deploy` would not try again."""
    shop.promoted_twice()
    before = standing(shop)
    ran = started(hub, workflow, cancel=Cancel(workflow, VERB[workflow], runs_crabwalk, how))
    step = ran.one(workflow).step(VERB[workflow])
    early = too_early(step.log)  # as with -2 and -15, when Python had not even begun to start
    assert early or step.code in {130, 143, -2, -15}, step.log
    assert step.seconds < 7.5, "it took GitHub's second signal"
    assert standing(shop) == before or workflow == "rollback", "a rollback may be through already"
    again = started(hub, workflow)
    if workflow in {"promote", "abort"}:
        assert "no release of `hello` is under way" in again.log
    else:
        assert again.conclusion == "success", again.log
    note(
        workflow,
        f"cancelled as its verb begins, by SIG{how}",
        "ends at once, nothing is held, the same can be started again",
    )
