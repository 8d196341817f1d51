"""Where a person who is told of a release looks next. Reads GitHub's variables, changes nothing."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from pipeline.release.model import Rollout

_GITHUB = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")


def link_of(rollout: Rollout) -> str:
    """The address of the GitHub run that walks it, or where it stands in words: `production/orders/RELEASE`."""
    return run_address() or f"{rollout.environment}/{rollout.service}/{rollout.release_id}"


def run_address() -> str | None:
    """The address of the GitHub run this process is of; None elsewhere."""
    server, repository, run = (os.environ.get(name, "") for name in _GITHUB)
    known = server.startswith("https://") and repository and run
    return f"{server}/{repository}/actions/runs/{run}" if known else None


def moment(at: float) -> str:
    """Epoch seconds as ISO 8601, UTC, in whole seconds."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
