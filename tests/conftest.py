"""What all tests share: one embedded AWS for the session, and a namespace of names for each test."""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import local

sys.path.insert(0, str(Path(__file__).parent / "kit"))  # helpers of several tests, importable by their names

_counter = itertools.count()
# A build in CI must have its supply chain checked by cargo-deny; these are no releases.
os.environ.pop("CI", None)

# What compiles or computes, and needs no AWS.
_ALONE = re.compile(
    r"tests/(?:unit|terraform|replays)/|tests/cli/test_(?:check|judge|new|start)"
    r"|tests/integration/test_(?:arm64|build|scaffold|engine_model|engine_killed_beside)"
)
# What deploys with real Terraform, and shares one deployed project.
_SHOP = re.compile(r"tests/integration/test_(?:deploy|infra|rollback_net|signals_release|steer_verbs)")
# What applies all modules at once, and waits for the provider two minutes; also in a world of its own.
_MODULES = re.compile(r"tests/integration/test_modules_")
_AMBIENT = ("AWS_", "CRABWALK_", "XDG_STATE_HOME")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What uses the embedded AWS stays together, so that there are two of it at most, and mostly waits."""
    from xdist.scheduler import LoadScopeScheduling

    class Apart(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if _ALONE.match(file):
                return file
            return "shop" if _SHOP.match(file) else "modules" if _MODULES.match(file) else "embedded"

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
