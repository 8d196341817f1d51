"""The verb `deploy` on three emulated regions, on a zip that nobody had to build: copies first, then wave by wave."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import edge_kit
import pytest
import verb_kit
import waves_kit
from waves_kit import WAVES, Estate, Region
from yard_kit import COMMIT

from pipeline import local
from pipeline.cli import run
from pipeline.cli.options import Here
from pipeline.fleet.voices import Board, Voice
from pipeline.manifest.environments import Environment
from pipeline.release.walk.view import ReleaseResult

ZIP = edge_kit.package(salt="new hello")
NAME = sha256(ZIP).hexdigest()
KEY = f"artifacts/{NAME}.zip"


@dataclass
class Built:
    """A target whose zip was built before."""

    region: Region
    env: Environment
    path: Path
    copied: Callable[[], list[str | None]]
    artifacts: dict[str, Any] = field(default_factory=dict)
    found: list[str | None] = field(default_factory=list)  # what lay in all buckets when it was deployed to
    actor = "arn:me"

    @property
    def engine(self) -> Any:
        """The engine in its region."""
        return self.region.engine

    def function(self, service: str) -> str:
        """What its function is called."""
        return self.region.function(service)

    def alarms(self) -> Mapping[str, tuple[str, ...]]:
        """None."""
        return {}

    def build(self, _voice: Voice, _board: Board, *, anew: bool) -> dict[str, str]:
        """The zip is there; nothing was begun before."""
        assert anew
        self.artifacts = {"hello": SimpleNamespace(service="hello", path=self.path, key=KEY, sha256=NAME)}
        return {"hello": NAME}

    def deploy(self, voice: Voice, board: Board, wants: Mapping[str, str]) -> tuple[ReleaseResult, ...]:
        """Walk it."""
        self.found += self.copied()
        return self.region.deploy(voice, board, wants)


@pytest.fixture
def estate(embedded: local.Running, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    """Three regions with a service at version 1, and the project as the working directory."""
    root = tmp_path / "project"
    verb_kit.place(root, namespace)
    (root / "crabwalk.yaml").write_text(f"crabwalk: 1\nproject: {namespace}\n{WAVES.replace('bake: 5 s, ', '')}")
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return waves_kit.estate(embedded, namespace, tmp_path)


@pytest.fixture
def built(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Built]:
    """What the verb makes of each target; a commit that changes the service."""
    path, made = tmp_path / "hello.zip", dict[str, Built]()
    path.write_bytes(ZIP)

    def target(_project: object, env: Environment, *_: object) -> Built:
        name = env.target or ""
        return made.setdefault(name, Built(estate.regions[name], env, path, copied))

    def copied() -> list[str | None]:
        return [one.engine.objects.sha256(KEY) for one in estate.regions.values()]

    repo = SimpleNamespace(head=COMMIT, subject=lambda _: "all of it", dirty=lambda: ())
    monkeypatch.setattr("pipeline.fleet.member.Target", target)
    monkeypatch.setattr(Here, "repo", property(lambda _: repo))
    return made


def test_the_copies_come_first_and_a_failure_in_the_second_region_is_the_end(
    estate: Estate, built: dict[str, Built], capsys: pytest.CaptureFixture[str]
) -> None:
    third = estate.regions["c"].engine.objects
    third.put(KEY, b"something else")
    assert run(["deploy", "--env", "local"]) == 5
    assert "the artifact in the bucket is not the one that was built" in capsys.readouterr().err
    assert ([one.deploys for one in estate.regions.values()], estate.ledger.read().release) == ([0, 0, 0], None)
    third.delete(KEY)

    estate.regions["b"].yard.worse("hello")
    assert run(["deploy", "--env", "local", "--output", "json"]) == 3
    told = json.loads(capsys.readouterr().out)
    release = told["release"]
    assert (told["exit"], told["commit"], release["phase"], release["back"]) == (3, COMMIT, "stopped", ["a"])
    assert "wave `second` failed in `b`: hello: version 2 was rolled back: of " in release["sentence"]
    assert [one["outcome"] for one in told["releases"]] == ["promoted", "rolled-back"]
    assert [one["services"][0]["traffic"] for one in told["targets"]] == [{"1": 1.0}] * 3
    assert [one.deploys for one in estate.regions.values()] == [1, 1, 0]
    assert built["a"].found == [NAME] * 3, "in every bucket before the first wave"

    assert run(["deploy", "--env", "local"]) == 3, "the same commit again changes nothing"
    lines = capsys.readouterr().out.splitlines()
    assert [(line.split()[:2], " ".join(line.split()[-2:])) for line in lines[-3:]] == [
        (["one-box", "a"], "taken back"),
        (["second", "b"], "back failed"),
        (["rest", "c"], "not begun"),
    ]
    assert run(["report", release["id"], "--env", "local"]) == 0
    assert NAME[:12] in capsys.readouterr().out
