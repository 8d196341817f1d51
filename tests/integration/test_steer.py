"""What people ask of a release under way, with a controller that lives and with none, on a real alias and ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import engine_kit as kit
import pytest
import release_kit as values
from engine_kit import World, rollout_of

from pipeline.errors import ConflictError, UsageError
from pipeline.release.ledger.head import parse
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import StepSpec
from pipeline.release.rollback.rollback import roll_back
from pipeline.release.terms import Order, OrderKind, Terms
from pipeline.release.verbs.carry import carry_out
from pipeline.release.verbs.steering import Asker, Steered, ask
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import tick

ANNA, BERT = Asker("arn:aws:iam::1:user/anna", None, "I looked at it"), Asker("arn:aws:iam::1:user/bert", "bert", "")


HELD: list[Lease] = []  # by the controllers of a test


@pytest.fixture(autouse=True)
def given_back() -> Iterator[None]:
    """No lease is renewed any more once its test is over."""
    yield
    while HELD:
        HELD.pop().release()


class Controller:
    """Somebody else's process that walks the release: one look a pause."""

    def __init__(self, world: World) -> None:
        self.world, self.engine = world, world.controller()
        self.lease = Lease(world.engine.objects, world.service, ttl_s=60, doing="deploy of c0ffee").acquire(print)
        HELD.append(self.lease)
        record = world.record()
        assert record.rollout is not None
        self.walk = Walk(record, record.rollout, self.lease)

    def look(self, seconds: float) -> None:
        self.world.pass_time(seconds)
        (self.walk,) = tick(self.engine, [self.walk])


class Nobody:
    """No controller."""

    def __init__(self, world: World) -> None:
        self.look = world.pass_time


@pytest.fixture(params=["alive", "dead"])
def controller(request: pytest.FixtureRequest) -> Callable[[World], Controller | Nobody]:
    return Controller if request.param == "alive" else Nobody


def steer(
    world: World, kind: OrderKind, look: Callable[[float], None], asker: Asker = ANNA, *, go_on: bool = False
) -> Steered:
    (order,) = ask(world.engine, kind, [world.service], asker)
    if isinstance(order, Steered):
        return order
    (done,) = carry_out(
        world.engine, [(world.service, order)], go_on=go_on, show=world.look, say=lambda _: None, pause=look
    )
    return done


def weights(world: World) -> tuple[str, dict[str, float]]:
    alias = world.alias()
    return alias.version, dict(alias.weights)


def test_promote_takes_the_next_step(world, controller):
    world.walking()
    someone = controller(world)
    done = steer(world, "promote", someone.look)
    assert (done.outcome, done.sentence) == ("done", "promoted to 50 %: I looked at it")
    assert weights(world) == ("1", {"2": 0.5})
    assert [(one.kind, one.actor, one.reason) for one in rollout_of(world).obeyed] == [
        ("promote", ANNA.actor, "I looked at it")
    ]
    assert (done.by is None) == isinstance(someone, Nobody)


def test_promote_full_takes_all_traffic_and_the_history_says_who(world, controller):
    world.walking()
    done = steer(world, "full", controller(world).look)
    assert (done.outcome, done.exit_code, weights(world)) == ("promoted", 0, ("2", {}))
    (entry,) = world.engine.ledger.history(world.service, 5)
    assert [(one["kind"], one["actor"], one["reason"]) for one in entry.orders] == [
        ("full", ANNA.actor, "I looked at it")
    ]
    assert entry.sentence == "promoted by user/anna: I looked at it"
    assert [one["traffic"] for one in entry.steps] == [0.1, 1]


def test_promote_goes_on_walking_where_nobody_does(world):
    world.feed.of = kit.traffic()
    world.walking()
    done = steer(world, "promote", world.pass_time, go_on=True)
    assert (done.outcome, done.exit_code, weights(world)) == ("promoted", 0, ("2", {}))
    assert done.by is None


def test_what_turns_out_worse_is_rolled_back_whatever_was_asked(world, controller):
    world.walking()
    world.at += 15
    world.feed.of = kit.traffic(bad=0.5)
    done = steer(world, "full", controller(world).look)
    assert (done.outcome, done.exit_code, weights(world)) == ("rolled-back", 3, ("1", {}))
    assert rollout_of(world).obeyed == ()


def test_a_pause_holds_and_a_resume_goes_on(world, controller):
    world.feed.of = kit.traffic()
    world.walking()
    someone = controller(world)
    done = steer(world, "pause", someone.look)
    assert (done.outcome, done.exit_code) == ("done", 0)
    paused = rollout_of(world).paused
    assert paused is not None
    for _ in range(30):
        someone.look(1)
    assert weights(world) == ("1", {"2": 0.1})
    again = steer(world, "pause", someone.look, BERT)
    assert (again.outcome, again.sentence) == ("nothing", "paused by user/anna already")

    done = steer(world, "resume", someone.look, BERT)
    assert done.outcome == "done"
    rollout = rollout_of(world)
    assert (rollout.paused, [one.kind for one in rollout.obeyed]) == (None, ["pause", "resume"])
    assert rollout.clock is not None
    assert rollout.clock >= rollout.started + 30  # the pause does not count against the deadline
    assert (rollout.obeyed[1].actor, rollout.obeyed[1].claimed_actor) == (BERT.actor, "bert")


def test_a_held_walk_is_resumed_with_a_new_deadline(world):
    world.feed.of = kit.traffic()
    record = world.walking(deadline_s=100)
    world.engine.ledger.save(replace(record, rollout=replace(rollout_of(world), phase="held", reason="hold")))
    world.at += 1000
    done = steer(world, "resume", world.pass_time, go_on=True)
    assert (done.outcome, weights(world)) == ("promoted", ("2", {}))
    assert rollout_of(world).clock is not None


@pytest.mark.parametrize("step", [-1, 0])
def test_abort_ends_it(world, controller, step):
    world.walking() if step == 0 else world.begun()
    done = steer(world, "abort", controller(world).look)
    assert (done.outcome, done.exit_code, weights(world)) == ("done", 0, ("1", {}))
    assert done.sentence == "aborted by user/anna: I looked at it"
    (entry,) = world.engine.ledger.history(world.service, 5)
    assert (entry.outcome, entry.reason, entry.orders[0]["kind"]) == ("aborted", "aborted", "abort")
    head = parse(world.alias().description)
    assert (head.state if head else None) == ("back" if step == 0 else None)


def test_approval_is_a_promote_of_who_may(world, controller):
    steps = (StepSpec(0.1, 10), StepSpec(0.5, 10, approve=True))
    world.feed.of = kit.traffic()
    world.walking(steps=steps, terms=Terms(approvers=("anna",)))
    world.at += 20
    someone = controller(world)
    someone.look(1)
    with pytest.raises(UsageError, match="arn:aws:iam::1:user/bert is not among the approvers"):
        steer(world, "promote", someone.look, BERT)
    assert world.engine.ledger.order(world.service) is None
    done = steer(world, "promote", someone.look, replace(ANNA, reason=""))
    assert (done.outcome, weights(world)) == ("done", ("1", {"2": 0.5}))


def test_what_the_engine_would_refuse_is_refused_before_it_is_asked(world):
    with pytest.raises(UsageError, match=f"no service `{world.service}` was released"):
        ask(world.engine, "promote", [world.service], ANNA)
    world.walking()
    with pytest.raises(UsageError, match=r"not promoted: the evidence does not say so yet .* a reason is needed") as no:
        ask(world.engine, "promote", [world.service], BERT)
    assert '--reason "..."' in (no.value.hint or "")
    world.meddle("1", {"2": 0.3})
    with pytest.raises(ConflictError, match="changed by somebody else") as conflict:
        ask(world.engine, "promote", [world.service], ANNA)
    assert "crabwalk rollback" in (conflict.value.hint or "")
    assert "adopt" not in (conflict.value.hint or ""), "what is split cannot be adopted"
    roll_back(world.engine.functions, world.function, "live", None)
    with pytest.raises(ConflictError, match="somebody rolled"):
        ask(world.engine, "pause", [world.service], ANNA)
    assert steer(world, "abort", world.pass_time).outcome == "done"
    with pytest.raises(UsageError, match=r"no release of .* is under way; release .* was rolled back: somebody rolled"):
        ask(world.engine, "resume", [world.service], ANNA)
    assert world.engine.ledger.order(world.service) is None or rollout_of(world).over


def test_an_order_is_obeyed_once(world, lease):
    world.walking()
    (order,) = ask(world.engine, "promote", [world.service], ANNA)
    assert isinstance(order, Order)
    walk = world.walk(world.record(), lease)
    for _ in range(5):
        world.pass_time(1)
        (walk,) = tick(world.engine, [walk])
    assert (walk.rollout.step, len(walk.rollout.obeyed)) == (1, 1)


def test_an_order_for_another_release_is_ignored(world, lease):
    world.walking()
    world.engine.ledger.place(world.service, Order("full", "another", "n" * 16, "anna", None, "why", world.at))
    (walk,) = tick(world.engine, [world.walk(world.record(), lease)])
    assert (walk.rollout.step, walk.rollout.obeyed) == (0, ())


def test_two_people_who_promote_at_once_take_one_step(world):
    world.walking()
    someone = Controller(world)
    (first,) = ask(world.engine, "promote", [world.service], ANNA)
    assert isinstance(first, Order)
    (second,) = ask(world.engine, "promote", [world.service], replace(BERT, reason="me too"))
    assert isinstance(second, Order)
    someone.look(1)
    world.engine.ledger.place(world.service, first)  # as if it had arrived later
    mine, late = (
        carry_out(world.engine, [(world.service, one)], go_on=False, pause=someone.look)[0] for one in (second, first)
    )
    assert (mine.outcome, late.outcome) == ("done", "done")  # whose order it was does not matter
    assert rollout_of(world).step == 1


def test_the_last_word_counts_and_whoever_was_overtaken_is_told(world):
    world.walking()
    someone = Controller(world)
    (first,) = ask(world.engine, "promote", [world.service], ANNA)
    assert isinstance(first, Order)
    assert steer(world, "pause", someone.look, BERT).outcome == "done"
    (told,) = carry_out(world.engine, [(world.service, first)], go_on=False, pause=someone.look)
    assert (told.outcome, told.exit_code) == ("conflict", 5)
    assert told.sentence == "user/bert (GitHub says bert) asked for `pause` meanwhile; that counts"
    assert (rollout_of(world).step, rollout_of(world).paused is not None) == (0, True)


def test_nothing_comes_after_an_abort(world):
    world.walking()
    ask(world.engine, "abort", [world.service], ANNA)
    with pytest.raises(ConflictError, match="asked to abort release"):
        ask(world.engine, "promote", [world.service], ANNA)
    assert steer(world, "abort", world.pass_time, BERT).outcome == "done"


def test_a_controller_that_hears_nothing_is_named_and_the_order_stands(world):
    world.walking()
    with world.lease():
        done = steer(world, "pause", world.pass_time)
    assert (done.outcome, done.exit_code) == ("stands", 4)
    assert "(a test) holds the lease" in done.sentence
    someone = Controller(world)
    someone.look(1)
    assert rollout_of(world).paused is not None


def test_a_controller_that_dies_meanwhile_is_replaced(world):
    world.walking()
    lease = world.lease()
    looks = []

    def dies(seconds: float) -> None:
        world.pass_time(seconds)
        looks.append(seconds)
        if len(looks) == 2:
            lease.release()

    done = steer(world, "pause", dies)
    assert (done.outcome, rollout_of(world).paused is not None) == ("done", True)


def test_one_refused_service_keeps_every_order_from_being_placed(world):
    world.walking()
    with pytest.raises(UsageError):
        ask(world.engine, "abort", [world.service, "nothing"], ANNA)
    assert world.engine.ledger.order(world.service) is None
    assert values.FRESH.release_id == rollout_of(world).release_id


def test_releases_of_one_group_are_steered_together(embedded, world, namespace):
    made = kit.own_world(embedded, f"{namespace}-two")
    made.raw.update_function_code(FunctionName=made.function, ZipFile=kit.kit.package(salt="second"))
    kit.kit.settle(made.raw, made.function)
    made.raw.publish_version(FunctionName=made.function)
    for one, release in ((world, "r-one"), (made, "r-two")):
        one.walking(terms=Terms(together="shop"), release_id=release)
    alone = steer(world, "full", world.pass_time)
    assert (alone.outcome, weights(world)) == ("held", ("1", {"2": 0.1}))
    assert made.service in alone.sentence

    orders = ask(world.engine, "full", [world.service, made.service], ANNA)
    pairs = [(name, one) for name, one in zip((world.service, made.service), orders, strict=True)]
    done = carry_out(world.engine, pairs, go_on=True, pause=world.pass_time)  # type: ignore[arg-type]
    assert [one.outcome for one in done] == ["promoted", "promoted"]
    assert (weights(world), weights(made)) == (("2", {}), ("2", {}))
