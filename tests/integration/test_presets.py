"""The presets for GitLab and Buildkite: their commands are run in order on the embedded AWS."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from preset_kit import Server
from shop_kit import REPOSITORY, Shop

pytestmark = pytest.mark.exhaustive


@pytest.fixture
def server(shop: Shop, tmp_path: Path) -> Iterator[Server]:
    """A server with the deployed project, whose supply chain is checked in CI."""
    shop.pardon()  # a job does not deploy with --retry
    shutil.copy(REPOSITORY / "deny.toml", shop.root)
    yield Server(shop.root, tmp_path, "local")
    shop.git("rm", "--quiet", "--force", "deny.toml")
    shop.commit("no deny.toml")


def test_gitlab_checks_builds_releases_and_rolls_back(server: Server, shop: Shop) -> None:
    base = shop.git("rev-parse", "HEAD")
    before = shop.alias()["FunctionVersion"]
    sha = shop.change("")
    assert "hello" in server.gitlab("check", CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    assert "hello" in server.gitlab("plan")
    server.gitlab("build")
    assert "from the store" in server.gitlab("staging")
    assert shop.history()[0]["commit"] == sha
    assert "nothing to deploy" in server.gitlab("production")
    server.gitlab("rollback", ENVIRONMENT="local", SERVICE="hello", REASON='"; exit 7')
    assert shop.alias()["FunctionVersion"] == before
    assert "nothing is under way" in server.gitlab("watchdog", ENVIRONMENT="local")


def test_buildkite_checks_builds_releases_and_rolls_back(server: Server, shop: Shop) -> None:
    before = shop.alias()["FunctionVersion"]
    sha = shop.change("")
    server.buildkite("pipeline", "check")
    server.buildkite("pipeline", "build")
    assert "from the store" in server.buildkite("pipeline", "staging")
    assert shop.history()[0]["commit"] == sha
    assert "nothing to deploy" in server.buildkite("pipeline", "production")
    server.buildkite("rollback", "rollback", ENVIRONMENT="local", SERVICE="hello", REASON='"; exit 7')
    assert shop.alias()["FunctionVersion"] == before
    assert "nothing is under way" in server.buildkite("watchdog", "watchdog", ENVIRONMENT="local")
