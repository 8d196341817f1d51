"""That lines come as they are written, and that nothing is left running."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from pipeline.build import process
from pipeline.errors import BuildError


def test_lines_come_as_they_are_written(tmp_path: Path) -> None:
    lines: list[str] = []
    script = "echo one; printf '\\377two\\n' >&2; exit 3"
    assert process.stream(("sh", "-c", script), tmp_path, dict(os.environ), lines.append) == 3
    assert lines == ["one", "\\xfftwo"]


def test_lines_longer_than_a_read_stay_whole(tmp_path: Path) -> None:
    lines: list[str] = []
    script = "head -c 200000 /dev/zero | tr '\\0' x; printf '\\r\\nno end'"
    assert process.stream(("sh", "-c", script), tmp_path, dict(os.environ), lines.append) == 0
    assert lines == ["x" * 200_000, "no end"]


def test_a_quiet_while_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program waits for a file that only the call for quiet makes."""
    monkeypatch.setattr(process, "_QUIET_SECONDS", 0.01)
    lines: list[str] = []
    go = tmp_path / "go"
    script = "until [ -e go ]; do sleep 0.02; done; echo went"
    assert process.stream(("sh", "-c", script), tmp_path, dict(os.environ), lines.append, go.touch) == 0
    assert lines == ["went"]


def test_an_interruption_stops_the_children_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def interrupted(line: str) -> None:
        seen.append(int(line))
        raise KeyboardInterrupt

    # The leader ignores SIGTERM and its child holds the pipe; both must be gone afterwards.
    script = "trap '' TERM; sleep 600 & echo $!; wait"
    monkeypatch.setattr(process, "_GRACE_SECONDS", 0.1)
    with pytest.raises(KeyboardInterrupt):
        process.stream(("sh", "-c", script), tmp_path, dict(os.environ), interrupted)
    assert _gone(seen[0])


def _gone(number: int) -> bool:
    """Dead, or about to be: a signal takes its time on a busy machine."""
    try:
        handle = os.pidfd_open(number)
    except ProcessLookupError:
        return True
    try:
        return select.select([handle], [], [], 60)[0] == [handle]
    finally:
        os.close(handle)


def test_a_missing_cargo_lambda_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cargo-lambda cannot be started") as caught:
        process.stream((str(tmp_path / "cargo-lambda"),), tmp_path, {}, print)
    assert "pip install crabwalk" in (caught.value.hint or "")
