"""A project with services, environments, and a stand-in for Terraform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_terraform import FakeTerraform

from pipeline.manifest.environments import Environment
from pipeline.manifest.models import HttpTrigger, Service
from pipeline.manifest.project import Project


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTerraform:
    monkeypatch.delenv("TERRAFORM", raising=False)  # whoever runs the tests may have one of their own
    return FakeTerraform(tmp_path / "fake")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project("shop", tmp_path)


@pytest.fixture
def staging() -> Environment:
    return Environment("staging", "123456789012", "eu-west-1", "crabwalk-shop-staging-123456789012")


@pytest.fixture
def embedded_environment() -> Environment:
    return Environment(
        "local",
        "000000000000",
        "us-east-1",
        "crabwalk-shop-local",
        endpoint="http://127.0.0.1:1",
        credentials=("test", "test"),
        embedded=True,
    )


@pytest.fixture
def service(tmp_path: Path) -> Callable[..., Service]:
    def make(name: str = "hello", **fields: Any) -> Service:
        folder = tmp_path / "services" / name
        defaults = {"stack": "web", "triggers": (HttpTrigger(routes=("GET /",)),)}
        return Service(name=name, directory=folder, file=folder / "service.yaml", **{**defaults, **fields})

    return make
