"""How a release's end is told, and which exit code it has."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest
from release_kit import BAD, START, alias, own_alias, periods, saw, walking

from pipeline.infra.scope import service_url
from pipeline.release.decide.decide import away, decide
from pipeline.release.decide.decision import Decision
from pipeline.release.ledger.records import Released, ServiceRecord
from pipeline.release.model import Rollout
from pipeline.release.walk import outcome as outcomes
from pipeline.release.walk.outcome import EXIT_CODES, exit_code, skipped
from pipeline.release.walk.view import ReleaseResult

ENDED = {"ended": START + 42.0}
NOW = START + 99.0


def result_of(rollout: Rollout, decision: Decision | None) -> ReleaseResult:
    return outcomes.result_of(rollout, decision, NOW)


def result(outcome: str) -> ReleaseResult:
    return replace(result_of(walking(), None), outcome=outcome)  # type: ignore[arg-type]


def failed() -> Decision:
    return decide(walking(), saw(own_alias(walking()), periods(10, *BAD)), START + 30)


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], 0),
        (["promoted", "no-op", "skipped"], 0),
        (["promoted", "rolled-back"], 3),
        (["held", "promoted"], 4),
        (["conflict", "held"], 5),
        (["rolled-back", "conflict", "held"], 3),
        (["failed", "rolled-back", "conflict"], 1),
    ],
)
def test_the_exit_code_is_that_of_the_worst(outcomes: list[str], code: int) -> None:
    for order in permutations(outcomes):
        assert exit_code(result(one) for one in order) == code
    assert set(outcomes) <= set(EXIT_CODES)


def test_a_promoted_release() -> None:
    found = result_of(walking(2, phase="promoted", sentence="no sign that it is worse", **ENDED), None)
    assert (found.outcome, found.stable, found.candidate, found.duration_s) == ("promoted", "1", "2", 42.0)
    assert (found.sentence, found.check) == ("no sign that it is worse", None)
    assert found.next == "to go back: crabwalk rollback hello --env local"


def test_the_first_release() -> None:
    found = result_of(walking(0, steps=(), stable="$LATEST", phase="promoted", **ENDED), None)
    assert (found.outcome, found.stable) == ("promoted", None)
    assert found.sentence == "the first release: nothing to compare with, its smoke checks passed"
    assert found.next == "the next release is walked against this one"


def test_a_release_the_judge_rolled_back_names_check_and_numbers() -> None:
    decision = failed()
    found = result_of(walking(phase="rolled-back", **ENDED), decision)
    assert (found.outcome, found.check, found.sentence) == ("rolled-back", "errors", decision.sentence)
    assert found.canary is not None
    assert (found.canary.n, found.canary.bad) == (100, 20)
    assert found.next.startswith("version 1 has all traffic; look into commit c0ffeec0ffee, commit a fix")
    assert "--retry" in found.next


def test_a_release_that_never_came_to_a_conclusion_says_so() -> None:
    rollout = walking(deadline_s=20)
    decision = decide(rollout, saw(own_alias(rollout), periods(10, (0, 0), (90, 0))), START + 30)
    found = result_of(walking(phase="rolled-back", **ENDED), decision)
    assert (decision.kind, found.check) == ("roll-back", "deadline")


def test_an_aborted_release_is_no_failure_of_the_judge() -> None:
    found = result_of(walking(phase="rolled-back", reason="aborted", sentence="aborted by anna", **ENDED), None)
    assert (found.outcome, EXIT_CODES[found.outcome], found.sentence) == ("aborted", 3, "aborted by anna")
    assert "crabwalk retry hello --env local" in found.next


def test_a_release_that_failed_its_smoke_checks() -> None:
    rollout = walking(-1, phase="rolled-back", reason="smoke", sentence="smoke check hello.json: version 2 failed")
    found = result_of(rollout, None)
    assert (found.outcome, found.check, found.canary) == ("rejected", "smoke", None)
    assert found.sentence == "smoke check hello.json: version 2 failed"
    assert found.next.startswith("look into commit c0ffeec0ffee, commit a fix and deploy it")
    assert EXIT_CODES[found.outcome] == 3


def test_a_release_a_hook_said_no_to_is_asked_about_again() -> None:
    found = result_of(walking(-1, phase="rolled-back", reason="hook", sentence="until Monday"), None)
    assert (found.outcome, found.check) == ("rejected", "hook")
    assert found.next == "the hook is asked again by the next deploy: crabwalk deploy hello --env local"


def test_a_release_somebody_rolled_back_to_another_version_does_not_claim_the_stable_one() -> None:
    undone = Decision("undone", "somebody rolled hello back to version 7 in mid-walk", "the release is over")
    found = result_of(walking(phase="rolled-back", **ENDED), undone)
    assert (found.outcome, found.check, found.next) == ("rolled-back", None, "the release is over")
    assert "version 7" in found.sentence


@pytest.mark.parametrize("kind", ["conflict", "hold"])
def test_a_walk_that_stopped_where_it_is(kind: str) -> None:
    decision = Decision(kind, "the reason", "what to do")  # type: ignore[arg-type]
    found = result_of(walking(phase="held"), decision)
    assert found.outcome == {"conflict": "conflict", "hold": "held"}[kind]
    assert (found.sentence, found.next, found.duration_s) == ("the reason", "what to do", 99.0)


def test_a_walk_whose_credentials_ran_out_is_held() -> None:
    found = result_of(walking(), away(walking(), "could not read alias `live`: ExpiredToken", None, passing=True))
    assert (found.outcome, EXIT_CODES[found.outcome]) == ("held", 4)


@pytest.mark.parametrize("phase", ["published", "walking", "held"])
def test_a_walk_aws_stayed_away_from_failed_and_can_be_gone_on_with(phase: Any) -> None:
    found = result_of(walking(phase=phase), away(walking(), "could not read alias `live`: it does not exist", None))
    assert (found.outcome, found.sentence) == ("failed", "could not read alias `live`: it does not exist")
    assert (EXIT_CODES[found.outcome], found.duration_s, found.check) == (1, 99.0, None)
    assert found.next == (
        "`crabwalk deploy --env local` goes on with it once AWS answers, `crabwalk rollback hello --env local` ends it"
    )


def test_a_conflict_names_who_to_look_for() -> None:
    decision = decide(walking(), saw(alias("3"), ()), START)
    assert EXIT_CODES[result_of(walking(phase="held"), decision).outcome] == 5


@pytest.mark.parametrize(
    ("outcome", "after"),
    [
        ("no-op", "nothing to do"),
        ("skipped", "commit a fix, or `crabwalk retry hello --env local` to try the same again"),
        ("failed", "crabwalk status hello --env local"),
    ],
)
def test_a_service_nothing_was_walked_for(outcome: Any, after: str) -> None:
    found = skipped(ServiceRecord("hello"), "local", "c0ffee", outcome, "why")
    assert (found.outcome, found.stable, found.sentence, found.next) == (outcome, None, "why", after)
    live = Released("r", "4", "c", "a", "x", START)
    assert skipped(ServiceRecord("hello", promoted=live), "local", "c0ffee", outcome, "why").stable == "4"


def test_where_a_service_answers() -> None:
    aws = SimpleNamespace(embedded=False, endpoint=None)
    stack = SimpleNamespace(outputs={"hello": {"api_id": "abc", "api_endpoint": "https://abc.example"}})
    assert service_url(aws, stack, "hello") == "https://abc.example"  # type: ignore[arg-type]
    assert service_url(aws, stack, "worker") is None  # type: ignore[arg-type]
    assert service_url(aws, None, "hello") is None  # type: ignore[arg-type]
    embedded = SimpleNamespace(embedded=True, endpoint="http://127.0.0.1:4566")
    url = "https://abc.lambda-url.eu-west-1.on.aws"
    export = SimpleNamespace(outputs={"export": {"url_id": "abc", "url_endpoint": url}})
    assert service_url(aws, export, "export") == service_url(embedded, export, "export") == url  # type: ignore[arg-type]
    found = service_url(embedded, stack, "hello")  # type: ignore[arg-type]
    assert found is not None
    assert "abc" in found
