"""What pip installs works without this repository: from nothing to a release that is rolled back."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from wheel_kit import Machine, build

from pipeline.local.traffic import Traffic

STAGING = 'environments:\n  staging: {account: "111122223333", region: eu-west-1}\n'
GREETING = ("Hello, ", "Good day, ")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def machine(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine.make(tmp_path_factory.mktemp("machine"), wheel)


def test_it_holds_what_is_carried_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    carried = {name.removeprefix("pipeline/_carried/") for name in names if name.startswith("pipeline/_carried/")}
    assert {
        "modules/.terraform.lock.hcl",
        "modules/rust-lambda/main.tf",
        "modules/github-oidc/main.tf",
        "rust_shared/Cargo.toml",
        "rust_shared/src/lib.rs",
        "Cargo.toml",
        "Cargo.lock",
        ".github/workflows/deploy.yml",
        ".github/actions/setup/action.yml",
        "presets/gitlab/gitlab-ci.yml",
        "presets/buildkite/pipeline.yml",
    } <= carried
    assert {"pipeline/scaffold/templates/http/service.yaml", "pipeline/cost/prices.json"} <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert tops == {"pipeline", next(top for top in tops if top.endswith(".dist-info"))}
    unwanted = ("/target/", "/tests/", ".tftest.hcl", "__pycache__", ".terraform/")
    assert [name for name in names if any(part in f"/{name}" for part in unwanted)] == []


def test_the_source_distribution_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build(tmp_path, "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    command = (sys.executable, "-m", "hatchling", "build", "--directory", str(tmp_path), "--target", "wheel")
    subprocess.run(command, cwd=unpacked, check=True, capture_output=True)
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_a_first_service_from_the_wheel_alone(machine: Machine, tmp_path: Path) -> None:
    where = machine.run("python", "-c", "from pipeline.carried import carried; print(carried())", cwd=tmp_path).out
    assert Path(where.strip()).is_relative_to(machine.venv)
    machine.crabwalk("init", "shop", "--ci", "none", cwd=tmp_path)
    shop = tmp_path / "shop"
    machine.crabwalk("new", "hello", "--kind", "http", cwd=shop)
    assert machine.crabwalk("check", cwd=shop).out.endswith("1 manifest are valid: hello\n")
    with (shop / "crabwalk.yaml").open("a") as project:
        project.write(STAGING)
    shown = machine.crabwalk("render", "--env", "staging", "--offline", "--output", "json", cwd=shop).json
    (stack,) = shown["stacks"]
    assert {"modules/rust-lambda/main.tf", "modules/http-api/main.tf", ".terraform.lock.hcl"} <= set(stack["files"])


@pytest.mark.exhaustive
def test_from_nothing_to_a_rollback(machine: Machine, tmp_path: Path) -> None:
    machine.crabwalk("init", "shop", cwd=tmp_path)
    shop = tmp_path / "shop"
    machine.crabwalk("new", "hello", "--kind", "http", cwd=shop)
    machine.crabwalk("check", cwd=shop)
    machine.commit(shop, "hello")
    machine.crabwalk("local", "up", cwd=shop)
    try:
        machine.crabwalk("bootstrap", "local", cwd=shop)
        machine.crabwalk("deploy", "--env", "local", cwd=shop)
        (first,) = machine.crabwalk("status", "--env", "local", "--output", "json", cwd=shop).json["services"]
        source = shop / "services/hello/src/main.rs"
        text = source.read_text()
        assert GREETING[0] in text
        source.write_text(text.replace(*GREETING))
        machine.commit(shop, "hello: another greeting")
        with Traffic(first["url"], rate=40, seed=1):
            machine.crabwalk("deploy", "--env", "local", cwd=shop)
        (second,) = machine.crabwalk("status", "--env", "local", "--output", "json", cwd=shop).json["services"]
        assert second["traffic"] != first["traffic"]
        machine.crabwalk("rollback", "hello", "--env", "local", cwd=shop)
        (third,) = machine.crabwalk("status", "--env", "local", "--output", "json", cwd=shop).json["services"]
        assert third["traffic"] == first["traffic"]
    finally:
        machine.crabwalk("local", "down", cwd=shop)
