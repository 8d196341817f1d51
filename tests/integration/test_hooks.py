"""Hooks before any traffic and after the end, around releases of a real function."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import engine_kit
import pytest
from listener_kit import listening
from offer_kit import offered, package
from release_kit import FRESH

from pipeline.errors import CrabwalkError
from pipeline.manifest.models_hooks import Hook, Hooks
from pipeline.release.around.hooks import after, outcome_of
from pipeline.release.around.webhook import WebhookError

SCRIPT = f"""#!{sys.executable}
import os, sys
told = {{name: value for name, value in sorted(os.environ.items()) if name.startswith("CRABWALK_")}}
print(told["CRABWALK_SERVICE"], told["CRABWALK_VERSION"], told["CRABWALK_STABLE"], repr(told["CRABWALK_OUTCOME"]))
print("endpoint", os.environ["AWS_ENDPOINT_URL"])
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def world(embedded, namespace):
    return engine_kit.own_world(embedded, namespace)


@pytest.fixture
def check(tmp_path):
    file = tmp_path / "check.py"
    file.write_text(SCRIPT)
    file.chmod(0o755)
    return lambda code: Hook(command=("./check.py", str(code)))


def offer(world, tmp_path, made_of, *before: Hook, said: list[str] | None = None) -> Any:
    around = {"hooks": Hooks(before=before)}
    return offered(world, tmp_path, made_of, around=around, say=(said if said is not None else []).append)


def test_a_command_is_told_what_is_released_and_its_lines_are_shown(world, tmp_path, check):
    said: list[str] = []
    made = offer(world, tmp_path, package(world, "checked"), check(0), said=said)
    assert made.walk is not None
    assert said == [
        "published version 2",
        f"./check.py: {world.service} 2 1 ''",
        f"./check.py: endpoint {world.env.endpoint}",
        "./check.py passed",
    ]


def test_a_command_that_says_no_rejects_the_version(world, tmp_path, check):
    made_of, before = package(world, "refused"), world.alias()
    made = offer(world, tmp_path, made_of, check(0), check(3), check(4))
    assert made.rejected is not None
    assert (made.rejected.phase, made.rejected.reason) == ("rolled-back", "hook")
    assert made.rejected.sentence.startswith(f"hook `./check.py` ended with 3: {world.service} 2 1 '' / endpoint http")
    assert made.rejected.sentence.endswith("; no traffic was moved")
    assert world.alias() == before
    assert world.record().under_way is None
    assert world.record().rejected == (), "its gate may say yes another time"
    (entry,) = world.engine.ledger.history(world.service, 5)
    assert (entry.outcome, entry.reason, entry.sentence) == ("rejected", "hook", made.rejected.sentence)
    again = offer(world, tmp_path, made_of, check(0))
    assert again.walk is not None
    assert again.walk.rollout.candidate == made.rejected.candidate


def test_a_command_that_does_not_end_rejects_the_version(world, tmp_path):
    hook = Hook(command=("sleep", "600"), timeout_s=1)
    made = offer(world, tmp_path, package(world, "endless"), hook)
    assert made.rejected.sentence == "hook `sleep` did not end within 1 s; no traffic was moved"


def test_what_cannot_be_asked_says_nothing_of_the_version(world, tmp_path):
    made_of, before = package(world, "unasked"), world.record()
    with pytest.raises(CrabwalkError, match=r"the hook `\./missing\.sh` cannot be started"):
        offer(world, tmp_path, made_of, Hook(command=("./missing.sh",)))
    assert (world.record(), world.engine.ledger.history(world.service, 5)) == (before, ())
    assert offer(world, tmp_path, made_of).walk is not None


def test_a_webhook_is_told_what_is_released(world, tmp_path, monkeypatch):
    said: list[str] = []
    with listening() as gate:
        monkeypatch.setenv("GATE", gate.url)
        monkeypatch.delenv("GITHUB_RUN_ID", raising=False)
        made = offer(world, tmp_path, package(world, "asked"), Hook(webhook="env:GATE"), said=said)
    assert made.walk is not None
    rollout = made.walk.rollout
    (told,) = gate.came
    assert told.pop("at").endswith("Z")
    assert told == {
        "crabwalk": 1,
        "event": "before",
        "environment": "local",
        "service": world.service,
        "function": world.function,
        "release": rollout.release_id,
        "version": "2",
        "stable": "1",
        "commit": "c0ffee" * 6,
        "subject": "Greet",
        "actor": "arn:actor",
        "claimed_actor": None,
        "outcome": None,
        "sentence": "",
        "link": f"local/{world.service}/{rollout.release_id}",
    }
    assert said == ["published version 2", "webhook of GATE passed"]


def test_a_webhook_that_says_no_rejects_the_version(world, tmp_path, monkeypatch):
    with listening((409, "a change freeze\nuntil Monday")) as gate:
        monkeypatch.setenv("GATE", gate.url)
        made = offer(world, tmp_path, package(world, "gated"), Hook(webhook="env:GATE"))
    assert made.rejected.reason == "hook"
    assert made.rejected.sentence == (
        "webhook of GATE answered 409: a change freeze until Monday; no traffic was moved"
    )


def test_a_webhook_that_is_broken_says_nothing_of_the_version(world, tmp_path, monkeypatch):
    made_of = package(world, "broken-gate")
    with listening((503, "down"), (503, "still down")) as gate:
        monkeypatch.setenv("GATE", gate.url)
        with pytest.raises(WebhookError, match="the webhook of GATE answered 503: still down"):
            offer(world, tmp_path, made_of, Hook(webhook="env:GATE"))
    assert world.record().rejection(made_of.key[10:74], "config") is None


def test_a_webhook_without_its_variable_stops_before_anything_is_published(world, tmp_path, monkeypatch):
    monkeypatch.delenv("GATE", raising=False)
    with pytest.raises(WebhookError, match="the variable GATE is to hold a webhook's address and is not set"):
        offer(world, tmp_path, package(world, "unset"), Hook(webhook="env:GATE"))
    versions = world.raw.list_versions_by_function(FunctionName=world.function)["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1"]


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (("promoted", ""), "promoted"),
        (("rolled-back", "rate"), "rolled-back"),
        (("rolled-back", "aborted"), "aborted"),
        (("rolled-back", "smoke"), "rejected"),
        (("rolled-back", "hook"), "rejected"),
    ],
)
def test_hooks_after_the_end_know_how_it_ended(end, outcome):
    phase, reason = end
    assert outcome_of(replace(FRESH, phase=phase, reason=reason)) == outcome
    assert outcome_of(FRESH) == ""


def test_all_hooks_after_the_end_are_run_and_a_failure_is_a_warning(world, tmp_path, monkeypatch, check):
    phase, reason, outcome = "rolled-back", "rate", "rolled-back"
    ended = replace(FRESH, phase=phase, reason=reason, sentence="so it ended", ended=FRESH.started + 60)
    said: list[str] = []
    with listening((404, "")) as there:
        monkeypatch.setenv("DONE", there.url)
        monkeypatch.delenv("LOST", raising=False)
        hooks = Hooks(after=(check(1), Hook(webhook="env:DONE"), Hook(webhook="env:LOST"), check(0)))
        warnings = list(after(hooks, ended, world.env, tmp_path, said.append))
    assert [(told["event"], told["outcome"], told["sentence"]) for told in there.came] == [
        ("after", outcome, "so it ended")
    ]
    assert said.count(f"./check.py: hello 2 1 '{outcome}'") == 2
    assert [warning.partition(":")[2].partition(":")[0] for warning in warnings] == [
        " after the release hook `./check.py` ended with 1",
        " after the release webhook of DONE answered 404",
        " after the release the variable LOST is to hold a webhook's address and is not set",
    ]
    assert said[-1] == "./check.py passed"
