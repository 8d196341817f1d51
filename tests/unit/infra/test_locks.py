"""Who holds a lock, and whether that run is dead for certain."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.infra import locks
from pipeline.infra.locks import OwnRun, StateLock, judge

LOCK = StateLock("web", "4fbb", "apply", "root@here", 1000.5, '"e"')
RUN = OwnRun(42, "7", "boot", "here", "apply", 1000.0)


def test_a_run_of_this_machine_whose_process_is_gone_is_dead() -> None:
    assert judge(LOCK, RUN, None, "here", running=False) == locks.Verdict(
        dead=True, why="process 42 (terraform apply) on this machine is gone"
    )


def test_one_whose_process_is_there_is_not() -> None:
    found = judge(LOCK, RUN, None, "here", running=True)
    assert not found.dead
    assert found.why == "process 42 (terraform apply) is alive and ends by itself"


def test_of_another_machine_nothing_can_be_told_unless_it_was_killed_by_us() -> None:
    theirs = replace(LOCK, who="ci@runner-7")
    assert judge(theirs, RUN, None, "here", running=False) == locks.Verdict(
        dead=False, why="it was taken on `runner-7`, which cannot be looked at from here"
    )
    assert not judge(theirs, None, "another", "here", running=False).dead
    assert judge(theirs, None, "4fbb", "here", running=False).dead


@pytest.mark.parametrize(
    ("lock", "run"),
    [
        (LOCK, None),
        (LOCK, replace(RUN, host="before-it-was-renamed")),
        (replace(LOCK, since=None), RUN),
        (replace(LOCK, since=990.0), RUN),
        (replace(LOCK, since=2000.0), RUN),
    ],
)
def test_a_lock_that_no_noted_run_can_have_taken_is_not_freed(lock: StateLock, run: OwnRun | None) -> None:
    found = judge(lock, run, None, "here", running=False)
    assert not found.dead
    assert found.why == "no run that was started from this directory took it, so it cannot be told"


def test_a_noted_process_is_told_from_a_later_one_of_its_number(tmp_path: Path) -> None:
    locks.note(tmp_path, os.getpid(), "plan")
    (run,) = locks.own_runs(tmp_path)
    assert locks.alive(run)
    assert not locks.alive(replace(run, ticks="1"))
    assert not locks.alive(replace(run, boot="before"))
    locks.note(tmp_path, 1, "apply")
    locks.forget(tmp_path, os.getpid())
    assert [one.pid for one in locks.own_runs(tmp_path)] == [1]
    locks.forget(tmp_path, "*")
    assert locks.own_runs(tmp_path) == ()


def test_a_process_that_nobody_has_waited_for_yet_is_dead(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    locks.note(tmp_path, process.pid, "apply")
    (run,) = locks.own_runs(tmp_path)
    assert locks.alive(run)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not locks.alive(run)
    process.communicate()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"pid": 1}'])
def test_a_broken_note_is_no_note(tmp_path: Path, text: str) -> None:
    (tmp_path / locks.NOTES).mkdir()
    (tmp_path / locks.NOTES / "crabwalk-run-1.json").write_text(text)
    assert locks.own_runs(tmp_path) == ()
