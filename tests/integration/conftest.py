"""The session's one deployed project, and traffic to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import controller_kit
import engine_kit
import modules_kit
import pytest
import tiny_kit
from calls_kit import Door
from controller_kit import Ground
from engine_kit import World
from modules_kit import Applied
from shop_kit import Shop

from pipeline import local
from pipeline.aws import client
from pipeline.local.traffic import Traffic
from pipeline.manifest.environments import Environment
from pipeline.release.ledger.lease import Lease


@pytest.fixture
def env(embedded: local.Running, namespace: str) -> Environment:
    """An environment whose bucket somebody has made by hand."""
    made = Environment(
        name="local",
        account="000000000000",
        region="us-east-1",
        bucket=f"{namespace}-bucket",
        endpoint=embedded.endpoint,
        credentials=("test", "test"),
        embedded=True,
    )
    client(made, "s3").create_bucket(Bucket=made.bucket)
    return made


@pytest.fixture(scope="session")
def deployed(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Shop:  # noqa: ARG001
    """A project with its first release of both services; made once, because Terraform takes half a minute."""
    shop = Shop.make(tmp_path_factory.mktemp("shop") / "repository", "shop")
    for verb in (("bootstrap", "local"), ("deploy", "--env", "local")):
        done = shop.start(*verb).end(900)  # the first ever compiles both services
        assert done.code == 0, done.said
    return shop


@pytest.fixture
def shop(deployed: Shop) -> Iterator[Shop]:
    """The deployed project, at rest before and after."""
    yield deployed
    deployed.settle()


@pytest.fixture(scope="session")
def url(deployed: Shop) -> str:
    """Where `hello` answers."""
    return str(deployed.status()["url"])


@pytest.fixture
def traffic(url: str) -> Iterator[Traffic]:
    """A steady rate of requests to `hello`."""
    with Traffic(url, rate=120.0) as running:
        yield running


@pytest.fixture
def world(embedded: local.Running, namespace: str) -> World:
    """The engine with a real function and a ledger, its own clock and fed metrics."""
    return engine_kit.world(embedded, namespace)


@pytest.fixture
def lease(world: World) -> Iterator[Lease]:
    """The lease of the world's service, held."""
    with world.lease() as held:
        yield held


@pytest.fixture(scope="module")
def module_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of builds for the tests of one module."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def build_cache(module_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Builds go there, and not to the user's cache."""
    monkeypatch.setenv("CRABWALK_CACHE", str(module_cache))
    return module_cache


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone of the tiny workspace."""
    return tiny_kit.workspace(tmp_path / "clone")


@pytest.fixture(scope="session")
def applied(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    """The usages of all modules, made in one root; once, because Terraform takes a while."""
    with Door(embedded, tmp_path_factory.mktemp("door") / "aws").open() as door:
        env = replace(modules_kit.environment(embedded), endpoint=door.endpoint)
        usages = modules_kit.Usage(env, tmp_path_factory.mktemp("usages"), tuple(modules_kit.NAMES))
        with door.recorded() as made:
            outputs = usages.apply()
        yield Applied(usages, embedded, outputs, door, made)


@pytest.fixture(scope="session")
def ground(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Two controllers; made once, because Terraform takes a while."""
    with controller_kit.ground(embedded, tmp_path_factory.mktemp("ground")) as made:
        yield made
