"""Many walks in one process: what a round asks of AWS, that trouble with one stays with it, and throttling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import engine_kit
import many_kit
import pytest
from many_kit import Fleet, NoLease, counting

from pipeline import aws, local
from pipeline.aws.budget import UNLIMITED, Bucket, Budget, Limit
from pipeline.aws.functions import AliasMoved, AliasState
from pipeline.aws.metrics import Metrics, Series
from pipeline.aws.objects import PreconditionFailed
from pipeline.release.model import StepSpec
from pipeline.release.terms import Terms
from pipeline.release.walk.looking import looking_s
from pipeline.release.walk.outcome import result_of
from pipeline.release.walk.state import Walk
from pipeline.release.walk.view import WalkView
from pipeline.release.walk.walk import run, tick

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


def test_a_guarded_write_that_was_one_too_many_is_made_again(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS says that it has not happened, and its guard says whether it still may."""
    monkeypatch.setattr("pipeline.aws.budget.BACKOFF_S", 0.001)
    seen = fleet.alias(fleet.names[0])
    with aws.sharing(Budget(UNLIMITED)):
        with engine_kit.losing(fleet.env, "UpdateAlias", "429", 2) as lost, counting(fleet.env) as counts:
            fleet.engine.functions.write_alias(seen, seen.version, {}, "again")
        assert (len(lost), counts["UpdateAlias"]) == (2, 3)
        with engine_kit.losing(fleet.env, "UpdateAlias", "429", 2), pytest.raises(AliasMoved):
            fleet.engine.functions.write_alias(seen, seen.version, {}, "never")
        with (
            engine_kit.losing(fleet.env, "UpdateAlias", "429", 9) as lost,
            pytest.raises(aws.TransientError, match="TooManyRequests"),
        ):
            fleet.engine.functions.write_alias(fleet.alias(fleet.names[0]), seen.version, {}, "old by then")
        assert len(lost) == 3
    with engine_kit.losing(fleet.env, "UpdateAlias", "429", 9) as lost, pytest.raises(aws.TransientError):
        fleet.engine.functions.write_alias(fleet.alias(fleet.names[0]), seen.version, {}, "one walk alone")
    assert len(lost) == 1

    writer = aws.client(fleet.env, "s3", retries=False)
    objects, key = fleet.engine.objects, f"crabwalk/services/{fleet.names[0]}/guarded.json"
    with engine_kit.losing(fleet.env, "PutObject", "429", 4, writer) as lost:
        etag = objects.put(key, b"one", if_absent=True)
    assert len(lost) == 4
    with engine_kit.losing(fleet.env, "PutObject", "429", 1, writer), pytest.raises(PreconditionFailed):
        objects.put(key, b"two", if_match=etag.replace("0", "1").replace("2", "3"))


def test_one_refused_call_in_a_long_round_is_no_absence(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round of very many walks lasts longer than a lease; who is refused at its end is tried again in the next."""
    walks = fleet.begun()
    read, refused = fleet.engine.functions.alias, [fleet.names[2]] * 2

    def alias(function: str, name: str) -> AliasState:
        if function == fleet.names[2] and refused:
            refused.pop()
            fleet.at += fleet.env.lease_s + 1
            raise aws.TransientError("could not read alias `live`: TooManyRequestsException: Rate exceeded")
        return read(function, name)

    monkeypatch.setattr(fleet.engine.functions, "alias", alias)
    run(fleet.engine, walks, lambda _: None, fleet.pass_time)
    assert not refused
    assert fleet.phases() == {"promoted": MANY}


def test_who_goes_forward_waits_for_the_next_round_where_writes_are_slow(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a round stays short, and what is worse is found and taken back while others still wait to begin."""
    write, writing_s = fleet.engine.functions.write_alias, looking_s(fleet.env)
    bad, rounds, ended = fleet.names[0], [fleet.at], list[tuple[int, int]]()
    fleet.traffic[bad] = engine_kit.traffic(bad=0.5)

    def slowly(*state: Any) -> AliasState:
        fleet.at += writing_s
        return write(*state)

    def show(views: Sequence[WalkView]) -> None:
        rounds.append(fleet.at)
        phases = Counter(one.phase for one in views)
        ended.append((phases["rolled-back"], sum(one.weight == 0 for one in views if one.service != bad)))

    def pause(seconds: float) -> None:
        fleet.pass_time(seconds)
        rounds.append(fleet.at)

    monkeypatch.setattr("pipeline.release.walk.walk.abreast", lambda work, items, **_: tuple(map(work, items)))
    monkeypatch.setattr(fleet.engine.functions, "write_alias", slowly)
    run(fleet.engine, fleet.begun(), show, pause)
    assert fleet.phases() == {"promoted": MANY - 1, "rolled-back": 1}
    assert max(end - begin for begin, end in zip(rounds[::2], rounds[1::2], strict=True)) <= 3 * writing_s
    assert any(back and waiting for back, waiting in ended)


def test_the_budget_paces_the_threads_of_a_round_together(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round of twenty at ten calls a second and five at once takes a second and a half, whoever asks."""
    monkeypatch.setattr("pipeline.release.walk.looking.SHARE", float("inf"))  # none waits for the next one
    waited: list[float] = []
    made = Budget({"lambda": Limit(10, 5)}, lambda limit: Bucket(limit, lambda: 0.0, waited.append))
    with aws.sharing(made):
        tick(fleet.engine, tuple(one for one in fleet.begun()))
    looks = sorted(round(one, 3) for one in waited)
    assert max(looks) >= (2 * MANY - 5) / 10  # each was looked at when it was recorded, and in the round


def group(fleet: Fleet, count: int) -> tuple[str, ...]:
    """The first so many services, as one group."""
    fleet.names = fleet.names[:count]
    return fleet.names


SHOP = Terms(together="shop")


def test_a_group_goes_back_as_one_and_only_the_guilty_is_not_tried_again(fleet: Fleet) -> None:
    good, bad, late = group(fleet, 3)
    fleet.traffic[bad] = engine_kit.traffic(bad=0.5)
    walks = fleet.begun(terms=SHOP)
    ended = {walk.rollout.service: walk for walk in run(fleet.engine, walks, lambda _: None, fleet.pass_time)}
    assert fleet.phases() == {"rolled-back": 3}
    assert {fleet.alias(name).version for name in fleet.names} == {"1"}
    assert [len(fleet.record(name).rejected) for name in (good, bad, late)] == [0, 1, 0]
    told = result_of(ended[good].rollout, ended[good].decision, fleet.at)
    assert (told.outcome, told.check) == ("rolled-back", "together")
    assert told.sentence.startswith(f"`{bad}`, which it goes together with, went back: of ")
    assert told.next == "it is tried again with the next deploy of its group `shop`"
    assert fleet.engine.ledger.history(good, 1)[0].reason == "together"


def test_a_group_is_promoted_in_one_round_when_the_last_is_ready(fleet: Fleet) -> None:
    first, last = group(fleet, 2)
    slow = replace(fleet.rollout(last), steps=(StepSpec(0.1, 10), StepSpec(0.5, 30)), terms=SHOP)
    walks = (*fleet.begun((first,), terms=SHOP), fleet.begin(slow))
    seen: list[tuple[str, ...]] = []

    def look(views: Sequence[WalkView]) -> None:
        seen.append(tuple(view.phase for view in views))

    run(fleet.engine, walks, look, fleet.pass_time)
    assert fleet.phases() == {"promoted": 2}
    assert set(seen) <= {("walking", "walking"), ("promoted", "promoted"), ("inconclusive", "walking")}


@pytest.mark.parametrize("how", ["429", "timeout", "503"])
def test_what_has_all_traffic_is_taken_back_with_its_group(fleet: Fleet, how: str) -> None:
    """One has all traffic, the other is refused it; then the other turns out to be worse."""
    quick, refused = group(fleet, 2)
    walks = fleet.begun(terms=SHOP)
    while not all(walk.rollout.step == 1 for walk in walks):
        walks = tick(fleet.engine, walks)
        fleet.at += 1
    write = fleet.engine.functions.write_alias

    def refusing(seen: AliasState, version: str, *more: Any) -> AliasState:
        if seen.function == refused and version == "2":
            raise AliasMoved(refused)
        return write(seen, version, *more)

    fleet.engine.functions.write_alias = refusing  # type: ignore[method-assign]
    while not any(walk.rollout.moved for walk in walks):
        walks = tick(fleet.engine, walks)
        fleet.at += 1
    assert [(walk.rollout.phase, walk.rollout.moved) for walk in walks] == [("walking", True), ("walking", False)]
    fleet.traffic[refused] = engine_kit.traffic(bad=0.5)
    with engine_kit.losing(fleet.env, "UpdateAlias", how, 2) as lost:
        run(fleet.engine, walks, lambda _: None, fleet.pass_time)
    assert len(lost) == 2
    assert fleet.phases() == {"rolled-back": 2}
    assert [(fleet.alias(name).version, fleet.alias(name).weights) for name in fleet.names] == [("1", {})] * 2
    assert fleet.record(quick).promoted is None
    told = {(one.kind, one.outcome, one.reason) for one in fleet.engine.ledger.history(quick, 5)}
    assert told == {("release", "rolled-back", "together")}


def test_what_was_promoted_by_itself_stays_when_its_group_goes_back(fleet: Fleet) -> None:
    quick, bad = group(fleet, 2)
    walks = list(fleet.begun(terms=SHOP))
    (promoted,) = run(fleet.engine, [replace(walks[0], lease=NoLease())], lambda _: None, fleet.pass_time)
    fleet.traffic[bad] = engine_kit.traffic(bad=0.5)
    ended = run(fleet.engine, [promoted, walks[1]], lambda _: None, fleet.pass_time)
    assert [walk.rollout.phase for walk in ended] == ["promoted", "rolled-back"]
    assert fleet.alias(quick).version == "2"


def test_a_group_whose_other_half_was_rolled_back_before_a_crash_goes_back_too(fleet: Fleet) -> None:
    left, gone = group(fleet, 2)
    walks = fleet.begun(terms=SHOP)
    over = replace(walks[1].rollout, phase="rolled-back", ended=fleet.at, sentence="it was worse")
    (ended,) = run(fleet.engine, walks[:1], lambda _: None, fleet.pass_time, beside=(over,))
    assert (ended.rollout.phase, ended.rollout.reason) == ("rolled-back", "together")
    assert ended.rollout.sentence == f"`{gone}`, which it goes together with, went back: it was worse"
    assert fleet.record(left).rejected == ()


def test_walks_join_while_others_walk(fleet: Fleet) -> None:
    """Never more than three at a time, and no round waits for the last."""
    waiting, most = list(fleet.begun()), []

    def join(current: Sequence[Walk]) -> list[Walk]:
        busy = sum(not walk.finished for walk in current)
        most.append(busy)
        return [waiting.pop(0) for _ in range(min(3 - busy, len(waiting)))]

    ended = run(fleet.engine, (), lambda _: None, fleet.pass_time, join=join)
    assert [walk.rollout.service for walk in ended] == list(fleet.names)
    assert fleet.phases() == {"promoted": MANY}
    assert max(most) == 3
