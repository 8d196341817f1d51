"""The small workspace of `build_kit` on disk, away from the user's cargo."""

from __future__ import annotations

from pathlib import Path

import pytest
from build_kit import FILES, write


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "cargo-home"))
    return write(tmp_path / "tree", FILES).resolve()
