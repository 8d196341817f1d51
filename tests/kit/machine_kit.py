"""The state machine of modules/canary-controller in memory: looks, waits and repeats, as many processes as it takes.

Each look is a process of its own that may die at any call of AWS; the machine does not. Where the real machine is
meant, see test_controller_machine.py: it runs what Terraform made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import engine_kit as kit
from boundary_kit import Call, Process
from kill_kit import TTL_S, Run, begun
from scene_kit import Scene, hand_back
from trace_kit import check_end, check_traffic

from pipeline.controller.job import Job, Part, from_json, to_json, token
from pipeline.controller.look import look, standing_s
from pipeline.controller.look import to_json as answered
from pipeline.errors import CrabwalkError
from pipeline.release.ledger.lease import Lease
from pipeline.release.walk.act import Engine

LOOKS = 200  # before it is said that a walk does not end


def given(scene: Scene, engine: Engine, **changes: Any) -> Job:
    """What `deploy --detach` leaves: a release begun, its lease handed to an execution."""
    service = scene.world.service
    lease = Lease(engine.objects, service, ttl_s=TTL_S, doing="deploy").acquire(lambda _: None, pause=scene.wait)
    record = begun(scene, engine, engine.ledger.service(service), **changes)
    assert record.rollout is not None
    part = Part(service, record.rollout.release_id, lease.generation + 1)
    job = Job(replace(scene.world.env, lease_s=TTL_S), (part,), "arn:aws:lambda:us-east-1:000000000000:function:c:1")
    lease.hand_on(token(part), job.who, "walk", ttl_s=standing_s(job), generation=part.generation)
    return job


@dataclass
class Machine:
    """One execution: what it was told, what it carries, how it ended."""

    scene: Scene
    job: Job
    carried: dict[str, Any] = field(default_factory=dict)
    handovers: int = 0
    failures: int = 0
    answers: list[dict[str, Any]] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """The input of a look, as it goes through Step Functions."""
        return dict(json.loads(json.dumps({**to_json(self.job), "carried": self.carried, "handovers": self.handovers})))

    def look(self, process: Process) -> bool:
        """One look by this process; whether the walk is over for the machine."""
        answer = None
        with process.running():
            try:
                told = self.told()
                job = from_json(told, endpoint=self.scene.world.env.endpoint)
                job = replace(job, env=replace(job.env, credentials=("test", "test")))
                engine = Engine(job.env, now=lambda: self.scene.world.at)
                answer = answered(look(engine, job, told["carried"]))
            except CrabwalkError as fault:
                self.scene.said.append(f"{type(fault).__name__}: {fault.what}")
        if answer is None:
            self.failures += 1
            self.scene.wait(1)
            return False
        self.failures = 0
        self.answers.append(answer)
        self.carried = answer["carried"]
        if not answer["done"]:
            self.scene.wait(answer["wait_s"])
        return bool(answer["done"])

    def run(self, process: Process, *, on_look: Callable[[int], None] = lambda _: None) -> None:
        """Look until it is over; once `process` is dead, others look."""
        for number in range(LOOKS):
            on_look(number)
            if self.look(process if not process.dead else Process(f"again {number}")):
                return
        raise AssertionError(f"it does not end: {self.scene.said}, {self.scene.world.record().rollout}")


def play(scene: Scene, process: Process, *, bad: float = 0.0, ends: str = "promoted", undone: bool = False) -> Run:
    """A walk whose looks meet the process's one fault, then the invariants of every controller."""
    world = scene.world
    world.feed.of = kit.traffic(bad=bad)
    with scene.standing():
        engine = scene.engine()
        machine = Machine(scene, given(scene, engine))

        def by_hand(number: int) -> None:
            if undone and number == 3:
                hand_back(scene.engine(), world.service, world.function, actor="on-call", pause=scene.wait)

        machine.run(process, on_look=by_hand)
        record, history = world.record(), engine.ledger.history(world.service, 9)
        assert record.rollout is not None
        check_traffic(record.rollout, scene.trace)
        check_end(record, world.alias(), history, scene.trace, undone=undone)
        assert record.rollout.phase == ends
        assert machine.answers[-1]["done"]
        back = world.alias().version == record.rollout.stable
    where = str(process.places[process.place]) if 0 <= process.place < len(process.places) else ""
    return Run("walk", process.fault, where, record.rollout.phase, back, machine.failures, tuple(scene.said))


def matrix(fresh: Iterator[Scene], faults: Callable[[Call], Iterable[str]], **how: Any) -> list[Run]:
    """Every call of every look of a walk, each with its faults."""
    counting = Process("first")
    play(next(fresh), counting, **how)
    done = []
    for place, call in enumerate(tuple(counting.places)):
        for fault in faults(call):
            process = Process("first", place, fault)
            try:
                done.append(play(next(fresh), process, **how))
            except AssertionError as error:
                raise AssertionError(f"{fault} at {place} ({call}): {error}") from error
            assert process.met, f"call {place} was not made again"
    return done
