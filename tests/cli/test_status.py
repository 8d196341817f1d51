"""The exact output of `status`, in text and for machines."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from steer_kit import Steered

from pipeline import local
from pipeline.release.ledger.head import parse
from pipeline.release.ledger.records import Frozen, Released
from pipeline.release.model import ALIAS, StepSpec
from pipeline.release.rollback.rollback import roll_back
from pipeline.release.terms import Order, Quiet, Terms

ANNA = "arn:aws:sts::111122223333:assumed-role/release/anna"
Captured = pytest.CaptureFixture[str]
FIELDS = [
    "service",
    "traffic",
    "state",
    "release",
    "commit",
    "doing",
    "next",
    "url",
    "candidate",
    "steps",
    "step",
    "walker",
    "paused",
    "approval",
    "quiet",
    "frozen",
    "ringing",
    "evidence",
    "then",
    "last",
]


@pytest.fixture(scope="module")
def made(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Steered:
    return Steered.make(embedded, tmp_path_factory.mktemp("status"), "status")


@pytest.fixture
def here(made: Steered, monkeypatch: pytest.MonkeyPatch) -> Steered:
    monkeypatch.chdir(made.place.root)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return made


def lines(here: Steered, capsys: Captured) -> dict[str, str]:
    """The headline as ``, every other line by its label."""
    code, out, err = here.says(capsys, "status")
    assert (code, err) == (0, [])
    return {"": out[0], **{line[2:11].strip(): line[11:] for line in out[1:]}}


def as_json(here: Steered, capsys: Captured) -> dict[str, object]:
    code, out, _ = here.says(capsys, "status", "--output", "json")
    found = json.loads("\n".join(out))
    assert (code, list(found), found["environment"]) == (0, ["environment", "services"], "local")
    (one,) = found["services"]
    assert list(one) == FIELDS
    return dict(one)


def test_a_walk_nobody_walks(here: Steered, capsys: Captured) -> None:
    rollout = here.walking(ringing=("hello-errors", "hello-latency"))
    assert lines(here, capsys) == {
        "": "hello: walking, version 1 90 %, version 2 10 %",
        "release": f"{rollout.release_id} of {rollout.commit[:12]}",
        "now": f"release {rollout.release_id} of version 2 at 10 %, and nobody walks it: its controller ended",
        "steps": "[10 %] → 50 % → 100 %",
        "alarms": "rang before the walk, not counted: hello-errors, hello-latency",
        "evidence": "no request has reached version 2 yet (errors: INCONCLUSIVE, e-value 1.0, worse at 200)",
        "then": "nothing happens by itself until `crabwalk resume hello --env local` or "
        "`crabwalk watch --unattended --env local` goes on",
        "next": "`crabwalk deploy --env local` goes on with it, `crabwalk rollback hello --env local` ends it",
    }
    found = as_json(here, capsys)
    assert (found["candidate"], found["steps"], found["step"], found["walker"]) == ("2", [0.1, 0.5], 0, None)


def test_a_walk_that_somebody_walks(here: Steered, capsys: Captured) -> None:
    here.walking()
    with here.held():
        found = as_json(here, capsys)
    assert "(process " in str(found["walker"])
    assert f"walked by {found['walker']}" in str(found["doing"])
    assert found["next"] == (
        "`crabwalk promote hello --env local` takes the next step now, "
        "`crabwalk pause hello --env local` holds it, `crabwalk abort hello --env local` ends it"
    )
    assert found["then"] == "50 % after 10 s more of clean evidence"


def test_a_pause_says_who_and_why(here: Steered, capsys: Captured) -> None:
    order = Order("pause", "r", "n", ANNA, "ada", "the logs look odd", 1_772_366_400.0)
    rollout = here.walking(paused=1_772_366_400.0, obeyed=(order,))
    said = lines(here, capsys)
    assert said[""] == "hello: paused, version 1 90 %, version 2 10 %"
    assert said["paused"] == (
        "since 2026-03-01 12:00 UTC by assumed-role/release/anna (GitHub says ada): the logs look odd"
    )
    assert said["now"] == f"release {rollout.release_id} of version 2 at 10 %, paused, and nobody watches it"
    assert said["then"] == said["next"].partition(", `crabwalk rollback")[0]
    assert as_json(here, capsys)["paused"] == {
        "since": 1_772_366_400.0,
        "actor": ANNA,
        "claimed_actor": "ada",
        "reason": "the logs look odd",
    }


def test_a_step_that_waits_for_approval(here: Steered, capsys: Captured) -> None:
    steps = (StepSpec(0.1, 10), StepSpec(0.5, 10, approve=True))
    terms = Terms(approvers=("anna", "leads"), approval_timeout_s=7200)
    said = "50 % of the traffic waits for approval"
    here.walking(steps=steps, terms=terms, waiting=1_772_366_400.0, sentence=said)
    found = lines(here, capsys)
    assert found[""] == "hello: waiting, version 1 90 %, version 2 10 %"
    assert found["approval"] == (
        "of 50 % by anna, leads, asked 2026-03-01 12:00 UTC, until 2026-03-01 14:00 UTC: "
        "crabwalk promote hello --env local"
    )
    assert found["now"].endswith(f"at 10 %, {said}")
    assert found["next"].startswith("`crabwalk promote hello --env local` approves it")


def test_quiet_hours_say_until_when(here: Steered, capsys: Captured) -> None:
    here.walking(terms=Terms(quiet=(Quiet(tuple(range(7)), 0, 0),)))
    assert re.fullmatch(r"quiet hours until \w{3} 00:00 UTC", lines(here, capsys)["quiet"])


def test_a_service_that_a_person_rolled_back(here: Steered, capsys: Captured) -> None:
    rollout = here.walking()
    here.engine.ledger.save(
        replace(
            here.record,
            rollout=replace(rollout, phase="rolled-back"),
            promoted=Released("r0", "1", "0ddba11" + "0" * 33, "a", "c", 1.0),
        )
    )
    back = parse(roll_back(here.engine.functions, here.place.function, "live", None).after.description)
    assert back is not None
    here.write(replace(back, state="frozen", nonce="f" * 16))
    assert lines(here, capsys)["frozen"] == "somebody rolled back version 2; who and why is not recorded"
    mark = Frozen(rollout.release_id, rollout.commit, "2", ANNA, None, "customers complain", 1_772_366_400.0)
    here.engine.ledger.save(replace(here.record, frozen=mark))
    assert lines(here, capsys) == {
        "": "hello: rolled back, version 1 100 %",
        "release": "r0 of 0ddba1100000",
        "last": f"release {rollout.release_id} of version 2 was rolled back",
        "now": f"release {rollout.release_id} of {rollout.commit[:12]} was rolled back",
        "frozen": "since 2026-03-01 12:00 UTC: assumed-role/release/anna rolled back version 2: customers complain",
        "next": f"crabwalk resume hello --env local, or commit a revert of {rollout.commit[:12]}",
    }
    assert dict(as_json(here, capsys)["frozen"])["reason"] == "customers complain"  # type: ignore[call-overload]


def test_an_alias_somebody_else_changed(here: Steered, capsys: Captured) -> None:
    here.walking()
    here.raw.update_alias(
        FunctionName=here.place.function, Name=ALIAS, RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}}
    )
    said = lines(here, capsys)
    assert said[""] == "hello: changed by somebody else, version 1 70 %, version 2 30 %"
    assert said["next"] == "crabwalk rollback hello --env local"
    here.raw.update_alias(
        FunctionName=here.place.function,
        Name=ALIAS,
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {}},
    )
    assert "crabwalk adopt hello --env local --reason TEXT" in lines(here, capsys)["next"]


def test_what_was_rolled_back_to_and_how_the_release_ended(here: Steered, capsys: Captured) -> None:
    rollout = here.walking()
    assert here.says(capsys, "abort", "hello", "--reason", "enough")[0] == 0
    said = lines(here, capsys)
    assert said["last"].startswith(f"release {rollout.release_id} of version 2 was aborted by ")
    assert said["last"].endswith(": enough")
    assert rollout.release_id not in said["release"]


def test_a_narrow_terminal_folds_below_the_label() -> None:
    from pipeline.release.verbs.status import ServiceStatus
    from pipeline.report.status import status_lines

    found = ServiceStatus("hello", {"1": 1.0}, "live", "r1", "c0ffee", "x " * 60, "crabwalk deploy hello --env local")
    folded = status_lines(found, 60)
    assert max(map(len, folded)) <= 60
    assert all(line.startswith(" " * 11) for line in folded[3:5])


def test_the_page_has_every_key() -> None:
    page = (Path(__file__).parents[2] / "docs" / "steering.md").read_text()
    assert [key for key in FIELDS if f"`{key}`" not in page] == []
