"""What all tests share: one embedded AWS for the session, and a namespace of names for each test."""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import local

sys.path.insert(0, str(Path(__file__).parent / "kit"))  # helpers of several tests, importable by their names

_counter = itertools.count()
# A build in CI must have its supply chain checked by cargo-deny; these are no releases.
os.environ.pop("CI", None)

_AMBIENT = ("AWS_", "CRABWALK_", "XDG_STATE_HOME")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the embedded AWS stays in one process, so that there is one of it."""
    for item in items:
        if "embedded" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("embedded"))


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
