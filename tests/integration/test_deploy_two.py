"""Two services in one deploy, through the real verb: walked at once, and neither stopped by the other's stack."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from shop_kit import TWO_STEPS, Shop

from pipeline.aws import client
from pipeline.local.traffic import Traffic
from pipeline.scaffold import enter

REFUSED = """variable "environment" {}

resource "aws_sns_topic" "this" {
  name = "shop-local-herald"

  lifecycle {
    precondition {
      condition     = var.environment == "nobody's"
      error_message = "The team has no such topic."
    }
  }
}
"""


@pytest.mark.usefixtures("traffic")
def test_two_services_walk_at_once(shop: Shop) -> None:
    for name in ("hello", "health"):
        shop.walk_in(name, TWO_STEPS)
        manifest = f"services/{name}/service.yaml"
        now, then = ("160", "128") if "memory: 160 MB" in shop.read(manifest) else ("128", "160")
        shop.replace(manifest, f"memory: {now} MB", f"memory: {then} MB")
    shop.commit("both: another size")
    before = {name: shop.alias(name)["FunctionVersion"] for name in ("hello", "health")}
    with Traffic(str(shop.status("health")["url"]), rate=60.0):
        verb = shop.start("deploy", "--env", "local", "--output", "json", "--retry", "--max-parallel", "2")
        candidates = {name: shop.until_walking(verb, name) for name in ("health", "hello")}
        assert all(shop.weights(name) for name in candidates), "neither has waited for the other"
        done = verb.end()
    assert done.code == 0, done.said
    releases = {one["service"]: one for one in done.json["releases"]}
    assert {name: one["outcome"] for name, one in releases.items()} == dict.fromkeys(candidates, "promoted")
    assert {name: one["candidate"] for name, one in releases.items()} == candidates
    assert {name: one["stable"] for name, one in releases.items()} == before
    lines = [line for line in done.err.splitlines() if "published version" in line]
    assert sorted(line.split()[1] for line in lines) == ["health:", "hello:"]


@pytest.fixture
def herald(shop: Shop) -> Iterator[None]:
    """A third service, in a stack of its own that Terraform refuses to plan."""
    lock, folder = shop.read("Cargo.lock"), shop.root / "services" / "herald"
    shutil.copytree(shop.root / "services" / "hello", folder)
    shop.replace("services/herald/Cargo.toml", 'name = "hello"', 'name = "herald"')
    for before, after in (("name: hello", "name: herald"), ("stack: web", "stack: herald")):
        shop.replace("services/herald/service.yaml", before, after)
    (folder / "infra").mkdir()
    shop.write("services/herald/infra/main.tf", REFUSED)
    assert enter(shop.root) is None
    yield
    shop.git("checkout", "--quiet", "--force", "main")
    shutil.rmtree(folder)
    shop.write("Cargo.lock", lock)
    shop.commit("without herald")


@pytest.mark.usefixtures("herald")
def test_a_stack_that_terraform_refuses_keeps_no_other_stack_from_its_release(shop: Shop) -> None:
    shop.change("")
    before = shop.alias()["FunctionVersion"]
    done = shop.start("deploy", "--env", "local", "--output", "json", "--retry").end(900)  # it compiles `herald`
    assert done.code == 1, done.said
    releases = {one["service"]: one for one in done.json["releases"]}
    assert {name: one["outcome"] for name, one in releases.items()} == {"herald": "failed", "hello": "promoted"}
    assert "The team has no such topic." in releases["herald"]["sentence"]
    assert shop.alias()["FunctionVersion"] == releases["hello"]["candidate"] != before
    names = {one["FunctionName"] for one in client(shop.env, "lambda").list_functions()["Functions"]}
    assert shop.function("herald") not in names, "nothing of the refused stack was made"
