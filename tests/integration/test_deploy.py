"""Releases through the real verbs on the embedded AWS: a good change, a bad one, what is refused before any traffic."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from shop_kit import ONE_STEP, Shop

from pipeline.aws import client
from pipeline.deploying.setting import read_setting
from pipeline.deploying.stacks import plan_stack
from pipeline.infra import plan_infra, stack_directory
from pipeline.local.traffic import Traffic
from pipeline.manifest import load_services
from pipeline.manifest.project import load_project
from pipeline.release.walk.act import Engine
from pipeline.workspace.git import Repository

RELEASE_KEYS = [
    "service",
    "environment",
    "release_id",
    "outcome",
    "stable",
    "candidate",
    "commit",
    "duration_s",
    "sentence",
    "check",
    "canary",
    "baseline",
    "next",
    "url",
]


@pytest.mark.usefixtures("traffic")
def test_a_good_change_is_walked_to_all_traffic(shop: Shop) -> None:
    before = shop.alias()["FunctionVersion"]
    commit = shop.change()
    done = shop.deploy("--output", "json", "--retry")
    assert done.code == 0, done.said

    said = [re.sub(r"^\d\d:\d\d:\d\dZ ", "", line) for line in done.err.splitlines()]
    assert said[0] == "health: not affected"
    assert said[1].startswith("hello: affected: ")
    assert "services/hello/src/main.rs changed" in said[1]
    assert "stack web: nothing Terraform manages changed, it does not run" in said
    assert not [line for line in said if "terraform init" in line]

    answer = done.json
    (release,) = answer.pop("releases")
    assert answer == {"commit": commit, "environment": "local", "exit": 0}
    assert list(release) == RELEASE_KEYS
    assert (release["service"], release["outcome"], release["commit"]) == ("hello", "promoted", commit)
    assert (release["stable"], release["check"]) == (before, None)
    assert release["canary"]["n"] >= 20
    assert release["canary"]["bad"] == 0
    assert release["baseline"]["n"] > release["canary"]["n"] / 2

    alias = shop.alias()
    assert alias["FunctionVersion"] == release["candidate"] != before
    assert "RoutingConfig" not in alias or not alias["RoutingConfig"].get("AdditionalVersionWeights")
    entry = shop.history()[0]
    assert (entry["kind"], entry["outcome"], entry["commit"]) == ("release", "promoted", commit)
    assert (entry["stable"], entry["candidate"]) == (before, release["candidate"])
    assert entry["actor"].startswith("arn:aws:iam::000000000000:")
    assert [step["traffic"] for step in entry["steps"]] == [0.1, 0.5, 1.0]
    again = shop.deploy()
    assert (again.code, again.lines[-1]) == (0, f"nothing to deploy: {commit[:12]} affects no service in `local`")


def told(shop: Shop, summary: str, commit: str, page: Path) -> None:
    """What the job's summary, the report's page and its JSON tell of a release that was rolled back just now."""
    assert summary.startswith("## shop on <code>local</code>: 1 rolled back\n")
    assert f"Commit <code>{commit[:12]}</code>: hello: refuse some names" in summary
    assert re.search(r"\| <code>hello</code> \| ❌ rolled back \| \d+ → \d+ \| ", summary)
    assert "\nxychart-beta\n" in summary
    assert re.search(r"\| <code>hello</code> \| [\d,.]+ kB \| [+-][\d,]+ B(?: \([+-][\d.]+%\))? \|", summary)
    assert "- <code>hello</code>: " in summary
    found = shop.crabwalk("report", "hello", "--html", str(page), "--output", "json").json
    assert (found["release"]["commit"], found["under_way"], found["missing"]) == (commit, False, [])
    assert [one["signal"] for one in found["signals"]] == ["errors", "failures"]
    errors = found["signals"][0]["periods"]
    evidence = found["release"]["evidence"]
    assert sum(one["canary"]["bad"] for one in errors) >= evidence["canary"]["bad"] > 0
    assert errors[-1]["outcome"] == "FAIL"
    assert {one["quantile"] for one in found["latency"]} == {"p50", "p99"}
    assert all(one["points"] for one in found["latency"])
    assert found["artifact"]["record"]["source"]["commit"] == commit
    assert found["artifact"]["record"]["zip"]["sha256"] == found["release"]["artifact"]
    text = page.read_text()
    assert text.count("<figure>") == 7
    assert found["release"]["release_id"] in text


def test_a_bad_change_is_rolled_back_and_not_tried_again(
    shop: Shop, traffic: Traffic, url: str, tmp_path: Path
) -> None:
    before = shop.alias()["FunctionVersion"]
    commit = shop.break_hello()
    summary = tmp_path / "summary.md"
    done = shop.crabwalk("deploy", "--env", "local", GITHUB_STEP_SUMMARY=str(summary))
    assert done.code == 3, done.said
    headline, check, numbers, failed, answers, after = done.lines[-6:]
    assert re.fullmatch(
        rf"hello \(local, {commit[:7]}\): version (\d+) rolled back after \d+ s, "
        rf"version {before} has all the traffic again",
        headline,
    )
    assert check in ("  check   errors", "  check   failures"), "both see it, and either may be sure first"
    assert re.fullmatch(
        r"  numbers of \d+ requests to version (\d+), \d+ failed; of [\d,]+ to version \d+ in the same time, none did; "
        r"that is (?:not chance \(at most 1 in [\d,]+\)|an outage)",  # the latter: few requests, most bad
        numbers,
    ), numbers
    assert re.fullmatch(
        rf"  failed  [1-9]\d* of \d+ requests to version \d+ \([\d.]+ ?%\); "
        rf"0 of [\d,]+ requests to version {before} \(0 ?%\)",
        failed,
    ), failed
    assert answers == f"  answers {url}"
    assert after == (
        f"  next    version {before} has all traffic; look into commit {commit[:12]}, commit a fix and deploy it "
        "(the same artifact is not tried again without --retry)"
    )
    assert shop.alias()["FunctionVersion"] == before
    assert not shop.weights()
    assert set(traffic.statuses) <= {200, 500}
    told(shop, summary.read_text(), commit, tmp_path / "report.html")

    again = shop.deploy()
    release = shop.history()[0]["release_id"]
    assert again.code == 0
    assert again.lines[-4:-2] == [
        f"hello (local, {commit[:7]}): skipped",
        f"  why     release {release} of the same artifact and configuration was rolled back",
    ]
    assert shop.alias()["FunctionVersion"] == before

    retried = shop.deploy("--retry")
    assert retried.code == 3, retried.said
    assert [one["outcome"] for one in shop.history()[:2]] == ["rolled-back", "rolled-back"]


def test_a_failed_smoke_check_moves_no_traffic(shop: Shop) -> None:
    before = shop.alias()
    shop.break_hello(event=True)
    done = shop.deploy("--retry")
    assert done.code == 3, done.said
    assert "  check   smoke" in done.lines
    assert any(
        re.fullmatch(
            r"  why     smoke check hello.json: version \d+ failed: cannot greet Ada3; no traffic was moved", line
        )
        for line in done.lines
    )
    assert shop.alias() == before
    entry = shop.history()[0]
    assert (entry["outcome"], entry["reason"], entry["steps"]) == ("rejected", "smoke", [])


def test_an_older_commit_is_refused_before_anything_is_touched(shop: Shop) -> None:
    shop.promoted_twice()
    before = shop.alias()["RevisionId"]
    promoted = next(one["commit"] for one in shop.history() if one["outcome"] == "promoted")
    first = shop.git("rev-list", "--max-parents=0", "main")
    shop.git("checkout", "--quiet", first)
    done = shop.deploy()
    assert done.code == 5
    assert done.err.splitlines()[-2:] == [
        f"error: `hello` is already at {promoted[:12]}, which {first[:12]} does not contain",
        "  next: deploy a commit that follows it; to go back, use `crabwalk rollback`",
    ]
    assert "terraform" not in done.said.lower()
    assert "building" not in done.said
    assert shop.alias()["RevisionId"] == before


def test_plan_and_dry_run_say_everything_and_do_nothing(shop: Shop) -> None:
    commit = shop.change(ONE_STEP)
    before, entries = shop.alias()["RevisionId"], len(shop.history())
    plan = shop.crabwalk("plan", "--retry")
    dry = shop.deploy("--dry-run", "--retry")
    assert (plan.code, plan.err) == (0, "")
    lines = plan.lines
    assert lines[0] == f"{commit[:12]} on `local`: hello: another greeting"
    assert re.fullmatch(r"health: not affected since [0-9a-f]{12}", lines[1])
    assert lines[2] == "hello: released, because"
    assert re.fullmatch(r"  - (services/hello/\S+(, | and ))*services/hello/src/main.rs changed", lines[3])
    release = lines.index("release hello: 10 % for 3 s → 100 %")
    built, stack = lines[release - 2 : release]
    assert re.fullmatch(r"build hello for (x86_64|arm64): (from the store, [0-9a-f]{12}|one cargo run)", built)
    assert stack == "stack web: nothing Terraform manages changed, it does not run"
    assert (dry.code, dry.err, dry.lines[: release + 1]) == (0, "", lines[: release + 1])
    outlook = [*lines[release + 1 :], *dry.lines[release + 1 :]]  # its own traffic goes on meanwhile
    assert all(line.startswith("  ") for line in outlook)
    newest = client(shop.env, "lambda").list_versions_by_function(FunctionName=shop.function())["Versions"][-1]
    assert outlook[0] == f"  publishes version {int(newest['Version']) + 1}"
    document = shop.crabwalk("plan", "--output", "json").json
    assert [(one["name"], one["first"]) for one in document["releases"]] == [("hello", False)]
    assert [(one["name"], one["affected"]) for one in document["services"]] == [("health", False), ("hello", True)]
    (stack,) = document["stacks"]
    assert (stack.pop("name"), stack.pop("terraform"), any(stack.values())) == ("web", False, False)
    written = shop.root.parent / "comment.md"
    comment = shop.crabwalk("plan", "--output", "markdown", "--comment", str(written))
    assert written.read_text() == comment.out
    assert (comment.code, comment.lines[0]) == (0, "## shop on <code>local</code>: 1 release")
    assert (shop.alias()["RevisionId"], len(shop.history())) == (before, entries)


def test_terraform_sees_no_change_after_releases(shop: Shop) -> None:
    shop.promoted_twice()
    project, env = load_project(shop.root), shop.env
    with Repository.open(shop.root) as repo:
        setting = read_setting(project, env, load_services(project, "local"), repo, Engine(env))
    stack = plan_stack(setting, "web", {})
    assert not stack.terraform
    said: list[str] = []
    planned = plan_infra(stack.root, env, stack_directory(project.root, env, "web"), said.append)
    assert (planned.pending, planned.changes) == (False, ()), said
