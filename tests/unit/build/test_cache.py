"""A cache that cannot be written is a fault a person can act on."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pipeline.build import cache
from pipeline.build.execute import execute_build
from pipeline.build.model import BuildPlan
from pipeline.errors import BuildError


def test_a_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CRABWALK_CACHE", raising=False)
    (tmp_path / "file").touch()
    for base in ("/proc/nope", str(tmp_path / "file")):
        monkeypatch.setenv("XDG_CACHE_HOME", base)
        with pytest.raises(BuildError, match=f"the cache {base}/crabwalk cannot be written: ") as caught:
            execute_build(BuildPlan(tmp_path, (), (), ()), print)
        assert caught.value.hint == "set XDG_CACHE_HOME or CRABWALK_CACHE to a folder that can be written"


def fail(fault: OSError) -> None:
    with cache.writing():
        raise fault


def test_a_full_disk_and_a_folder_of_somebody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BuildError, match="No space left") as caught:
        fail(OSError(errno.ENOSPC, "No space left on device"))
    assert (caught.value.hint or "").startswith("free some space, or set XDG_CACHE_HOME or CRABWALK_CACHE")
    with pytest.raises(BuildError, match="Permission denied") as caught:
        fail(PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "cache" / "store")))
    assert caught.value.where == str(tmp_path / "cache" / "store")


def test_faults_of_other_files_stay_theirs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / "cache"))
    for fault in (BrokenPipeError(errno.EPIPE, "Broken pipe"), FileNotFoundError(errno.ENOENT, "no", "/elsewhere")):
        with pytest.raises(type(fault)):
            fail(fault)
