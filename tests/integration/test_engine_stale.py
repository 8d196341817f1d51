"""AWS answers with the alias as it was before our last write: read again where our record proves it, else held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import engine_kit
import pytest
from boundary_kit import Call
from kill_kit import deploy, walked
from scene_kit import Scene, Small

from pipeline.aws import TransientError
from pipeline.aws.functions import AliasState
from pipeline.errors import AwsError
from pipeline.release.ledger.head import Head
from pipeline.release.model import ALIAS, Rollout
from pipeline.release.rollback.rollback import WrongVersionError, roll_back
from pipeline.release.walk.act import STALE_PAUSES_S, Engine


class Lagging(Scene):
    """After each write of the alias the next `late` reads have it as it was before."""

    late = 1

    def __init__(self) -> None:
        super().__init__(Small())
        self.left = 0
        self.waited: list[float] = []
        self.world.feed.of = engine_kit.traffic()

    def engine(self) -> Engine:
        return Engine(self.world.env, now=lambda: self.world.at, pause=self.waited.append)

    def answer(self, call: Call) -> Any:
        assert isinstance(self.world, Small)
        if call.operation == "GetAlias" and self.left:
            self.left -= 1
            return dict(self.world.cloud.aliases[-2])
        found = super().answer(call)
        if call.operation == "UpdateAlias":
            self.left = self.late
        return found

    @contextmanager
    def lagging(self) -> Iterator[Rollout]:
        """In the first step, whose write the next reads do not show."""
        with self.standing():
            walked(0)(self)
            rollout = self.world.record().rollout
            assert rollout is not None
            yield rollout


def test_a_walk_whose_reads_lag_behind_its_writes_is_promoted():
    scene = Lagging()
    with scene.standing():
        deploy(scene)
        rollout = scene.world.record().rollout
    assert rollout is not None
    assert (rollout.phase, scene.said) == ("promoted", [])
    assert scene.waited, "nothing was read again"


def test_a_read_that_stays_old_is_trouble_of_aws_and_nobodys_write():
    scene = Lagging()
    with scene.lagging() as rollout:
        scene.left = len(STALE_PAUSES_S)
        assert scene.engine().alias(rollout).weights == {"2": 0.1}
        scene.left = len(STALE_PAUSES_S) + 1
        with pytest.raises(TransientError, match="as it was before crabwalk's own last write"):
            scene.engine().alias(rollout)


def test_what_our_record_does_not_prove_is_taken_as_it_is():
    """Without the revision that was replaced, an old answer and somebody's write look alike: §3 holds then."""
    scene = Lagging()
    with scene.lagging() as rollout:
        scene.left = 1
        assert scene.engine().alias(replace(rollout, replaced=())).weights == {}


OLD = "an-old-one"
BEFORE = {
    "rolled back": Head("frozen", "release-0", "1", None, 0.0, None, "c0ffeec0ffee", "0" * 16, "9"),
    "the first release": Head("live", "release-0", "1", None, 0.0, None, "c0ffeec0ffee", "0" * 16),
}


class Once:
    """The alias's first read is an old one."""

    def __init__(self, scene: Lagging, before: Head) -> None:
        scene.left = 0
        self.functions = scene.engine().functions
        self.old = [replace(scene.world.alias(), weights={}, description=str(before), revision=OLD)]

    def alias(self, function: str, name: str) -> AliasState:
        return self.old.pop() if self.old else self.functions.alias(function, name)

    def write_alias(self, *args: Any) -> AliasState:
        return self.functions.write_alias(*args)


@pytest.mark.parametrize("before", BEFORE)
def test_a_rollback_finds_nothing_to_do_only_in_an_alias_that_is_not_an_old_one(before: str):
    """Just after the first step a copy of the alias still shows where the last release left it."""
    scene, pauses = Lagging(), []
    with scene.lagging() as rollout:
        reads, known = Once(scene, BEFORE[before]), replace(rollout, replaced=(OLD,))
        found = scene.world.function, ALIAS, None
        done = roll_back(reads, *found, pause=pauses.append, outdated=lambda one: known.outdated(one.revision))
    assert (done.plan.target, done.plan.origin, dict(done.after.weights), len(pauses)) == ("1", "2", {}, 1)


def test_where_no_record_proves_it_the_answer_counts():
    scene = Lagging()
    with scene.lagging():
        with pytest.raises(WrongVersionError, match="is the first release"):
            roll_back(Once(scene, BEFORE["the first release"]), scene.world.function, ALIAS, None)
        assert roll_back(Once(scene, BEFORE["rolled back"]), scene.world.function, ALIAS, None).plan.target is None


def test_a_rollback_that_is_only_ever_shown_an_old_alias_says_so():
    scene = Lagging()
    with scene.lagging():
        reads = Once(scene, BEFORE["rolled back"])
        reads.old *= 20
        with pytest.raises(AwsError, match="could not be moved in 8 attempts: AWS answers with the alias as it was"):
            roll_back(reads, scene.world.function, ALIAS, None, pause=lambda _: None, outdated=lambda _: True)
