"""Layers and extensions of `provided.*` on the embedded AWS."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from typing import Any

import edge_kit as kit
import environment_kit
import pytest

from pipeline import local

OBSERVER = """
identity, function = register("INVOKE", "SHUTDOWN")
say("observing " + function["functionVersion"])
while True:
    event = next_event(identity)
    say("observed " + event["eventType"])
    if event["eventType"] == "SHUTDOWN":
        sys.exit(0)
"""
BROKEN = """
sys.exit(7)
"""


@pytest.fixture
def functions(embedded: local.Running) -> Any:
    return kit.client(embedded, "lambda")


def layer(functions: Any, name: str, **files: str) -> str:
    """The ARN of a version with these executables."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path.replace("__", "/"))
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, content)
    made = functions.publish_layer_version(LayerName=name, Content={"ZipFile": buffer.getvalue()})
    return str(made["LayerVersionArn"])


def extension(body: str) -> str:
    return environment_kit.HEAD.format(python=sys.executable) + environment_kit.EXTENSION + body


def test_an_extension_of_a_layer_runs_beside_the_function(
    embedded: local.Running, functions: Any, namespace: str
) -> None:
    arn = layer(functions, f"{namespace}-layer", extensions__observer=extension(OBSERVER), bin__tool="#!/bin/sh\n")
    kit.create(functions, namespace, Layers=[arn])
    answer = json.loads(kit.invoke(functions, namespace)["Payload"].read())
    assert answer["environment"]["PATH"].split(":")[0].endswith("/bin"), "what a layer has in /opt/bin is found"
    assert kit.logged(embedded, namespace, "observing $LATEST") == 1
    assert kit.logged(embedded, namespace, "observed INVOKE") == 1
    functions.update_function_code(FunctionName=namespace, ZipFile=kit.package(salt="another environment"))
    kit.settle(functions, namespace)
    kit.invoke(functions, namespace)
    assert kit.logged(embedded, namespace, "observed SHUTDOWN") == 1


def test_an_extension_that_crashes_at_init_is_the_functions_error(functions: Any, namespace: str) -> None:
    arn = layer(functions, f"{namespace}-layer", extensions__broken=extension(BROKEN))
    kit.create(functions, namespace, Layers=[arn])
    for _ in range(2):
        answer = kit.invoke(functions, namespace)
        assert answer["FunctionError"] == "Unhandled"
        error = json.loads(answer["Payload"].read())
        assert error["errorType"] == "Extension.Crash"
        assert "broken exited with error: exit status 7" in error["errorMessage"]
    functions.update_function_configuration(FunctionName=namespace, Layers=[])
    kit.settle(functions, namespace)
    assert "FunctionError" not in kit.invoke(functions, namespace)
