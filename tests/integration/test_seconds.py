"""Real versions on real traffic, judged by what they tell of themselves by the second; and what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from engine_kit import until
from told_kit import TIMEOUT_S, Callers, Place, service

from pipeline import local
from pipeline.cli.judge import command
from pipeline.release.judge.recording import parse
from pipeline.release.judge.replay import Settings, replay
from pipeline.release.ledger.copies import Copies, key_of
from pipeline.release.model import StepSpec
from pipeline.release.terms import Checks
from pipeline.release.walk.state import Walk


@pytest.fixture
def place(embedded: local.Running, namespace: str) -> Place:
    return Place(embedded, namespace)


def walked(place: Place, candidate: bytes, *, checks: Checks = Checks(), bake_s: float = 60, rate: float = 60) -> Walk:  # noqa: B008
    """Half of the traffic for a while, then all."""
    place.make(candidate)
    with Callers(place.url, rate) as callers:
        until(lambda: callers.sent > rate)
        rollout = place.rollout(0.5)
        steps = (StepSpec(0.5, bake_s),)
        return place.walk(replace(rollout, steps=steps, terms=replace(rollout.terms, checks=checks)))


def test_answers_of_500_are_rolled_back_within_seconds_of_metric_time_and_the_copy_proves_it(place: Place) -> None:
    walk = walked(place, service(share=0.5))
    rollout, decision = walk.rollout, walk.decision
    assert decision is not None
    assert decision.verdict is not None
    assert (rollout.phase, decision.check, decision.verdict.outcome) == ("rolled-back", "failures", "FAIL")
    (begun,), failed_at = rollout.step_starts, decision.verdict.failed_at
    assert failed_at is not None
    assert failed_at - begun < 15 - TIMEOUT_S - place.env.emf_lag_s
    kept = place.engine.objects.get(key_of(place.name, rollout.release_id))
    assert kept is not None
    played = replay(parse(kept.body, "copy.csv"), Settings())
    found = played.looks["failures"][-1].verdict
    assert (played.last.verdict.outcome, played.alpha, played.settings.opening) == ("FAIL", 0.005, 3)
    assert (found.log_e, found.failed_at) == (decision.verdict.log_e, failed_at)
    assert (found.canary, found.baseline) == (decision.verdict.canary, decision.verdict.baseline)


def test_a_process_that_dies_tells_nothing_and_is_rolled_back_by_what_lambda_counts(place: Place) -> None:
    walk = walked(place, service(aborts=1.0), checks=Checks(errors=False), rate=30)
    assert (walk.rollout.phase, walk.decision.check if walk.decision else "") == ("rolled-back", "errors")
    assert Copies(place.engine.objects).of(place.name, walk.rollout.release_id, 0.0).rows


def test_a_good_version_is_promoted_and_every_second_of_it_is_kept(place: Place, tmp_path: Path) -> None:
    walk = walked(place, service(salt="as good"), bake_s=4)
    assert walk.rollout.phase == "promoted", walk.decision
    kept = place.engine.objects.get(key_of(place.name, walk.rollout.release_id))
    assert kept is not None
    rows = [row for row in parse(kept.body, "copy.csv").signals["failures"] if row.step == 0]
    assert sum(row.periods for row in rows) >= 4
    (tmp_path / "copy.csv").write_bytes(kept.body)
    shown = CliRunner().invoke(command, ["--replay", str(tmp_path / "copy.csv")])
    assert (shown.exit_code, "PASS (baked)" in shown.output) == (0, True), shown.output
