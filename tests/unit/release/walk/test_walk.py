"""What a person sees of a walk at one instant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from release_kit import BAD, COMMIT, FRESH, GOOD, SILENT, START, own_alias, periods, saw, walking

from pipeline.release.decide.decide import decide
from pipeline.release.decide.decision import Decision
from pipeline.release.judge.judge import Counts, Minute
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import Rollout
from pipeline.release.walk.shown import RECENT, view
from pipeline.release.walk.state import Walk


def walk(rollout: Rollout, minutes: tuple[Minute, ...] = (), *, now: float = START + 30, **more: Any) -> Walk:
    decision = decide(rollout, saw(own_alias(rollout), minutes, **more), now)
    return Walk(ServiceRecord("hello"), rollout, None, decision, minutes)  # type: ignore[arg-type]


def test_before_the_first_look() -> None:
    seen = view(Walk(ServiceRecord("hello"), FRESH, None), START + 2)  # type: ignore[arg-type]
    assert (seen.service, seen.environment, seen.commit, seen.subject) == ("hello", "local", COMMIT, "Greet louder")
    assert (seen.stable, seen.candidate, seen.weight, seen.step) == ("1", "2", 0.0, -1)
    assert (seen.steps, seen.bake_s, seen.baked_s) == ((0.1, 0.5), 0.0, 0)
    assert (seen.verdict, seen.phase, seen.next) == (None, "walking", "the first look at the evidence")
    assert (seen.elapsed_s, seen.period_s, seen.recent) == (2.0, 1, ())


def test_in_the_middle_of_a_step_all_numbers_are_of_the_walk_but_the_bake_of_the_step() -> None:
    history = (Minute(START - 1, -1, Counts(0, 0), Counts(500, 50)),)
    rows = history + periods(10, *GOOD) + periods(4, (50, 1), (50, 0), step=1)
    seen = view(walk(walking(1), rows), START + 30)
    assert (seen.weight, seen.step, seen.bake_s, seen.baked_s) == (0.5, 1, 10, 4)
    assert (seen.canary, seen.baseline) == (Counts(300, 4), Counts(1100, 0))
    assert len(seen.recent) == 14
    assert seen.recent[-1] == (Counts(50, 1), Counts(50, 0))
    assert seen.phase == "walking"
    assert seen.verdict is not None
    assert seen.next == "promotion after 6 s more of clean evidence"


def test_only_the_last_periods_are_shown() -> None:
    rows = tuple(Minute(START + t, 0, Counts(t, 0), Counts(0, 0)) for t in range(100))
    seen = view(walk(walking(), rows), START + 100)
    assert [canary.n for canary, _ in seen.recent] == list(range(100 - RECENT, 100))
    assert seen.canary.n == sum(range(100))


@pytest.mark.parametrize(
    ("rollout", "weight", "phase"),
    [
        (walking(2, phase="promoted", ended=START + 50), 1.0, "promoted"),
        (walking(1, phase="rolled-back", ended=START + 50), 0.0, "rolled-back"),
    ],
)
def test_an_end_stands_still(rollout: Rollout, weight: float, phase: str) -> None:
    over = Walk(ServiceRecord("hello"), rollout, None)  # type: ignore[arg-type]
    assert over.finished
    seen = view(over, START + 5000)
    assert (seen.weight, seen.phase, seen.elapsed_s) == (weight, phase, 50.0)


@pytest.mark.parametrize(
    ("rows", "outage", "phase"),
    [
        (periods(5, *SILENT), None, "walking"),
        (periods(10, *SILENT), None, "inconclusive"),
        (periods(5, *GOOD), "CloudWatch did not answer", "inconclusive"),
        (periods(10, *BAD), None, "walking"),
    ],
)
def test_the_phase_follows_the_verdict(rows: tuple[Minute, ...], outage: str | None, phase: str) -> None:
    found = walk(walking(), rows, metrics_error=outage)
    assert not found.finished
    assert view(found, START + 30).phase == phase


@pytest.mark.parametrize("kind", ["hold", "conflict", "away"])
def test_a_walk_that_stopped_is_held_and_finished(kind: Any) -> None:
    stopped = Walk(ServiceRecord("hello"), walking(), None, Decision(kind, "why", "what to do"))  # type: ignore[arg-type]
    assert stopped.finished
    seen = view(stopped, START + 30)
    assert (seen.phase, seen.weight, seen.next) == ("held", 0.1, "what to do")


def test_a_walk_aws_does_not_answer_for_says_so_and_goes_on() -> None:
    unanswered = replace(walk(walking(), periods(5, *GOOD)), away_since=START + 29)
    assert not unanswered.finished
    seen = view(unanswered, START + 30)
    assert (seen.phase, seen.weight, seen.next) == ("walking", 0.1, "AWS did not answer; it is asked again")
    other = view(replace(unanswered, overtaken=True), START + 5)
    assert other.next == "its record was changed; it is read again"
