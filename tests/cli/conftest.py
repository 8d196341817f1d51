"""The service that `crabwalk rollback` is tried on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import edge_kit
import pytest
import verb_kit
from rollback_kit import Service

from pipeline import local


@pytest.fixture
def hello(
    embedded: local.Running, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    project = namespace[:20].rstrip("-")
    place = verb_kit.place(tmp_path / "project", project)
    functions = verb_kit.deployed(embedded, place.function)
    monkeypatch.chdir(place.root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GITHUB_ACTOR", raising=False)
    found = Service(place, project, functions, edge_kit.client(embedded, "s3"), tmp_path / "state")
    found.promoted()
    yield found
    functions.delete_function(FunctionName=place.function)


@pytest.fixture
def ledger(hello: Service) -> str:
    """The bucket."""
    hello.s3.create_bucket(Bucket=hello.bucket)
    return hello.bucket
