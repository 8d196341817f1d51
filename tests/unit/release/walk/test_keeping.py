"""When what was judged by the second is copied to the ledger, and what an unreadable copy does to a walk."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import release_kit as values
from bucket_kit import Bucket

from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment
from pipeline.release.judge.judge import Counts, Minute
from pipeline.release.ledger.copies import Copies, key_of
from pipeline.release.model import StepSpec
from pipeline.release.terms import Pace, Terms, terms_of
from pipeline.release.walk.keeping import keep
from pipeline.release.walk.metering import metered
from pipeline.release.walk.walk import FINE_TICK_S, tick_s

ROLLOUT = replace(values.walking(), steps=(StepSpec(0.5, 3600),), terms=Terms(evidence=Pace(1, 10)))
KEY = key_of(ROLLOUT.service, ROLLOUT.release_id)


class Kept:
    """An engine as far as copies are concerned, and a walk that goes on."""

    def __init__(self) -> None:
        self.bucket, self.said = Bucket(), list[str]()
        self.engine: Any = SimpleNamespace(copies=Copies(self.bucket), say=self.said.append, metrics=None)

    def look(self, age: float, *, over: bool = False, **changes: Any) -> int:
        """One round so long after the step began; how many seconds the ledger has then."""
        rows = tuple(Minute(values.START + t, 0, Counts(5, 0), Counts(5, 0)) for t in range(int(age) - 13))
        seen = replace(values.saw(values.own_alias(ROLLOUT)), minutes={"failures": rows}, **changes)
        keep(self.engine, ROLLOUT, seen, values.START + age, over=over)
        return self.bucket.bodies[KEY].count(b"\n") - 2 if KEY in self.bucket.bodies else 0


def test_it_is_copied_once_a_minute_as_far_as_nothing_late_is_counted_any_more() -> None:
    kept = Kept()
    assert [kept.look(age) for age in (60, 313, 372)] == [0, 0, 0]
    assert [kept.look(age) for age in (373, 380, 432)] == [60, 60, 60]
    assert kept.look(433) == 120


def test_at_the_end_everything_is() -> None:
    kept = Kept()
    assert kept.look(40, over=True) == 27


def test_what_cannot_be_written_is_said_and_written_in_the_next_round() -> None:
    kept = Kept()
    kept.bucket.away = True
    assert kept.look(400) == 0
    assert kept.said == ["the evidence of `hello` was not copied: could not write: AWS cannot be reached"]
    kept.bucket.away = False
    assert kept.look(405) == 92


@pytest.mark.parametrize("changes", [{"metrics_error": "503"}, {"minutes": {}}])
def test_nothing_is_copied_where_nothing_was_seen(changes: dict[str, Any]) -> None:
    kept = Kept()
    seen = replace(values.saw(values.own_alias(ROLLOUT)), **{"minutes": {"failures": ()}, **changes})
    keep(kept.engine, ROLLOUT, seen, values.START + 900, over=True)
    assert kept.bucket.bodies == {}


def test_a_copy_that_cannot_be_read_is_metrics_that_cannot_be_of_that_walk_alone() -> None:
    kept, read = Kept(), list[str]()
    kept.engine.metrics = SimpleNamespace(read=lambda wanted, *_: read.extend({one.function for one in wanted}) or {})
    kept.bucket.bodies[KEY] = b"damaged"
    other = replace(ROLLOUT, service="other", function="shop-other", release_id="20260102T030405-other1")
    plain = replace(ROLLOUT, service="plain", release_id="20260102T030405-plain1", terms=Terms())
    seen = metered(kept.engine, [ROLLOUT, other, plain], values.START + 60)
    assert [seen.error_of(one) for one in (ROLLOUT, other, plain)] == [
        "the ledger's copy of the evidence cannot be read",
        None,
        None,
    ]
    assert "shop-other" in read


def test_a_controller_of_seconds_looks_more_often() -> None:
    env = Environment("production", "111122223333", "eu-west-1", "bucket")
    plain = replace(ROLLOUT, terms=Terms())
    waits = [tick_s(env, rollouts) for rollouts in ([], [plain], [plain, ROLLOUT], [replace(ROLLOUT, step=-1)])]
    assert waits == [env.tick_s, env.tick_s, FINE_TICK_S, env.tick_s]
    assert tick_s(replace(env, tick_s=0.5), [ROLLOUT]) == 0.5


def test_the_ledger_keeps_the_pace_and_reads_records_from_before_it() -> None:
    assert terms_of({"evidence": {"period_s": 5, "lag_s": 10}}).evidence == Pace(5, 10)
    assert terms_of({}).evidence is None
    with pytest.raises(TypeError):
        terms_of({"evidence": {"period": 5}})


def test_a_bucket_that_is_away_is_said_by_its_own_words() -> None:
    kept = Kept()
    kept.bucket.get = _away  # type: ignore[method-assign]
    assert metered(kept.engine, [ROLLOUT], values.START + 60).error_of(ROLLOUT) == (
        "could not read: AWS cannot be reached"
    )


def _away(_key: str) -> None:
    raise AwsError("could not read: AWS cannot be reached")
