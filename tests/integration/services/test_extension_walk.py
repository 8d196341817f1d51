"""`hello` gets the telemetry extension, by a change of its configuration alone: built, a layer, walked, rolled back.

The tests of this file come in order: each begins where the one before ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from catalogue_kit import Catalogue
from collector_kit import Collector, collector

from pipeline import local
from pipeline.local.traffic import Traffic

HELLO = "services/hello/service.yaml"
MAIN = "services/telemetry-extension/src/main.rs"
EXTENSION = "telemetry-extension"
WITH = "extensions: [telemetry-extension]\n"
RUN = "telemetry_extension::run();"


class Pair(Catalogue):
    """`hello` and the extension alone."""

    def prepare(self) -> None:
        for file in self.root.glob("services/*/service.yaml"):
            if file.parent.name not in {"hello", EXTENSION}:
                file.unlink()
        self.walk_in("hello", "{traffic: 50 %, bake: 3 s}")

    def layers(self, version: str) -> list[str]:
        """The layers of one version of `hello`."""
        told = self.client("lambda").get_function_configuration(FunctionName=self.function(), Qualifier=version)
        return [layer["Arn"] for layer in told.get("Layers", [])]


@pytest.fixture(scope="module")
def collected() -> Iterator[Collector]:
    with collector() as running:
        yield running


@pytest.fixture(scope="module")
def pair(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    assert embedded.endpoint
    made = Pair.make(tmp_path_factory.mktemp("pair") / "repository", "pair", services="services/*/service.yaml")
    for done in (made.crabwalk("bootstrap", "local"), made.deploy()):
        assert done.code == 0, done.said
    return made


@pytest.fixture
def traffic(pair: Pair) -> Iterator[Traffic]:
    with Traffic(pair.url("hello"), 20) as running:
        yield running


def history(pair: Pair) -> Any:
    return pair.history()[0]


def test_an_extension_by_itself_is_not_deployed(pair: Pair) -> None:
    done = pair.crabwalk("deploy", EXTENSION, "--env", "local")
    assert (done.code, done.said.count(f"`{EXTENSION}` is an extension")) == (2, 1), done.said
    assert pair.layers("live") == []


@pytest.mark.usefixtures("traffic")
def test_hello_walks_with_it_as_a_change_of_its_configuration(pair: Pair, collected: Collector) -> None:
    pair.replace(HELLO, "RUST_LOG: info", f'RUST_LOG: info, OTEL_EXPORTER_OTLP_ENDPOINT: "{collected.endpoint}"')
    pair.write(HELLO, pair.read(HELLO).replace("stack: web\n", f"stack: web\n{WITH}"))
    pair.commit("hello: with telemetry")
    planned = pair.crabwalk("plan", "--env", "local")
    assert "hello" in planned.said, planned.said
    done = pair.deploy()
    assert done.code == 0, done.said
    assert history(pair)["outcome"] == "promoted"
    (layer,) = pair.layers("live")
    assert layer.endswith(f":layer:pair-local-{EXTENSION}:1")
    assert pair.layers("1") == []
    collected.until("platform.report", 5)
    again = pair.deploy()
    assert (again.code, "nothing to deploy" in again.said) == (0, True), again.said


@pytest.mark.usefixtures("traffic")
def test_one_that_ends_at_init_gets_no_traffic(pair: Pair) -> None:
    before = pair.alias()["FunctionVersion"]
    pair.replace(MAIN, RUN, "std::process::exit(1);")
    pair.commit("telemetry-extension: ends at once")
    done = pair.deploy()
    assert done.code != 0, done.said
    assert f"runs with {EXTENSION}" in done.said, "the reason is said"
    assert (pair.alias()["FunctionVersion"], pair.weights()) == (before, {})
    (kept,) = pair.layers("live")
    assert kept.endswith(":1"), "who is live has the layer it had"


@pytest.mark.usefixtures("traffic")
def test_a_new_one_walks_with_hello_and_hello_alone_can_go_back(pair: Pair) -> None:
    before = pair.alias()["FunctionVersion"]
    pair.replace(MAIN, "std::process::exit(1);", f'println!("{{{{}}}}");\n    {RUN}')
    pair.commit("telemetry-extension: says that it starts")
    done = pair.deploy()
    assert done.code == 0, done.said
    assert pair.alias()["FunctionVersion"] != before
    (now,) = pair.layers("live")
    assert not now.endswith(":1")
    done = pair.crabwalk("rollback", "hello", "--env", "local")
    assert done.code == 0, done.said
    assert pair.alias()["FunctionVersion"] == before
    assert pair.layers("live")[0].endswith(":1")


def test_status_and_affected_know_it(pair: Pair) -> None:
    told = pair.crabwalk("status", "--env", "local")
    assert told.code == 0, told.said
    assert EXTENSION not in told.out, "it has no versions of its own"
    found = pair.crabwalk("affected", "--base", "HEAD~1")
    assert f"hello ← {EXTENSION}" in found.said, found.said
    assert Path(pair.root, MAIN).exists()
