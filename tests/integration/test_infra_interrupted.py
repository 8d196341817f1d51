"""^C while the roots of two stacks are applied side by side."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest
from shop_kit import Scratch

from pipeline import local
from pipeline.aws.objects import Objects
from pipeline.infra import locks

CREATED = re.compile(r"(?m)^\S+Z (hello|web): \S+ created \(")


@pytest.mark.exhaustive
def test_both_end_in_order_and_the_next_deploy_goes_on(
    embedded: local.Running,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    here = Scratch.make(tmp_path / "repository", "both")
    here.replace("services/hello/service.yaml", "stack: web", "stack: hello")
    here.commit("a stack of its own")
    assert here.crabwalk("bootstrap", "local").code == 0
    deploy = here.start("deploy", "--env", "local", CRABWALK_ROOTS_AT_ONCE="2")
    deadline = time.monotonic() + 300
    while len({one[1] for one in CREATED.finditer(deploy._read("out"))}) < 2:
        assert deploy.process.poll() is None, deploy._read("err")
        assert time.monotonic() < deadline
        time.sleep(0.02)
    interrupted = deploy.signal(signal.SIGINT)
    assert interrupted.code == 130, interrupted.said
    assert "terraform: 2 stacks, 2 at a time: hello, web" in interrupted.out
    assert locks.locked(Objects(here.env)) == ()

    done = here.start("deploy", "--env", "local").end()
    assert done.code == 0, done.said
    assert here.alias("hello")["FunctionVersion"] == here.alias("health")["FunctionVersion"] == "1"
