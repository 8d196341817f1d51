"""Nothing that is declared and cannot be deployed is passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.infra.unrendered import check_rendered, unrendered
from pipeline.manifest.document import compose
from pipeline.manifest.models import Manifest, Service
from pipeline.manifest.node import Node
from pipeline.manifest.rules import FROM_YAML

ARN = "arn:aws:sqs:eu-west-1:123456789012:lost"


def declared(lines: str) -> Service:
    node = compose(f"name: hello\n{lines}\n", "service.yaml", [])
    assert isinstance(node, Node)
    manifest = Manifest.model_validate(node.plain(), context=FROM_YAML, by_alias=True, by_name=False)
    fields = {name: getattr(manifest, name) for name in Manifest.model_fields}
    return Service(**fields, directory=Path("hello"), file=Path("hello/service.yaml"))


@pytest.mark.parametrize(
    ("lines", "keys"),
    [
        ("kind: extension", ["kind: extension"]),
        ("extensions: [telemetry]", ["extensions"]),
        (f"dead_letter: {ARN}\nsecrets: {{TOKEN_ARN: shop/token}}", []),
        (f"resources: {{table: {{dynamodb: {{partition_key: id}}}}}}\naccess: [{{to: {ARN}, allow: [send]}}]", []),
        ("triggers: [{schedule: {rate: 5 min}}]\nconcurrency: {provisioned: 1}\nrelease: {steps: []}", []),
        ('triggers: [{http: {routes: ["GET /"], throttle: {rate: 1, burst: 1}}}, {function-url: {}}]', []),
        ("memory: 1 GB\nephemeral_storage: 1 GB\ntags: {a: b}\nconcurrency: {reserved: 1}", []),
    ],
)
def test_each_key_is_named_as_it_is_written(lines: str, keys: list[str]) -> None:
    assert list(unrendered(declared(lines))) == keys


def test_all_of_all_services_are_named_at_once(service: Callable[..., Any]) -> None:
    check_rendered([service()])
    with pytest.raises(UsageError) as caught:
        check_rendered([service(), declared("secrets: {TOKEN_ARN: shop/token}\nextensions: [telemetry]")])
    assert caught.value.what.endswith("cannot deploy everything that is declared: `hello`: extensions")


def test_the_reference_page_says_the_same() -> None:
    page = (Path(__file__).parents[3] / "docs/manifest.md").read_text().partition("**Not deployed yet**")[2]
    said = page.partition("\n\n")[0]
    for key in ("kind: extension", "extensions"):
        assert f"`{key}`" in said
