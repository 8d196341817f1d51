"""`crabwalk unlock`: who holds a lock, and what it takes to free it."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from shop_kit import Shop

from pipeline.aws.objects import Objects
from pipeline.infra import locks

SINCE = datetime(2026, 11, 21, 13, 0, 1, tzinfo=UTC)


@pytest.fixture
def lock(shop: Shop) -> Iterator[None]:
    """Somebody elsewhere holds the lock of `web`."""
    hold(shop, "ci@runner-7", SINCE)
    yield
    Objects(shop.env).delete(locks.lock_key("web"))


def hold(shop: Shop, who: str, since: datetime) -> None:
    told = {"ID": "4fbb", "Operation": "OperationTypeApply", "Who": who, "Created": f"{since:%Y-%m-%dT%H:%M:%S.%f}123Z"}
    Objects(shop.env).put(locks.lock_key("web"), json.dumps(told).encode())


def held(shop: Shop) -> bool:
    return locks.held(Objects(shop.env), "web") is not None


def test_where_nobody_holds_one(shop: Shop) -> None:
    done = shop.crabwalk("unlock")
    assert (done.code, done.lines) == (0, ["no stack of `local` is locked"])
    done = shop.crabwalk("unlock", "web")
    assert (done.code, done.lines) == (0, ["stack web: nobody holds its lock"])


def test_a_stack_that_does_not_exist(shop: Shop) -> None:
    done = shop.crabwalk("unlock", "wbe", "--output", "json")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == ["error: there is no stack `wbe` in `local`", "  next: did you mean `web`?"]


@pytest.mark.usefixtures("lock")
def test_what_may_be_alive_is_freed_by_force_only(shop: Shop) -> None:
    done = shop.crabwalk("unlock", "--env", "local")
    assert done.code == 5
    assert done.lines == [
        "stack web: ci@runner-7 holds its lock since 2026-11-21 13:00:01Z for apply (lock 4fbb)",
        "  not known to be dead: it was taken on `runner-7`, which cannot be looked at from here",
        "  no deploy is at work on health, hello: nobody holds their leases",
        "stack web: its lock stays",
        "  wait for that run, or make sure that it is dead and then `crabwalk unlock web --env local --force`",
    ]
    assert held(shop)
    done = shop.crabwalk("unlock", "web", "--force", "--output", "json")
    assert done.code == 0
    assert done.json == {
        "environment": "local",
        "exit": 0,
        "locks": [
            {
                "stack": "web",
                "lock": "4fbb",
                "operation": "apply",
                "who": "ci@runner-7",
                "since": SINCE.timestamp(),
                "dead": False,
                "why": "it was taken on `runner-7`, which cannot be looked at from here",
                "freed": True,
            }
        ],
    }
    assert not held(shop)


@pytest.mark.usefixtures("lock")
def test_what_crabwalk_killed_itself_is_dead_wherever_it_ran(shop: Shop) -> None:
    Objects(shop.env).put(locks.killed_key("web"), b"4fbb")
    done = shop.crabwalk("unlock")
    assert done.code == 0, done.said
    assert done.lines[1:] == [
        "  dead: crabwalk killed that run itself, because it did not end when it was asked to",
        "stack web: freed",
        "  what that run had not saved is not in the state: `crabwalk plan --env local` shows what is left to do",
    ]
    assert not held(shop)
    assert not Objects(shop.env).exists(locks.killed_key("web"))


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize(("answer", "code"), [("n", 5), ("y", 0)])
def test_on_a_terminal_it_asks(shop: Shop, answer: str, code: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    directory = shop.root / ".crabwalk" / "local" / "web"
    locks.note(directory, process.pid, "apply")
    hold(shop, f"root@{socket.gethostname()}", datetime.now(UTC))
    said, ended = typed(shop.root, f"{answer}\n")
    assert f"dead: process {process.pid} (terraform apply) on this machine is gone" in said
    assert "Free the lock of stack web? [y/N]" in said
    assert (ended, held(shop)) == (code, code == 5)
    locks.forget(directory, process.pid)


def typed(folder: Path, answer: str) -> tuple[str, int]:
    """Run it on a terminal and answer its question."""
    near, far = pty.openpty()
    command = [sys.executable, "-P", "-m", "pipeline", "unlock", "--env", "local"]
    verb = subprocess.Popen(
        command, cwd=folder, stdin=far, stdout=far, stderr=far, env={**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    )
    os.close(far)
    said = ""
    deadline = time.monotonic() + 120
    while "[y/N]" not in said:
        assert time.monotonic() < deadline, said
        said += os.read(near, 4096).decode()
    os.write(near, answer.encode())
    code = verb.wait(120)
    os.close(near)
    return said, code
