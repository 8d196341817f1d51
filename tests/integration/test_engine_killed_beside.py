"""The verbs beside a walk die anywhere too: it is known who unfroze or adopted, and what was begun is finished."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import engine_kit
from boundary_kit import DEATHS, Process
from kill_kit import ANNA, TTL_S, clouds, deploy, rollback, walked
from scene_kit import Scene

from pipeline.release.ledger.records import Entry
from pipeline.release.verbs.adopt import adopt
from pipeline.release.verbs.unfreeze import frozen, unfreeze


def entries(scene: Scene, kind: str) -> list[Entry]:
    return [one for one in scene.engine().ledger.history(scene.world.service, 9) if one.kind == kind]


def each_death(verb: Callable[[Scene], None], before: Callable[[Scene], None], after: Callable[[Scene], None]) -> None:
    """The verb dies at each of its calls; `after` goes on and says what must be so."""
    for fault in DEATHS:
        for place in itertools.count():
            scene, process = next(clouds()), Process("first", place, fault)
            scene.world.feed.of = engine_kit.traffic()
            with scene.standing():
                before(scene)
                with process.running():
                    verb(scene)
                scene.wait(TTL_S)
                after(scene)
            if not process.met:
                assert place >= 8
                break


def test_a_service_is_unfrozen_and_it_is_known_by_whom():
    def thawed(scene: Scene) -> None:
        unfreeze(scene.engine(), scene.world.service, scene.world.function, ANNA, lambda _: None)

    def rolled_back(scene: Scene) -> None:
        deploy(scene)
        rollback(scene)
        assert scene.world.record().frozen is not None

    def after(scene: Scene) -> None:
        where = scene.world.service, scene.world.function
        if frozen(scene.engine(), *where):
            thawed(scene)
        assert not frozen(scene.engine(), *where)
        assert {one.actor for one in entries(scene, "resume")} == {ANNA.actor}

    each_death(thawed, rolled_back, after)


def test_what_somebody_else_made_of_the_alias_is_adopted():
    def adopted(scene: Scene) -> None:
        adopt(scene.engine(), scene.world.service, scene.world.function, ANNA, commit="c0ffee" * 6)

    def by_hand(scene: Scene) -> None:
        walked(0)(scene)
        scene.engine().functions.write_alias(scene.world.alias(), "3", {}, "by hand")

    def after(scene: Scene) -> None:
        if scene.world.record().under_way is not None:
            adopted(scene)
        record, alias = scene.world.record(), scene.world.alias()
        assert record.promoted is not None
        assert (record.promoted.version, alias.version, alias.weights) == ("3", "3", {})
        assert [one.outcome for one in entries(scene, "release")] == ["superseded"]
        assert {one.candidate for one in entries(scene, "adopt")} == {"3"}

    each_death(adopted, by_hand, after)
