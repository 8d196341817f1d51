"""Rows by the second: which are complete, what is late, what is put together, what comes from the ledger's copy."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import release_kit as values

from pipeline.aws.metrics import Series
from pipeline.release.decide import observe, seconds
from pipeline.release.decide.periods import complete_until
from pipeline.release.decide.seconds import RECENT_S, settled
from pipeline.release.decide.signals import lines, series_of, sources
from pipeline.release.judge.judge import Minute, judge
from pipeline.release.ledger.copies import NOTHING_KEPT, Copy
from pipeline.release.model import Rollout, StepSpec
from pipeline.release.terms import TOLD, Pace, Terms

FINE = Pace(1, 10)
BEGUN = 1_200_000.0 + 0.4  # on a whole minute


def rollout(step: int = 0, *, pace: Pace = FINE, **changes: Any) -> Rollout:
    """On AWS's figures: minutes, two minutes late; the service's own seconds ten seconds late."""
    starts = tuple(BEGUN + 3600 * index for index in range(step + 1))
    steps = (StepSpec(0.5, 3600), StepSpec(0.5, 3600))
    on_aws = replace(values.walking(step), step_starts=starts, started=BEGUN, steps=steps, period_s=60, lag_s=120)
    return replace(on_aws, terms=Terms(evidence=pace), **changes)


def told(
    found: Rollout, until: float, *, bad: float = 0.0, silent: tuple[range, ...] = (), start: float = BEGUN
) -> dict[Series, dict[float, float]]:
    """10 requests a second to each version, and a steady minute of the old one before the walk."""
    source = sources(found)[TOLD]
    assert source.coarse is not None
    period = source.pace.period_s
    stamps = [float(t) for t in range(math.floor(start), math.ceil(until), period)]
    spoken = [t for t in stamps if not any(t in gap for gap in silent)]
    numbers = {side.n: dict.fromkeys(spoken, 10.0 * period) for side in (source.canary, source.baseline)}
    numbers[source.canary.bad] = dict.fromkeys(spoken, bad)
    numbers[source.baseline.bad] = dict.fromkeys(spoken, 0.0)
    numbers |= {one: dict.fromkeys(spoken, 10.0 * period) for one in lines(found)}
    minutes = [math.floor(BEGUN / 60) * 60.0 - 60.0 * back for back in range(1, 61)]
    past = source.coarse.baseline
    return {**numbers, past.n: dict.fromkeys(minutes, 600.0), past.bad: dict.fromkeys(minutes, 1.0)}


def rows(found: Rollout, numbers: Any, now: float, copy: Copy = NOTHING_KEPT) -> tuple[Minute, ...]:
    return observe.minutes(found, numbers, now, copy)[TOLD]


def walked(found: tuple[Minute, ...]) -> list[Minute]:
    return [row for row in found if row.step >= 0]


def test_a_second_counts_at_its_end_and_the_timeout_and_how_late_lines_are() -> None:
    found, now = rollout(), BEGUN + 60
    (first, *_, last) = walked(rows(found, told(found, now), now))
    assert first.t == math.ceil(BEGUN), "the second in which the weight was written mixes two splits"
    assert last.t + 1 == complete_until(found, now, FINE) == math.floor(now - found.timeout_s - FINE.lag_s)


def test_the_hour_before_is_counted_by_the_minute_as_far_as_it_was_complete_when_the_walk_began() -> None:
    found, now = rollout(), BEGUN + 60
    before = [row for row in rows(found, told(found, now), now) if row.step < 0]
    assert {row.baseline.n for row in before} == {600}
    assert before[-1].t + 60 <= BEGUN - found.timeout_s - found.lag_s < before[-1].t + 120
    assert len(before) == 57


def test_what_is_late_is_counted_when_it_comes() -> None:
    found, now = rollout(), BEGUN + 60
    early = walked(rows(found, told(found, BEGUN + 20), now))
    assert early[-1].t + 1 < BEGUN + 20, "of a service that is never silent, the newest second may be there in part"
    assert early == walked(rows(found, told(found, now), now))[: len(early)]


def test_silence_is_believed_where_it_is_usual_once_it_has_lasted() -> None:
    found = rollout()
    gaps = tuple(range(int(BEGUN) + at, int(BEGUN) + at + 4) for at in range(2, 40, 8))
    numbers = told(found, BEGUN + 40, silent=gaps)
    at_once = walked(rows(found, numbers, BEGUN + 55))
    later = walked(rows(found, numbers, BEGUN + 120))
    assert at_once[-1].t < BEGUN + 40 < later[-1].t
    assert later[-1].t + 1 == complete_until(found, BEGUN + 120, FINE) - FINE.lag_s


def test_a_second_of_which_the_failures_have_not_come_ends_the_evidence() -> None:
    found, now = rollout(), BEGUN + 60
    numbers = told(found, now)
    half = math.ceil(BEGUN) + 10.0
    del numbers[sources(found)[TOLD].canary.bad][half]
    assert walked(rows(found, numbers, now))[-1].t == half - 1


def copied(found: Rollout, until: float, **options: Any) -> Copy:
    """What a controller that looked every ten minutes has in the ledger by then."""
    copy, at = NOTHING_KEPT, BEGUN
    while (at := at + 600) <= until:
        copy = settled(rows(found, told(found, at, **options), at, copy), FINE.period_s, at - RECENT_S)
    return copy


def test_later_seconds_of_a_step_are_put_together_and_none_is_lost() -> None:
    found, now = rollout(), BEGUN + 4 * 3600
    seen = walked(rows(found, told(found, now), now, copied(found, now)))
    lengths = {length: [row for row in seen if row.periods == length] for length in {row.periods for row in seen}}
    assert len(lengths[1]) == pytest.approx(900, abs=1)
    assert len(lengths[10]) == pytest.approx((3 * 3600 - 900) / 10, abs=2)
    assert lengths[60], "after three hours by the minute"
    assert all(row.t % 10 == 0 for row in lengths[10])
    assert all(row.t % 60 == 0 for row in lengths[60])
    ends = [row.t + row.periods for row in seen]
    assert [row.t for row in seen[1:]] == ends[:-1], "without a gap"
    assert all(row.canary.n == 10 * row.periods for row in seen)


def test_seconds_that_cloudwatch_has_deleted_and_nobody_copied_are_no_silence() -> None:
    found, now = rollout(), BEGUN + 5 * 3600
    seen = walked(rows(found, told(found, now, start=now - 3 * 3600), now, copied(found, BEGUN + 1200)))
    lost = [t for row in seen if not row.canary.n for t in (row.t,)]
    assert lost == []
    assert sum(row.periods for row in seen) < 4.3 * 3600, "they are no time in which it baked either"
    assert judge(seen, steps=2, bake=5 * 3600 - 60).reason == "baking"


@pytest.mark.parametrize("resolution", [1, 5, 10])
def test_what_is_put_together_is_the_same_from_the_copy_and_from_cloudwatch(resolution: int) -> None:
    found, now = rollout(pace=Pace(resolution, 10)), BEGUN + 2400
    numbers = told(found, now, bad=1.0)
    whole = rows(found, numbers, now)
    for kept_at in (BEGUN + 700, BEGUN + 1333, BEGUN + 2000):
        copy = settled(rows(found, told(found, kept_at, bad=1.0), kept_at), resolution, kept_at - RECENT_S)
        # CloudWatch has nothing left of what is copied.
        rest = {
            one: {t: n for t, n in points.items() if one.period_s is None or t >= copy.until}
            for one, points in numbers.items()
        }
        assert rows(found, rest, now, copy) == whole
        assert copy.rows[-1].t + copy.rows[-1].periods * resolution == copy.until
        assert seconds.since(found, copy, now) == copy.until
    assert judge(whole, steps=2, alpha=0.005).outcome == "FAIL"


def test_a_step_s_last_seconds_count_though_their_group_is_not_full() -> None:
    found = rollout(step=1)
    now = BEGUN + 3600 + 60
    seen = walked(rows(found, told(found, now), now))
    first = [row for row in seen if row.step == 0]
    assert sum(row.periods for row in first) == 3599, "but for the second of either write"
    assert next(row for row in seen if row.step == 1).t == math.ceil(BEGUN + 3600)


def test_one_call_a_length_of_period_and_only_what_is_not_copied() -> None:
    found, now = rollout(), BEGUN + 1200
    asked: list[tuple[set[int | None], float, float]] = []

    class Asked:
        def read(self, series: tuple[Series, ...], start: float, end: float) -> dict[Series, dict[float, float]]:
            asked.append(({one.period_s for one in series}, start, end))
            return {one: {} for one in series}

    others = [replace(found, release_id=f"r{index}", function=f"f{index}") for index in range(5)]
    copies = {one.release_id: Copy(BEGUN + 600.6) for one in (found, *others)}
    slow = replace(found, release_id="slow", terms=Terms())
    got, fault = observe.read(Asked(), [found, *others, slow], now, copies)  # type: ignore[arg-type]
    assert fault is None
    assert [one[0] for one in asked] == [{None}, {1}]
    assert asked[1][1:] == (BEGUN + 600.6, complete_until(found, now, FINE))
    assert set(got) == {one for each in (found, *others, slow) for one in series_of(each)}


def test_without_the_declaration_nothing_is_read_by_the_second() -> None:
    plain = replace(rollout(), terms=Terms())
    assert {one.period_s for one in series_of(plain)} == {None}
    assert observe.told(plain, {}, BEGUN + 60) is None
    assert lines(plain) == ()
