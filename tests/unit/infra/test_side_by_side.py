"""Several roots at once: how many, what is heard of them, and how they end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_terraform import FakeTerraform

from pipeline.errors import TerraformError, UsageError
from pipeline.infra.side_by_side import Teller, at_once, free_memory_mb, room, side_by_side
from pipeline.infra.terraform import Terraform


@dataclass
class Heard:
    github: bool = False
    lines: list[str] = field(default_factory=list)

    def progress(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.lines.append(f"warning: {text}")

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        self.lines.append(f"[{title}")
        yield
        self.lines.append("]")


@pytest.mark.parametrize(
    ("cores", "free_mb", "told"),
    [(2, 16_000, 2), (16, 1_500, 2), (16, 100, 1), (1, 16_000, 1), (4, None, 4), (0, None, 1)],
)
def test_as_many_as_cores_and_memory_bear(cores: int, free_mb: int | None, told: int) -> None:
    assert at_once(cores, free_mb) == told


def test_this_machine_bears_one_at_least() -> None:
    assert room({}) >= 1
    assert (free_memory_mb() or 1) > 0


def test_who_knows_better_may_say_so() -> None:
    assert room({"CRABWALK_ROOTS_AT_ONCE": "7"}) == 7
    for wrong in ("0", "-1", "many"):
        with pytest.raises(UsageError, match="is no number of roots"):
            room({"CRABWALK_ROOTS_AT_ONCE": wrong})


def title(name: str) -> str:
    return f"terraform: stack {name}"


def talking(name: str, turns: threading.Barrier) -> object:
    def work(tell: Teller) -> str:
        with tell.group("not told again"):
            for number in range(3):
                turns.wait(10)
                tell.progress(f"line {number} of {name}")
        return name.upper()

    return work


def test_elsewhere_each_line_has_its_root_in_front() -> None:
    heard, turns = Heard(), threading.Barrier(2)
    works = {name: talking(name, turns) for name in ("a", "b")}
    assert side_by_side(heard, title, works, 2) == {"a": "A", "b": "B"}  # type: ignore[arg-type]
    assert heard.lines[0] == "terraform: 2 stacks, 2 at a time: a, b"
    assert sorted(heard.lines[1:]) == sorted(f"{name}: line {n} of {name}" for name in "ab" for n in range(3))


def test_where_output_folds_each_root_is_one_block() -> None:
    heard, turns = Heard(github=True), threading.Barrier(2)
    side_by_side(heard, title, {name: talking(name, turns) for name in ("a", "b")}, 2)  # type: ignore[arg-type]
    blocks = {name: [f"[terraform: stack {name}", *(f"line {n} of {name}" for n in range(3)), "]"] for name in "ab"}
    assert heard.lines[1:] in (blocks["a"] + blocks["b"], blocks["b"] + blocks["a"])


def test_one_alone_speaks_itself_and_in_this_thread() -> None:
    heard, seen = Heard(), []

    def work(tell: Teller) -> None:
        seen.append(threading.current_thread())
        tell.progress("hello")

    side_by_side(heard, title, {"a": work})
    assert (heard.lines, seen) == (["hello"], [threading.current_thread()])
    assert side_by_side(heard, title, {}) == {}


def test_ones_fault_stands_in_its_place_and_stops_no_other() -> None:
    def fail(_: Teller) -> str:
        raise TerraformError("no")

    found = side_by_side(Heard(), title, {"a": fail, "b": lambda _: "b"}, 2)
    assert isinstance(found["a"], TerraformError)
    assert found["b"] == "b"


def test_interrupted_each_leader_is_asked_once_and_what_waits_does_not_begin(
    terraform: FakeTerraform, tmp_path: Path
) -> None:
    terraform.tell("apply", {"type": "diagnostic", "@level": "warn", "diagnostic": {"summary": "there"}}, hang="after")
    there = threading.Barrier(2, action=lambda: os.kill(os.getpid(), signal.SIGINT))

    def work(tell: Teller) -> None:
        def said(text: str) -> None:
            there.wait(10)
            tell.progress(text)

        Terraform(tmp_path, terraform.environment, said).run("apply")

    with pytest.raises(KeyboardInterrupt):
        side_by_side(Heard(), title, dict.fromkeys("abc", work), 2)
    assert terraform.interrupts == 2
    assert len(terraform.calls) == 2
