"""Many walks in one process: what a round asks of AWS, that trouble with one stays with it, and throttling."""

from __future__ import annotations

import engine_kit
import many_kit
import pytest
from many_kit import Fleet, counting

from pipeline import aws, local
from pipeline.aws.budget import UNLIMITED, Bucket, Budget, Limit
from pipeline.aws.metrics import Metrics, Series
from pipeline.release.walk import run, tick

MANY = 20


@pytest.fixture(scope="module")
def functions(embedded: local.Running) -> Fleet:
    return many_kit.fleet(embedded, "many", MANY)


@pytest.fixture
def fleet(functions: Fleet, embedded: local.Running, namespace: str) -> Fleet:
    """The services as they were in the beginning, under a bucket's prefix nobody has used."""
    return functions.again(embedded, namespace)


def test_a_round_reads_the_metrics_once_and_each_alias_once(fleet: Fleet) -> None:
    walks = tick(fleet.engine, fleet.begun())
    fleet.at += 1
    with counting(fleet.env) as counts:
        walks = tick(fleet.engine, walks)
    assert fleet.reads == 1
    assert counts == {"GetAlias": MANY, "GetObject": MANY}
    assert {walk.rollout.step for walk in walks} == {0}


def test_one_that_is_worse_goes_back_alone(fleet: Fleet) -> None:
    bad = fleet.names[7]
    fleet.traffic[bad] = engine_kit.traffic(bad=0.5)
    ended = run(fleet.engine, fleet.begun(), lambda _: None, fleet.pass_time)
    assert {walk.rollout.service for walk in ended if walk.rollout.phase == "rolled-back"} == {bad}
    assert fleet.phases() == {"promoted": MANY - 1, "rolled-back": 1}
    assert {fleet.alias(name).version for name in fleet.names if name != bad} == {"2"}
    assert (fleet.alias(bad).version, fleet.alias(bad).weights) == ("1", {})


def test_two_thousand_series_are_four_calls(fleet: Fleet) -> None:
    series = [Series(f"many-{n}", "live", "1", metric) for n in range(1000) for metric in ("Invocations", "Errors")]
    with counting(fleet.env) as counts:
        found = Metrics(fleet.env).read(series, fleet.at - 60, fleet.at)
    assert counts == {"GetMetricData": 4}
    assert set(found) == set(series)


def test_throttled_on_all_sides_every_walk_ends_as_its_evidence_says(fleet: Fleet) -> None:
    bad = {fleet.names[3], fleet.names[11]}
    fleet.traffic.update(dict.fromkeys(bad, engine_kit.traffic(bad=0.5)))
    walks = fleet.begun()
    waited: list[float] = []
    budget = Budget(dict.fromkeys(UNLIMITED, Limit(200, 20)), lambda limit: Bucket(limit, pause=waited.append))
    reads = aws.client(fleet.env, "lambda")
    with (
        aws.sharing(budget),
        engine_kit.losing(fleet.env, "GetAlias", "429", 40, reads) as looked,
        engine_kit.losing(fleet.env, "UpdateAlias", "429", 30) as moved,
        counting(fleet.env) as counts,
    ):
        run(fleet.engine, walks, lambda _: None, fleet.pass_time)
    assert (len(looked), len(moved)) == (40, 30)
    assert fleet.phases() == {"promoted": MANY - len(bad), "rolled-back": len(bad)}
    assert {fleet.alias(name).version for name in fleet.names if name not in bad} == {"2"}
    assert {fleet.alias(name).version for name in bad} == {"1"}
    assert counts["UpdateAlias"] == 30 + 3 * (MANY - len(bad)) + 2 * len(bad)  # each of them once, but for the refused
    assert waited


def test_a_read_that_is_always_throttled_is_sent_as_often_as_the_sdk_says_and_no_more(fleet: Fleet) -> None:
    """The budget paces attempts; it makes none of its own."""
    reads = aws.client(fleet.env, "lambda")
    attempts = reads.meta.config.retries["total_max_attempts"]
    with (
        aws.sharing(Budget(UNLIMITED, lambda limit: Bucket(limit, pause=lambda _: None))),
        engine_kit.losing(fleet.env, "GetAlias", "429", 1000, reads) as sent,
        pytest.raises(aws.TransientError, match="TooManyRequests"),
    ):
        fleet.alias(fleet.names[0])
    assert len(sent) == attempts


def test_a_version_is_published_once_lambda_has_time_for_it(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.aws.budget.BACKOFF_S", 0.001)
    name = fleet.names[0]
    state = fleet.engine.functions.state(name)
    with engine_kit.losing(fleet.env, "PublishVersion", "429", 3) as lost, counting(fleet.env) as counts:
        made = fleet.engine.functions.publish(
            name, code_sha256=state.code_sha256, revision=state.revision, description="again"
        )
    assert made.version.isdigit()
    assert (len(lost), counts["PublishVersion"]) == (3, 4)


def test_the_budget_paces_the_threads_of_a_round_together(fleet: Fleet) -> None:
    """A round of twenty at ten calls a second and five at once takes a second and a half, whoever asks."""
    waited: list[float] = []
    made = Budget({"lambda": Limit(10, 5)}, lambda limit: Bucket(limit, lambda: 0.0, waited.append))
    with aws.sharing(made):
        tick(fleet.engine, tuple(one for one in fleet.begun()))
    looks = sorted(round(one, 3) for one in waited)
    assert max(looks) >= (2 * MANY - 5) / 10  # each was looked at when it was recorded, and in the round
