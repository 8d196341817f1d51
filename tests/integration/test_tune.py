"""What `tune` does to a real function: everything is as before, however it ended, and a walk is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import edge_kit
import pytest
import release_kit as values
import tune_kit
from engine_kit import until
from tune_kit import Tuned

from pipeline import local
from pipeline.aws.scratch import SCRATCH
from pipeline.cli import run
from pipeline.errors import AwsError, ConflictError
from pipeline.local.processor import used_ms
from pipeline.release.ledger.lease import Lease
from pipeline.release.words import ALIAS
from pipeline.report.invocation import usage_of
from pipeline.tune.measuring import MARK, Bench, Subject

FEW = ["tune", "hello", "--env", "local", "--invocations", "5", "--sizes", "256 MB,512 MB,1 GB"]


@pytest.fixture(scope="module")
def made(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    return tune_kit.made(embedded, tmp_path_factory.mktemp("tuned"), "tuned")


@pytest.fixture
def here(made: Tuned, monkeypatch: pytest.MonkeyPatch) -> Tuned:
    monkeypatch.chdir(made.root)
    return made


def started(here: Tuned) -> subprocess.Popen[str]:
    """`tune` as a process, in the middle of its second size."""
    command = [sys.executable, "-m", "pipeline", *FEW, "--sizes", "256 MB,512 MB,1 GB", "--invocations", "200"]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=here.root, env=environ, **pipes)
    until(lambda: here.state()["memory"] == 512)
    return process


def counted(here: Tuned) -> Bench:
    def report(log: str) -> tuple[float, float, float | None, int] | None:
        used = usage_of(log)
        return None if used is None else (used.duration_ms, used.billed_ms, used.init_ms, used.max_memory_mb)

    return Bench(here.engine, report, lambda _text: None, used_ms)


def test_each_size_is_measured_on_a_version_of_its_own_and_nothing_is_left(here: Tuned) -> None:
    before = here.state()
    seen: list[tuple[int, dict[str, tuple[str, str]]]] = []

    def cpu(function: str, version: str) -> float | None:
        state = here.state()
        at = here.raw.get_function_configuration(FunctionName=function, Qualifier=SCRATCH)
        seen.append((at["MemorySize"], state["aliases"]))
        assert (at["Version"], at["MemorySize"]) == (version, state["memory"])
        return used_ms(function, version)

    bench = counted(here)
    bench._cpu_ms = cpu
    found = bench.measure(Subject("hello", here.function, (b'{"ms": 20}',), 5), (256, 512))
    assert [one.memory_mb for one in found] == [256, 512]
    assert {size for size, _ in seen} == {256, 512}
    assert all(aliases[ALIAS] == before["aliases"][ALIAS] for _, aliases in seen)
    assert here.state() == before
    for one in found:
        assert len(one.invoked) == 5
        assert one.init_ms is not None
        assert all(each.cpu_ms is not None and 19 < each.cpu_ms < each.duration_ms + 20 for each in one.invoked)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_puts_everything_back(number: signal.Signals, here: Tuned) -> None:
    before = here.state()
    process = started(here)
    process.send_signal(number)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 128 + number, out
    assert here.state() == before


def test_what_a_killed_run_left_is_put_back_by_the_next(here: Tuned, capsys: pytest.CaptureFixture[str]) -> None:
    before = here.state()
    process = started(here)
    process.kill()
    process.communicate(timeout=120)
    left = here.state()
    assert left["memory"] == 512
    assert SCRATCH in left["aliases"]
    assert left["aliases"][ALIAS] == before["aliases"][ALIAS]
    assert run([*FEW[:-1], "256 MB"]) == 0
    assert "an earlier run was killed: what it left is put back first" in capsys.readouterr().out
    assert here.state() == before


def test_what_a_run_could_not_delete_is_found_by_the_next(here: Tuned, monkeypatch: pytest.MonkeyPatch) -> None:
    before, bench = here.state(), counted(here)

    def refused(_function: str, _version: str) -> None:
        raise AwsError("not now")

    monkeypatch.setattr(bench._versions, "delete", refused)
    with pytest.raises(AwsError, match="not now"):
        bench.measure(Subject("hello", here.function, (b"{}",), 5), (256,))
    left = here.state()
    assert left["aliases"][SCRATCH][0] == before["aliases"][ALIAS][0]
    assert left["versions"] != before["versions"]
    counted(here).tidy(here.function)
    assert here.state() == before


def test_a_service_that_is_walked_or_worked_on_is_not_tuned(here: Tuned, capsys: pytest.CaptureFixture[str]) -> None:
    before, engine = here.state(), here.engine
    with Lease(engine.objects, "hello", ttl_s=30, doing="a deploy").acquire(lambda _: None):
        assert run(FEW) == 5
    assert "`hello` is being worked on: a deploy by" in capsys.readouterr().err
    record = engine.ledger.service("hello")
    rollout = replace(values.walking(), service="hello", function=here.function)
    walked = engine.ledger.save(replace(record, rollout=rollout))
    assert run(FEW) == 5
    assert capsys.readouterr().err.splitlines() == [
        f"error: release {rollout.release_id} of `hello` is under way",
        "  next: wait until it is over: crabwalk status hello --env local",
    ]
    engine.ledger.save(replace(walked, rollout=None))
    assert here.state() == before


def test_latest_must_hold_what_has_the_traffic(embedded: local.Running, tmp_path: Path, namespace: str) -> None:
    here = tune_kit.made(embedded, tmp_path, namespace)
    here.raw.update_function_code(FunctionName=here.function, ZipFile=edge_kit.package(salt="rolled back"))
    edge_kit.settle(here.raw, here.function)
    before = here.state()
    with pytest.raises(ConflictError, match="holds other code than version 1, which has the traffic"):
        counted(here).measure(Subject("hello", here.function, (b"{}",), 5), (256,))
    assert here.state() == before


def _lose(here: Tuned, act: Callable[[], None]) -> Bench:
    """A bench whose every look at the processor does something first."""
    bench = counted(here)

    def looked(_function: str, _version: str) -> float | None:
        act()
        return None

    bench._cpu_ms = looked
    return bench


def test_somebody_elses_change_meanwhile_ends_it_and_is_kept(
    embedded: local.Running, tmp_path: Path, namespace: str
) -> None:
    here = tune_kit.made(embedded, tmp_path, namespace)
    other = edge_kit.package(salt="meanwhile")

    def change() -> None:
        if here.state()["code"] == before["code"]:
            here.raw.update_function_code(FunctionName=here.function, ZipFile=other)
            edge_kit.settle(here.raw, here.function)

    before = here.state()
    with pytest.raises(ConflictError, match="was changed by somebody else meanwhile"):
        _lose(here, change).measure(Subject("hello", here.function, (b"{}",), 5), (256, 512))
    after = here.state()
    assert after["code"] != before["code"]
    assert {**after, "code": ""} == {**before, "code": ""}


def test_a_version_of_a_release_is_never_taken_for_one_of_tunings(here: Tuned) -> None:
    """At the memory it has, publishing gives back the version that is there."""
    before = here.state()
    (found,) = counted(here).measure(Subject("hello", here.function, (b"{}",), 5), (128,))
    assert found.invoked
    assert here.state() == before
    published = here.raw.list_versions_by_function(FunctionName=here.function)["Versions"]
    assert not any(str(one.get("Description", "")).startswith(MARK) for one in published)
