"""Every example as production runs it: built for arm64, deployed, and used through its trigger, under qemu."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalogue_kit import Foreign, Use, chosen, until

from pipeline import local
from pipeline.manifest import load_services
from pipeline.manifest.project import load_project

ROOT = Path(__file__).resolve().parents[3]
SERVICES = chosen(one.name for one in load_services(load_project(ROOT), None) if one.kind == "function")

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def foreign(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Foreign:  # noqa: ARG001
    return Foreign.released(tmp_path_factory.mktemp("arm64"), "arm64")


@pytest.mark.parametrize("name", SERVICES)
def test_it_is_used_through_its_trigger_on_arm64(foreign: Foreign, name: str) -> None:
    configuration = foreign.client("lambda").get_function_configuration(FunctionName=foreign.function(name))
    assert configuration["Architectures"] == ["arm64"]
    call = Use.of(name).caller(foreign)
    call(1)
    until(f"{name} was invoked by its trigger", lambda: foreign.invoked(name)["1"])
