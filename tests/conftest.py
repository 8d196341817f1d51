"""What all tests share: one embedded AWS for the session, and a namespace of names for each test."""

from __future__ import annotations

import itertools
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from pipeline import local

sys.path.insert(0, str(Path(__file__).parent / "kit"))  # helpers of several tests, importable by their names

_counter = itertools.count()
# A build in CI must have its supply chain checked by cargo-deny; these are no releases.
os.environ.pop("CI", None)
# Nor are they anything to tell of in a job's summary.
os.environ.pop("GITHUB_STEP_SUMMARY", None)
# A shell has what it starts in the background ignore SIGINT, and so would every process that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes, or its making, says how busy the machine is.
hypothesis.settings.register_profile("crabwalk", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("crabwalk")

# A long sequence each: what shares a deployed project (half each), what uses all examples, what applies all modules,
# what installs the controller.
_TOGETHER = {
    "shop": re.compile(r"tests/integration/test_deploy(?:_around|_frozen|_interrupted|_refused|_two)?\.py"),
    "catalogue": re.compile(r"tests/integration/services/"),
    "modules": re.compile(r"tests/integration/test_modules_"),
    "controller": re.compile(r"tests/integration/test_controller_(?:machine|roles)\.py"),
    "second shop": re.compile(
        r"tests/integration/test_(?:deploy_roles|deploy_rollback|infra_drift|infra_unlock|rollback_net|signals_release"
        r"|steer_verbs|workflows|workflow_faults|presets)\.py"
    ),
}
# Many long tests in a file, of which none needs another.
_EACH = re.compile(r"tests/(?:integration/test_engine_killed|terraform/)")
# Small files come last, so that no process waits long for the others' ends.
_LAST = ("tests/unit/", "tests/replays/", "tests/cli/")
_AMBIENT = ("AWS_", "CRABWALK_", "XDG_STATE_HOME")


def _scope(nodeid: str) -> str:
    """What goes one after the other in one process: the tests of a file, or of the files that share something dear."""
    file = nodeid.partition("::")[0]
    one = nodeid if _EACH.match(file) else file
    return next((name for name, files in _TOGETHER.items() if files.match(file)), one)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest scopes come first."""
    first = list(_TOGETHER)
    long = {_scope(item.nodeid) for item in items if item.get_closest_marker("exhaustive")}

    def rank(item: pytest.Item) -> int:
        scope = _scope(item.nodeid)
        if scope in first:
            return first.index(scope)
        return len(first) + (0 if scope in long else 2 if scope.startswith(_LAST) else 1)

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Each process has an embedded AWS of its own, and takes the next scope when it is through with one."""
    from xdist.scheduler import LoadScopeScheduling

    class Apart(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _scope(nodeid)

    return Apart(config, log)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local.Running]:
    """The session's embedded AWS, in its own directory; `pipeline.local` finds this one and no other."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(_AMBIENT)]:
            patch.delenv(name)
        patch.setenv("CRABWALK_LOCAL_DIR", str(tmp_path_factory.mktemp("embedded-aws")))
        patch.setenv("CRABWALK_TEST_SECRET", "must-not-reach-a-function")
        running = local.up(seed=20260101)
        try:
            yield running
        finally:
            local.down()


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A short, unique prefix for every name a test creates: the embedded AWS is shared."""
    stem = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_"))[:12].strip("-")
    return f"t{next(_counter)}-{stem}"
