"""The watchdog and the onlooker, on real aliases and a ledger of their own; the test's clock and fed metrics."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import engine_kit as kit
import pytest
import release_kit as values
from engine_kit import World, rollout_of

from pipeline import local
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import StepSpec
from pipeline.release.rollback.rollback import roll_back
from pipeline.release.terms import Order, Quiet, Terms
from pipeline.release.verbs.steering import Asker, ask
from pipeline.release.verbs.watchdog import Patrolled, Watchdog
from pipeline.release.verbs.watching import watch
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import tick

ALWAYS = Terms(quiet=(Quiet(tuple(range(7)), 0, 0),))
APPROVED = (StepSpec(0.1, 10), StepSpec(0.5, 10, approve=True))


@pytest.fixture
def place(embedded: local.Running, namespace: str) -> str:
    """A bucket of its own: the watchdog looks at every service of the environment."""
    kit.kit.client(embedded, "s3").create_bucket(Bucket=f"{namespace}-ledger")
    return f"{namespace}-ledger"


@pytest.fixture
def world(embedded: local.Running, namespace: str, place: str) -> World:
    made = kit.world(embedded, namespace)
    return World(replace(made.env, bucket=place), namespace, made.raw)


@pytest.fixture
def other(embedded: local.Running, namespace: str, place: str) -> World:
    made = kit.own_world(embedded, f"{namespace}-two")
    return World(replace(made.env, bucket=place), made.service, made.raw, made.function)


def patrol(world: World, *, once: bool = False, limit_s: float = 1000.0, pause: Any = None) -> tuple[Patrolled, ...]:
    dog = Watchdog(
        world.engine,
        once=once,
        limit_s=limit_s,
        say=lambda _: None,
        show=world.look,
        pause=pause or world.pass_time,
    )
    return dog.patrol()


def marks(world: World) -> tuple[str, int]:
    """What changes with every write."""
    return world.alias().revision, world.record().seq


def test_nothing_under_way_is_nothing_to_do(world):
    assert patrol(world) == ()


@pytest.mark.parametrize("left", ["free", "run out"])
def test_a_release_whose_controller_is_gone_is_walked_to_its_end(world, left):
    world.feed.of = kit.traffic()
    world.walking()
    if left == "run out":
        dead = Lease(world.engine.objects, world.service, ttl_s=-60, doing="deploy of c0ffee")
        assert dead._write(if_absent=True)
    (found,) = patrol(world)
    assert (found.outcome, found.exit_code, world.shown[-1]) == ("promoted", 0, ("2", {}))
    assert world.engine.ledger.history(world.service, 5)[0].outcome == "promoted"


def test_one_that_is_worse_is_rolled_back(world):
    world.feed.of = kit.traffic(bad=0.5)
    world.walking()
    (found,) = patrol(world)
    assert (found.outcome, found.exit_code, world.shown[-1]) == ("rolled-back", 3, ("1", {}))


@pytest.mark.usefixtures("lease")
def test_one_that_somebody_walks_is_left_to_them(world):
    world.walking()
    before = marks(world)
    (found,) = patrol(world)
    assert (found.outcome, found.exit_code, marks(world)) == ("busy", 0, before)
    assert found.sentence.startswith("a test by ")


@pytest.fixture
def lease(world):
    with world.lease() as held:
        yield held


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"paused": values.START + 1}, "paused"),
        ({"steps": APPROVED, "waiting": values.START + 15}, "50 % of the traffic waits for approval"),
        ({"phase": "held", "on_inconclusive": "hold", "deadline_s": 5}, "no conclusion within 5 s"),
    ],
)
@pytest.mark.parametrize("once", [True, False])
def test_what_waits_for_a_person_is_not_even_written(world, changes, sentence, once):
    held = changes.get("phase") == "held"
    world.feed.of = (lambda _v, metric: 1.0 if metric == "Invocations" else 0.0) if held else kit.traffic()
    world.walking(**changes)
    world.at += 20
    before = marks(world)
    (found,) = patrol(world, once=once)
    assert (found.outcome, found.exit_code, marks(world)) == ("held", 4, before)
    assert sentence in found.sentence


def test_quiet_hours_before_the_first_step_are_waited_for(world):
    world.begun(terms=ALWAYS)
    before = marks(world)
    (found,) = patrol(world)
    assert (found.outcome, marks(world)) == ("held", before)
    assert "quiet hours" in found.sentence


@pytest.mark.parametrize("changes", [{"paused": values.START + 1}, {"steps": APPROVED, "waiting": values.START + 1}])
def test_what_waits_for_a_person_is_rolled_back_when_it_is_worse(world, changes):
    world.feed.of = kit.traffic(bad=0.5)
    world.walking(**changes)
    world.at += 20
    (found,) = patrol(world, once=True)
    assert (found.outcome, rollout_of(world).reason) == ("rolled-back", "worse")


def test_an_approval_nobody_gave_times_out(world):
    world.feed.of = kit.traffic()
    world.walking(steps=APPROVED, waiting=values.START + 1, terms=Terms(approval_timeout_s=60))
    world.at += 100
    (found,) = patrol(world, once=True)
    assert (found.outcome, found.sentence) == ("rolled-back", "nobody approved 50 % within 60 s")


def test_an_order_nobody_heard_is_obeyed(world):
    world.walking()
    ask(world.engine, "abort", [world.service], Asker("anna", None, "not today"))
    (found,) = patrol(world, once=True)
    assert (found.outcome, found.sentence) == ("aborted", "aborted by anna: not today")


def test_once_takes_the_step_that_is_due_and_lets_go(world):
    world.feed.of = kit.traffic()
    world.walking()
    (found,) = patrol(world, once=True)
    assert (found.outcome, world.record().seq) == ("walking", 1)  # nothing to do yet
    world.at += 20
    (found,) = patrol(world, once=True)
    assert (found.outcome, found.exit_code, rollout_of(world).step) == ("walking", 0, 1)
    world.at += 20
    (found,) = patrol(world, once=True)
    assert (found.outcome, world.alias().version) == ("promoted", "2")


def test_looks_now_and_then_end_a_walk_whose_metrics_stay_away(world):
    world.walking(deadline_s=30)
    world.feed.fault = kit.AwsError("could not read CloudWatch metrics: 503")
    world.at = values.START + 31
    assert patrol(world, once=True)[0].outcome == "walking"
    world.at = values.START + 60
    (found,) = patrol(world, once=True)
    assert (found.outcome, "the metrics could not be read" in found.sentence) == ("rolled-back", True)


def test_a_rollback_by_hand_is_recorded(world):
    world.walking()
    roll_back(world.engine.functions, world.function, "live", None)
    (found,) = patrol(world, once=True)
    assert found.outcome == "rolled-back"
    assert world.record().under_way is None


def test_the_time_is_up_and_the_next_one_goes_on(world):
    world.feed.of = kit.traffic()
    world.walking()
    (found,) = patrol(world, limit_s=3)
    assert (found.outcome, found.exit_code) == ("walking", 0)
    assert patrol(world)[0].outcome == "promoted"


def test_a_pause_in_mid_patrol_lets_go(world):
    world.feed.of = kit.traffic()
    world.walking()

    def paused(seconds: float) -> None:
        world.pass_time(seconds)
        if rollout_of(world).paused is None and world.engine.ledger.order(world.service) is None:
            ask(world.engine, "pause", [world.service], Asker("anna"))

    (found,) = patrol(world, pause=paused)
    assert (found.outcome, rollout_of(world).paused is not None) == ("held", True)


def test_one_services_fault_never_stops_the_others(world, other):
    world.feed.of = other.feed.of = kit.traffic()
    world.walking()
    world.meddle("1", {"2": 0.3})
    world.engine.objects.put("crabwalk/services/broken/state.json", b"not JSON")
    kit.kit.settle(other.raw, other.function)
    other.raw.update_function_code(FunctionName=other.function, ZipFile=kit.kit.package(salt="second"))
    kit.kit.settle(other.raw, other.function)
    other.raw.publish_version(FunctionName=other.function)
    other.walking()
    found = {one.service: one for one in patrol(world)}
    assert {name: (one.outcome, one.exit_code) for name, one in found.items()} == {
        world.service: ("conflict", 5),
        "broken": ("failed", 1),
        other.service: ("promoted", 0),
    }
    assert "it is not JSON" in found["broken"].sentence


def test_two_watchdogs_do_the_work_of_one(world):
    world.feed.of = kit.traffic()
    world.walking()
    seen = []

    def meanwhile(seconds: float) -> None:
        world.pass_time(seconds)
        if not seen:
            seen.append(patrol(world, once=True))

    (found,) = patrol(world, pause=meanwhile)
    ((second,),) = seen
    assert (found.outcome, second.outcome) == ("promoted", "busy")
    assert len(world.engine.ledger.history(world.service, 5)) == 1


# watching


def test_an_onlooker_sees_the_walk_to_its_end_and_writes_nothing(world, lease):
    world.feed.of = kit.traffic()
    world.walking()
    walks = [world.walk(world.record(), lease)]
    views: list[Any] = []

    def goes_on(seconds: float) -> None:
        world.pass_time(seconds)
        walks[:] = tick(world.engine, walks)

    (ended,) = watch(world.controller(), [world.service, "nothing"], views.extend, goes_on)
    assert (ended.rollout.phase, views[0].phase, views[-1].phase) == ("promoted", "walking", "promoted")
    assert views[0].weight == 0.1
    assert max(one.canary.n for one in views) > 100
    assert isinstance(walks[0], Walk)


def test_an_onlooker_of_what_somebody_else_changed_says_so_and_ends(world):
    world.walking()
    world.meddle("1", {"2": 0.3})
    views: list[Any] = []
    (stuck,) = watch(world.controller(), [world.service], views.extend, world.pass_time)
    assert stuck.decision is not None
    assert (stuck.decision.kind, views[-1].phase, views[-1].weight) == ("conflict", "held", 0.3)
    assert "version 1 with 30 % to version 2" in views[-1].next


def test_an_onlooker_of_what_is_held_and_nobody_walks_ends(world):
    world.walking(phase="held", sentence="no conclusion")
    views: list[Any] = []
    (stuck,) = watch(world.controller(), [world.service], views.extend, world.pass_time)
    assert (stuck.rollout.phase, stuck.left, views[-1].phase) == ("held", True, "held")


def test_an_onlooker_is_told_of_a_pause_and_that_nobody_walks_it(world):
    world.walking()
    views: list[Any] = []

    def leave(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(world.controller(), [world.service], views.extend, leave)
    assert (views[-1].phase, "nothing happens by itself until" in views[-1].next) == ("left", True)
    order = Order("pause", "release", "n", "root", None, "lunch", world.engine.now())
    world.engine.ledger.save(
        replace(world.record(), rollout=replace(rollout_of(world), paused=world.engine.now(), obeyed=(order,)))
    )
    with pytest.raises(KeyboardInterrupt):
        watch(world.controller(), [world.service], views.extend, leave)
    assert (views[-1].phase, views[-1].next.partition(";")[0]) == ("paused", "paused by root: lunch")


def test_an_onlooker_of_a_service_at_rest_returns_at_once(world):
    kit.promoted(world)
    before = marks(world)
    assert watch(world.engine, [world.service], lambda _: None) == ()
    assert marks(world) == before


@pytest.fixture
def second(other: World) -> World:
    """The other service, with a version to walk."""
    other.raw.update_function_configuration(FunctionName=other.function, Description="second")
    kit.kit.settle(other.raw, other.function)
    other.raw.publish_version(FunctionName=other.function)
    return other


@pytest.mark.parametrize("once", [True, False])
def test_a_group_left_behind_ends_as_one(world, second, once):
    """The scheduled look never promotes one of them alone, although the other has nothing to do yet."""
    world.feed.of = kit.traffic()
    shop = Terms(together="shop")
    world.walking(1, terms=shop, release_id="one")
    second.walking(1, terms=shop, release_id="two", steps=(StepSpec(0.1, 10), StepSpec(0.5, 25)))
    seen = []
    for _ in range(60):
        patrol(world, once=once)
        seen.append((rollout_of(world).phase, rollout_of(second).phase))
        world.pass_time(1)
        if all(phase in {"promoted", "rolled-back"} for phase in seen[-1]):
            break
    assert seen[-1] == ("promoted", "promoted")
    assert not [one for one in seen[:-1] if "promoted" in one]


def test_a_group_of_which_somebody_else_walks_one_is_not_promoted_by_half(world, second):
    world.feed.of = kit.traffic()
    shop = Terms(together="shop")
    world.walking(1, terms=shop, release_id="one")
    second.walking(1, terms=shop, release_id="two")
    with second.lease():
        found = {one.service: one for one in patrol(world)}
    assert (found[world.service].outcome, found[second.service].outcome) == ("held", "busy")
    assert (
        rollout_of(world).sentence
        == f"it goes together with `{second.service}`: its release is under way, and is not walked here"
    )
    assert (world.alias().version, second.alias().version) == ("1", "1")


def test_a_record_that_cannot_be_read_is_told_and_keeps_no_group_from_its_end(world, second):
    world.feed.of = kit.traffic()
    world.engine.objects.put("crabwalk/services/broken/state.json", b"{")
    shop = Terms(together="shop")
    world.walking(1, terms=shop, release_id="one")
    second.walking(1, terms=shop, release_id="two")
    found = {one.service: one for one in patrol(world)}
    assert found.pop("broken").outcome == "failed"
    assert [one.outcome for one in found.values()] == ["promoted", "promoted"]
