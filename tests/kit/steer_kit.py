"""For tests of the verbs that steer: a project in `local` with one service whose release is under way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import edge_kit as kit
import release_kit as values
import verb_kit

from pipeline import local
from pipeline.cli import run
from pipeline.manifest.project import environment, load_project
from pipeline.release.decide.standing import head_of
from pipeline.release.ledger.head import Head
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS, Rollout, new_release_id
from pipeline.release.walk.act import Engine


@dataclass
class Steered:
    """The project, its function with versions 1 and 2, and its ledger."""

    place: verb_kit.Place
    raw: Any
    engine: Engine

    @classmethod
    def make(cls, running: local.Running, root: Path, project: str) -> Steered:
        place = verb_kit.place(root, project)
        raw = verb_kit.deployed(running, place.function)
        env = environment(load_project(root), "local")
        with contextlib.suppress(kit.client(running, "s3").exceptions.BucketAlreadyOwnedByYou):
            kit.client(running, "s3").create_bucket(Bucket=env.bucket)
        return cls(place, raw, Engine(env))

    @property
    def record(self) -> ServiceRecord:
        return self.engine.ledger.service("hello")

    @property
    def rollout(self) -> Rollout:
        found = self.record.rollout
        assert found is not None
        return found

    def weights(self) -> tuple[str, dict[str, float]]:
        alias = self.engine.functions.alias(self.place.function, ALIAS)
        return alias.version, dict(alias.weights)

    def write(self, head: Head) -> None:
        alias = self.engine.functions.alias(self.place.function, ALIAS)
        self.engine.functions.write_alias(alias, head.primary, head.weights, str(head))

    def walking(self, step: int = 0, **changes: Any) -> Rollout:
        """A release of version 2 in this step since just now, walked by nobody; nothing else is left of before."""
        now = self.engine.now()
        begun = replace(
            values.FRESH,
            release_id=new_release_id(now),
            function=self.place.function,
            started=now,
            phase="walking",
            step=step,
            step_starts=tuple(now - 20 * (step - index) for index in range(step + 1)),
            nonce=values.NONCE,
        )
        rollout = replace(begun, **changes)
        self.write(head_of(rollout, step, values.NONCE))
        self.engine.ledger.save(replace(self.record, rollout=rollout, promoted=None, rejected=(), frozen=None))
        return rollout

    @contextlib.contextmanager
    def held(self) -> Iterator[Lease]:
        """Somebody living works on it, and hears nothing."""
        with Lease(self.engine.objects, "hello", ttl_s=60, doing="deploy of c0ffee").acquire(print) as lease:
            yield lease

    def says(self, capsys: Any, *arguments: str) -> tuple[int, list[str], list[str]]:
        """A verb's exit code, and what it said on stdout and stderr."""
        capsys.readouterr()
        code = run([*arguments, "--env", "local"])
        said = capsys.readouterr()
        return code, said.out.splitlines(), said.err.splitlines()
