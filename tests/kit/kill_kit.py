"""Verbs that die at every call of AWS, are started again, and must end as if nothing had happened.

A scenario says what stands before, what the process does that meets the fault, and how it must end. It is run once
to count its calls, then once for each of them and each fault. What the fault leaves is gone on with by fresh
processes, as a job that runs again would, after the dead one's lease has run out by S3's clock (the test's).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import engine_kit as kit
from boundary_kit import DEATHS, EXHAUSTIVE, FAULTS, WRITES, Call, Process
from scene_kit import Scene, Small, hand_back
from trace_kit import check_end, check_traffic

from pipeline.errors import CrabwalkError, UsageError
from pipeline.release.ledger.lease import GRACE_S, Lease
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS, StepSpec
from pipeline.release.terms import Order, OrderKind
from pipeline.release.verbs.carry import carry_out
from pipeline.release.verbs.steering import Asker, ask
from pipeline.release.verbs.watchdog import Watchdog
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import run

ANNA = Asker("arn:aws:iam::000000000000:user/anna", None, "I looked at it")
TTL_S = 60.0
STEPS = (StepSpec(0.1, 3), StepSpec(0.5, 3))
LIMIT = 6  # processes, before it is said that a release does not end


def deploy(scene: Scene) -> None:
    """What a deploy does of one service whose version is published: begin or take over, walk to the end."""
    released(scene, lambda record: record.rollout is None)


def released(scene: Scene, is_new: Callable[[ServiceRecord], bool], **changes: Any) -> None:
    """Walk what is under way to its end, or a release begun with these changes where the record asks for one."""
    engine, service = scene.engine(), scene.world.service
    lease = Lease(engine.objects, service, ttl_s=TTL_S, doing="a test")
    with lease.acquire(lambda _: None, pause=scene.wait):
        record = engine.ledger.service(service)
        if record.under_way is not None:
            record = engine.take_over(record, record.under_way, lease)
        elif is_new(record):
            record = begun(scene, engine, record, **changes)
        walk_on(scene, engine, record, lease)


def begun(scene: Scene, engine: Engine, record: ServiceRecord, **changes: Any) -> ServiceRecord:
    revision = engine.functions.alias(scene.world.function, ALIAS).revision
    rollout = replace(scene.world.rollout, steps=STEPS, revision=revision, started=scene.world.at)
    return engine.begin(record, replace(rollout, **changes))


def walk_on(scene: Scene, engine: Engine, record: ServiceRecord, lease: Lease) -> None:
    if record.under_way is not None:
        (walk,) = run(engine, [Walk(record, record.under_way, lease)], lambda _: None, pause=scene.tick)
        if not walk.rollout.over and walk.decision is not None:
            scene.said.append(walk.decision.kind)


def rollback(scene: Scene) -> None:
    """By the on-call engineer."""
    hand_back(scene.engine(), scene.world.service, scene.world.function, actor="on-call", pause=scene.wait)


def steered(kind: OrderKind) -> Callable[[Scene], None]:
    """`crabwalk promote`, `pause`, `resume` or `abort`, with no controller alive."""

    def verb(scene: Scene) -> None:
        engine, service = scene.engine(), scene.world.service
        (order,) = ask(engine, kind, [service], ANNA)
        if isinstance(order, Order):
            (done,) = carry_out(engine, [(service, order)], go_on=kind != "pause", pause=scene.tick)
            if done.exit_code and kind != "abort":
                scene.said.append(f"{done.outcome}: {done.sentence}")

    return verb


def walked(step: int) -> Callable[[Scene], None]:
    """A controller that was ended in this step of the walk, its lease given back."""

    class Enough(Exception):  # noqa: N818 - no fault
        pass

    def before(scene: Scene) -> None:
        def stop(seconds: float) -> None:
            found = scene.world.record().rollout
            if found is not None and found.step >= step:
                raise Enough
            scene.tick(seconds)

        engine, service = scene.engine(), scene.world.service
        with (
            suppress(Enough),
            Lease(engine.objects, service, ttl_s=TTL_S, doing="a test").acquire(lambda _: None) as lease,
        ):
            record = begun(scene, engine, engine.ledger.service(service))
            assert record.rollout is not None
            run(engine, [Walk(record, record.rollout, lease)], lambda _: None, pause=stop)

    return before


def paused(scene: Scene) -> None:
    walked(0)(scene)
    steered("pause")(scene)


@dataclass(frozen=True)
class Scenario:
    """`verb` meets the fault after `before`; `after` goes on with what is left until the release is over."""

    name: str
    verb: Callable[[Scene], None]
    before: Callable[[Scene], None] = lambda _: None
    after: Callable[[Scene], None] = deploy
    bad: float = 0.0  # the share of the new version's requests that fail
    ends: str = "promoted"
    undone: bool = False  # a person rolls back


SCENARIOS: dict[str, Scenario] = {
    one.name: one
    for one in (
        Scenario("release", deploy),
        Scenario("release of a bad version", deploy, bad=0.5, ends="rolled-back"),
        Scenario("takeover", deploy, before=walked(0)),
        Scenario("rollback in mid-walk", rollback, before=walked(0), ends="rolled-back", undone=True),
        Scenario("rollback after promotion", rollback, before=deploy, undone=True),
        Scenario("promote", steered("promote"), before=walked(0)),
        Scenario("promote --full", steered("full"), before=walked(0)),
        Scenario("pause", steered("pause"), before=walked(0), after=steered("resume")),
        Scenario("resume", steered("resume"), before=paused),
        Scenario("abort", steered("abort"), before=walked(0), ends="rolled-back"),
    )
}


def patrol(scene: Scene) -> None:
    """`crabwalk watch --unattended`."""
    dog = Watchdog(scene.engine(), once=False, limit_s=3600, say=lambda _: None, pause=scene.tick)
    scene.said += [f"{one.outcome}: {one.sentence}" for one in dog.patrol() if one.exit_code not in {0, 3}]


AGAIN = "20260102T040506-abc123"


def rejected(scene: Scene) -> None:
    """A release that was rolled back; what was wrong was not the version."""
    good, scene.world.feed.of = scene.world.feed.of, kit.traffic(bad=0.5)
    deploy(scene)
    scene.world.feed.of = good
    scene.trace.clear()


def retry(scene: Scene) -> None:
    """What `crabwalk retry` does of it: the same version is begun once more."""
    released(scene, lambda one: one.rollout is not None and one.rollout.release_id != AGAIN, release_id=AGAIN)


# On a cloud of their own only: the watchdog looks at every service there is.
BESIDE: dict[str, Scenario] = {
    one.name: one
    for one in (
        Scenario("watch --unattended", patrol, before=walked(0), after=patrol),
        Scenario("watch --unattended, of a bad version", patrol, before=walked(0), bad=0.5, ends="rolled-back"),
        Scenario("retry", retry, before=rejected, after=retry),
    )
}


Attempt = Callable[[Callable[[Scene], None], Scene, Process], bool]


@dataclass(frozen=True)
class Run:
    """How one run ended, for the fault table."""

    scenario: str
    fault: str
    call: str
    ended: str  # the release,
    back: bool  # and whether its traffic is back where it was
    processes: int  # that were needed beside the one that met the fault
    said: tuple[str, ...] = ()


def play(scenario: Scenario, scene: Scene, process: Process, first: Attempt | None = None) -> Run:
    """One run: the verb with its fault (by `first`, if given), then what goes on with it, then the invariants."""
    world = scene.world
    world.feed.of = kit.traffic(bad=scenario.bad)
    with scene.standing():
        scenario.before(scene)
        verb, more = scenario.verb, 0
        done = (first or attempt)(verb, scene, process)
        while not done or world.record().under_way is not None:
            assert more < LIMIT, f"it does not end: {scene.said}, {world.record().rollout}"
            more += 1
            verb = scenario.after if done else scenario.verb  # what broke off is said again, then the walk goes on
            scene.wait(TTL_S + GRACE_S + 1)
            done = attempt(verb, scene, Process(f"again {more}"))
        scene.wait(TTL_S + GRACE_S + 1)
        before = world.alias()
        attempt(deploy, scene, Process("last"))  # recovery has nothing left to do
        assert world.alias() == before
        record, history = world.record(), scene.engine().ledger.history(world.service, 9)
        assert record.rollout is not None
        check_traffic(record.rollout, scene.trace)
        check_end(record, world.alias(), history, scene.trace, undone=scenario.undone)
        assert record.rollout.phase == scenario.ends
        back = world.alias().version == record.rollout.stable
    where = str(process.places[process.place]) if 0 <= process.place < len(process.places) else ""
    return Run(scenario.name, process.fault, where, record.rollout.phase, back, more, tuple(scene.said))


def attempt(verb: Callable[[Scene], None], scene: Scene, process: Process) -> bool:
    """Whether the verb did all it does; that its release is over already says so too."""
    with process.running():
        try:
            verb(scene)
        except UsageError as error:
            scene.said.append(f"UsageError: {error.what}")
            return scene.world.record().under_way is None
        except CrabwalkError as error:
            scene.said.append(f"{type(error).__name__}: {error.what}")
            return False
        return True
    return False


def places(scenario: Scenario, scene: Scene) -> tuple[Call, ...]:
    """Every call the verb makes when nothing happens."""
    counting = Process("first")
    play(scenario, scene, counting)
    return tuple(counting.places)


def matrix(scenario: Scenario, fresh: Iterator[Scene], faults: Callable[[Call], Iterable[str]]) -> list[Run]:
    """Every call of the scenario, each with its faults."""
    done = []
    for place, call in enumerate(places(scenario, next(fresh))):
        for fault in faults(call):
            process = Process("first", place, fault)
            try:
                done.append(play(scenario, next(fresh), process))
            except AssertionError as error:
                raise AssertionError(f"{scenario.name}, {fault} at {place} ({call}): {error}") from error
            assert process.met, f"{scenario.name}: call {place} was not made again"
    return done


def clouds() -> Iterator[Scene]:
    """A service in a cloud of its own for each run."""
    while True:
        yield Scene(Small())


def deaths(call: Call) -> tuple[str, ...]:
    """Before every call and after every write: after a read AWS is as it is before the next call."""
    return DEATHS if call.operation in WRITES or EXHAUSTIVE else DEATHS[:1]


def troubles(call: Call) -> tuple[str, ...]:
    """Everything that may become of a call whose caller lives."""
    reads = {"throttled", "5xx, not done", "answer lost, not done", "credentials expired"}
    return tuple(one for one in FAULTS if one not in DEATHS and (one in reads or call.operation in WRITES))
