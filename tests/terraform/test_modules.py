"""The Terraform modules by themselves: formatting, and each module's own tests with a mocked provider.

A module's own tests depend on files, Terraform and its provider alone. Where they passed with all of these as they are,
they are not run again, as checkov is not, but by `make test-all`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import modules_kit
import pytest

from pipeline import cache
from pipeline.infra import provider
from pipeline.infra.binary import find_binary
from pipeline.infra.root import LOCK

MODULES = Path(__file__).parents[2] / "modules"
NAMES = sorted(path.parent.name for path in MODULES.glob("*/main.tf"))
CACHE = cache.directory() / "checks" / "terraform-test"


def terraform(directory: Path, *arguments: str, variables: dict[str, str] | None = None) -> str:
    """Run Terraform and return what it said, whatever came of it."""
    run = subprocess.run(
        [find_binary(os.environ), *arguments, "-no-color"],
        cwd=directory,
        env=variables or dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + (run.stderr if run.returncode else "")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A copy of the modules to initialise in, and the environment variables by which Terraform finds its provider."""
    copy = tmp_path_factory.mktemp("workshop") / "modules"
    shutil.copytree(MODULES, copy, ignore=shutil.ignore_patterns(".terraform"))
    return copy, provider.configure(os.environ, copy, (MODULES / LOCK).read_bytes())


@pytest.fixture(scope="session")
def state() -> str:
    """Hash of all that the outcome depends on: modules use each other, so it is one of all of them."""
    digest = hashlib.sha256(terraform(MODULES, "version").encode() + Path(__file__).read_bytes())
    for path in sorted(MODULES.rglob("*")):
        if path.is_file() and ".terraform" not in path.parts:
            digest.update(f"{path.relative_to(MODULES)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def test_the_modules_are_formatted() -> None:
    assert terraform(MODULES, "fmt", "-recursive", "-check", "-diff") == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_documented_and_whole(name: str) -> None:
    module = MODULES / name
    files = {path.name for path in module.iterdir()}
    assert {"main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md", "tests"} <= files
    readme = (module / "README.md").read_text()
    for kind in ("variables", "outputs"):
        text = (module / f"{kind}.tf").read_text()
        blocks = [block for block in text.split("\n}\n") if block.strip()]
        for block in blocks:
            declared = block.split('"')[1]
            assert "description" in block, f"{name}: {declared} says nothing of itself"
            assert f"`{declared}`" in readme, f"{name}: {declared} is not in the README"


@pytest.mark.parametrize("name", NAMES)
def test_a_module_shows_one_usage_that_can_be_applied(tmp_path: Path, name: str) -> None:
    (tmp_path / "usage.tf").write_text(modules_kit.usage(name))
    assert terraform(tmp_path, "fmt", "-check", "-diff") == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_module_has_its_row_in_the_table_of_all(name: str) -> None:
    table = (MODULES.parent / "docs" / "modules.md").read_text()
    rows = [
        line.count("|") for line in table.splitlines() if line.startswith(f"| [{name}](../modules/{name}/README.md) |")
    ]
    assert rows == [6], f"docs/modules.md needs one row of five columns for {name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_modules_own_tests_pass(request: pytest.FixtureRequest, state: str, name: str) -> None:
    passed = CACHE / state / name
    if passed.is_file() and not os.environ.get("CRABWALK_EXHAUSTIVE"):
        return
    copy, variables = request.getfixturevalue("workshop")
    module = copy / name
    shutil.copy(copy / LOCK, module / LOCK)
    with provider.alone(variables):
        said = terraform(module, "init", "-input=false", "-lockfile=readonly", variables=variables)
    assert "successfully initialized" in said, said
    said = terraform(module, "test", variables=variables)
    assert "Success!" in said, said
    passed.parent.mkdir(parents=True, exist_ok=True)
    passed.touch()
