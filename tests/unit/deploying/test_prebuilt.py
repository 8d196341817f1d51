"""`deploy --prebuilt`: the bytes of an earlier build, or none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.build.store import Store
from pipeline.deploying.artifacts import _check_prebuilt
from pipeline.errors import BuildError


def run(*, prebuilt: bool, reviewed: object = None) -> Any:
    engine = SimpleNamespace(env=SimpleNamespace(name="staging"))
    return SimpleNamespace(options=SimpleNamespace(prebuilt=prebuilt), reviewed=reviewed, engine=engine)


def plan(*services: str) -> Any:
    return SimpleNamespace(build=SimpleNamespace(runs=[SimpleNamespace(services=services)] if services else []))


def test_what_would_have_to_be_compiled_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRABWALK_STORE", str(tmp_path))
    with pytest.raises(BuildError) as refused:
        _check_prebuilt(run(prebuilt=True), plan("todos", "hello"))
    assert refused.value.what.endswith(": hello, todos")
    assert refused.value.where == f"the store {tmp_path}"
    assert "crabwalk build --env staging hello todos" in str(refused.value.hint)


def test_otherwise_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for fine in (
        (run(prebuilt=True), plan()),
        (run(prebuilt=False), plan("x")),
        (run(prebuilt=True, reviewed=1), plan("x")),
    ):
        assert _check_prebuilt(*fine) is None
    monkeypatch.setenv("CRABWALK_STORE", str(tmp_path))
    assert Store.default().directory == tmp_path
    monkeypatch.delenv("CRABWALK_STORE")
    assert Store.default().directory.name == "store"
