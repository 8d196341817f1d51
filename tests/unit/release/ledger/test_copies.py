"""What the ledger keeps of a walk judged by the second, and that it gives the verdict the walk had."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
import release_kit as values
from bucket_kit import Bucket
from hypothesis import given
from hypothesis import strategies as st
from judge_kit import failures, some

from pipeline.errors import CrabwalkError, UsageError
from pipeline.release.judge.judge import Counts, Minute, judge
from pipeline.release.judge.recording import DECLARED, parse
from pipeline.release.judge.replay import Settings, replay
from pipeline.release.ledger.copies import Copies, Copy, key_of, read, written
from pipeline.release.model import StepSpec
from pipeline.release.terms import Pace, Terms
from pipeline.release.walk.keeping import declared

ROLLOUT = replace(
    values.walking(), steps=(StepSpec(0.1, 60), StepSpec(0.5, 60)), terms=Terms(evidence=Pace(1, 10)), min_requests=7
)


def walk(seed: int, new: float, seconds: int = 120) -> tuple[Minute, ...]:
    """An hour of minutes, then two steps of a minute by the second, the later ones by tens."""
    rng = random.Random(seed)  # noqa: S311
    found = [Minute(60.0 * t, -1, Counts(0, 0), failures(rng, some(rng, 3000), 0.01)) for t in range(-60, 0)]
    for t in range(seconds):
        weight, periods = (0.1, 1) if t < 60 else (0.5, 1 if t < 90 else 10)
        if t >= 90 and t % 10:
            continue
        sides = (
            failures(rng, some(rng, 50.0 * share * periods), rate)
            for share, rate in ((weight, new), (1 - weight, 0.01))
        )
        found.append(Minute(float(t), 0 if t < 60 else 1, *sides, periods))  # fmt: skip
    return tuple(found)


@pytest.mark.parametrize("new", [0.01, 0.03, 0.1, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_replay_of_the_copy_says_what_the_walk_said(seed: int, new: float) -> None:
    rows, said = walk(seed, new), declared(ROLLOUT)
    live = judge(rows, steps=2, bake=60, min_requests=7, alpha=0.005, opening=3)
    played = replay(parse(written(Copy(120.0, rows), "failures", said), "copy.csv"), Settings())
    assert (played.alpha, played.settings.opening) == (0.005, 3)
    last = played.looks["failures"][-1].verdict
    assert last == replace(live, sentence=last.sentence)
    assert played.last.verdict.outcome == live.outcome


@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 4, st.sampled_from((1, 5, 10, 60))), min_size=1, max_size=30))
def test_a_copy_is_read_as_it_was_written(found: list[tuple[int, ...]]) -> None:
    rows = tuple(
        Minute(1.0 * at, 0, Counts(max(a, b), min(a, b)), Counts(max(c, d), min(c, d)), periods)
        for at, (a, b, c, d, periods) in enumerate(found)
    )
    copy = Copy(1_800_000_000.0, rows)
    assert read(written(copy, "failures", declared(ROLLOUT)), "key") == copy


@pytest.mark.parametrize("body", [b"", b"t,step\n", b"\xff", written(Copy(1.0, walk(1, 0.1)), "failures", {})[20:]])
def test_what_is_no_copy_is_said(body: bytes) -> None:
    with pytest.raises(CrabwalkError) as fault:
        read(body, "crabwalk/services/hello/evidence/r.csv")
    assert fault.value.where == "crabwalk/services/hello/evidence/r.csv"


@pytest.mark.parametrize("said", ['{"alpha": 2}', '{"alpha": "x"}', '{"steps": 0}', '{"bakes": 3}'])
def test_a_declaration_that_no_walk_has_is_refused(said: str) -> None:
    text = f"{DECLARED}{said}\nt,step,canary_n,canary_bad,baseline_n,baseline_bad\n1,0,1,0,1,0\n"
    with pytest.raises(UsageError, match="first line"):
        replay(parse(text.encode(), "x.csv"), Settings())


def test_what_somebody_asks_for_goes_before_what_was_declared() -> None:
    recording = parse(written(Copy(120.0, walk(1, 0.01)), "failures", declared(ROLLOUT)), "copy.csv")
    played = replay(recording, Settings(bake=2, min_requests=500_000, alpha=0.5, steps=1))
    used = played.settings
    assert (used.bake, used.min_requests, used.alpha, played.steps) == (2, 500_000, 0.5, 1)


def test_a_copy_is_read_once_and_again_after_a_while() -> None:
    bucket = Bucket()
    ours, others = Copies(bucket), Copies(bucket)
    assert others.of("hello", "r", 0.0) == Copy(-math.inf)
    copy = Copy(50.0, (Minute(1.0, 0, Counts(1, 0), Counts(2, 1)),))
    ours.keep("hello", "r", copy, declared(ROLLOUT), 10.0)
    assert list(bucket.bodies) == [key_of("hello", "r")] == ["crabwalk/services/hello/evidence/r.csv"]
    assert ours.of("hello", "r", 20.0) == copy
    assert bucket.reads == 1, "what it wrote it need not read"
    assert others.of("hello", "r", 100.0) == Copy(-math.inf)
    assert others.of("hello", "r", 700.0) == copy
