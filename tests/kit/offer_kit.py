"""For the tests of publish and offer: a zip in the environment's bucket, and what a manifest says of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import edge_kit
from engine_kit import BUCKET, World

from pipeline.aws.functions import Configuration, Functions, FunctionState
from pipeline.manifest.models_checks import Checks
from pipeline.manifest.models_release import Release, Step
from pipeline.release.walk import publish
from pipeline.release.walk.candidate import Offer, Origin, offer

CONFIGURATION = Configuration("provided.al2023", 128, 10, {}, tracing=False)  # as the kit makes a function


def package(world: World, salt: str, body: str = edge_kit.ECHO) -> publish.Package:
    """A zip in the environment's bucket."""
    code = edge_kit.package(body, salt=salt)
    key = f"artifacts/{hashlib.sha256(code).hexdigest()}.zip"
    world.engine.objects.put(key, code)
    code_sha256 = base64.b64encode(hashlib.sha256(code).digest()).decode()
    return publish.Package(BUCKET, key, code_sha256, "x86_64", CONFIGURATION)


def released(world: World, made_of: publish.Package, functions: Functions | None = None) -> FunctionState:
    return publish.publish(functions or world.engine.functions, world.function, made_of, "c0ffee")


def service(
    tmp_path: Path, configuration: Configuration, *smoke: str, alarms: tuple[str, ...] = (), **around: Any
) -> Any:
    """`around`: more keys of the release, as its model has them."""
    for name in smoke:
        if name != "missing.json":
            (tmp_path / name).write_text("{}")
    declared = Release(
        steps=(Step(traffic=0.1, bake_s=10.0),),
        min_requests=1,
        deadline_s=60.0,
        on_inconclusive="rollback",
        smoke=smoke,
        checks=Checks(alarms=alarms),
        **around,
    )
    return SimpleNamespace(name="", directory=tmp_path, release=declared, vpc=None, **asdict(configuration))


def offered(
    world: World,
    tmp_path: Path,
    made_of: publish.Package,
    *smoke: str,
    alarms: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda _: None,
    around: Mapping[str, Any] | None = None,
    **options: bool,
) -> Offer:
    artifact = SimpleNamespace(
        key=made_of.key, code_sha256=made_of.code_sha256, architecture="x86_64", sha256=made_of.key[10:74]
    )
    origin = Origin(world.function, "c0ffee" * 6, "Greet", artifact, "config", "arn:actor", None)  # type: ignore[arg-type]
    what = service(tmp_path, made_of.configuration, *smoke, alarms=alarms, **(around or {}))
    what.name = world.service
    with world.lease() as lease:
        return offer(world.engine, what, origin, world.record(), lease, say=say, **options)
