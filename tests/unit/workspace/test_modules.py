"""Which modules a service's triggers and resources are made by."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from pipeline.manifest.models_resources import Resource
from pipeline.manifest.models_triggers import Trigger
from pipeline.workspace.modules import ALWAYS, BY_RESOURCE, BY_TRIGGER, used

MODULES = Path(__file__).parents[3] / "modules"


def kinds(union: object) -> set[str]:
    """The kinds a manifest may declare."""
    return {one.kind for one in get_args(get_args(union)[0])}


def test_every_kind_has_its_modules_and_each_is_there() -> None:
    assert (set(BY_TRIGGER), set(BY_RESOURCE)) == (kinds(Trigger), kinds(Resource))
    named = {*ALWAYS, *(name for table in (BY_TRIGGER, BY_RESOURCE) for names in table.values() for name in names)}
    assert {name for name in named if not (MODULES / name / "main.tf").is_file()} == set()


def test_a_service_counts_each_module_once() -> None:
    assert used(["sqs", "http", "sqs"], ["sqs", "dynamodb"]) == (
        "rust-lambda",
        "sqs-consumer",
        "http-api",
        "sqs-queue",
        "dynamodb-table",
    )
