"""The telemetry extension beside a function, on the Runtime, Extensions and Telemetry API, with a collector."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from collector_kit import Collector, collector
from environment_kit import bootstrap
from tiny_kit import packed

from pipeline.build import execute_build, plan_build
from pipeline.local.executables import HOST_NAMES
from pipeline.local.runtime_api import Environment, Function
from pipeline.manifest import load_services
from pipeline.manifest.project import load_project

ROOT = Path(__file__).resolve().parents[3]
NAME = "telemetry-extension"
PATIENCE_S = 30
SECRET = "s3cr3t-api-key"
ECHO = """
def handle(event, headers):
    if event == "fail":
        return ValueError("asked to fail")
    say("handled " + json.dumps(event))
    return event
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension as it lies in its layer, built for this machine."""
    (service,) = [one for one in load_services(load_project(ROOT), None) if one.name == NAME]
    service = service.model_copy(update={"architecture": HOST_NAMES[platform.machine()]})
    (artifact,) = execute_build(plan_build(ROOT, [service]), lambda _: None)
    path = tmp_path_factory.mktemp("layer") / "extensions" / NAME
    path.parent.mkdir()
    path.write_bytes(packed(artifact))
    path.chmod(0o755)
    return path


@pytest.fixture
def collected() -> Iterator[Collector]:
    with collector() as running:
        yield running


@contextmanager
def beside(program: Path, folder: Path, **variables: str) -> Iterator[Environment]:
    """A function with the extension beside it, initialised."""
    function = Function("greeter", version="7", timeout_s=PATIENCE_S)
    own = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", **variables}
    settings = function.environment(str(folder), own)
    with Environment(
        function, bootstrap(folder, ECHO), settings, extensions={program.name: [str(program)]}
    ) as environment:
        environment.start(PATIENCE_S)
        yield environment


def exporting(collected: Collector, **variables: str) -> dict[str, str]:
    headers = f"api-key={SECRET}%20,other=1"
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collected.endpoint, "OTEL_EXPORTER_OTLP_HEADERS": headers, **variables}


def test_telemetry_of_invocations_arrives_while_the_environment_lives(
    program: Path, tmp_path: Path, collected: Collector
) -> None:
    with beside(program, tmp_path, **exporting(collected)) as environment:
        for number in range(3):
            assert environment.invoke(json.dumps(number).encode(), request_id=f"r-{number}").error_type is None
        collected.until("platform.report", 3)
    assert {"platform.initStart", "platform.start", "platform.runtimeDone"} <= set(collected.events())
    assert "function" not in collected.events(), "only the platform's events unless more is asked for"
    reports = [
        record for record in collected.records() if record["attributes"][0]["value"]["stringValue"].endswith("report")
    ]
    assert [record["attributes"][1]["value"]["stringValue"] for record in reports] == ["r-0", "r-1", "r-2"]
    assert all(abs(int(record["timeUnixNano"]) / 1e9 - time.time()) < 600 for record in reports)
    path, headers, body = collected.requests[0]
    assert headers["api-key"] == f"{SECRET} "
    resource = {one["key"]: one["value"]["stringValue"] for one in body["resourceLogs"][0]["resource"]["attributes"]}
    assert (path, resource["faas.name"], resource["faas.version"]) == ("/v1/logs", "greeter", "7")
    metrics = [
        metric["name"]
        for path, _, body in collected.requests
        if path == "/v1/metrics"
        for metric in body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    ]
    assert {"aws.lambda.duration", "aws.lambda.init_duration"} <= set(metrics)


def test_what_is_left_is_sent_before_the_end(program: Path, tmp_path: Path, collected: Collector) -> None:
    with beside(program, tmp_path, **exporting(collected, TELEMETRY_TYPES="platform,function")) as environment:
        answer = environment.invoke(b'"last words"', request_id="r-last")
        environment.close()
        said = [*answer.lines, *environment.lines()]
    assert collected.events().count("platform.report") == 1
    assert [
        one["body"]["stringValue"] for one in collected.records() if one["body"]["stringValue"].startswith("handled")
    ]
    assert not [line for line in said if "WARN" in line]


@pytest.mark.parametrize("fault", ["down", "500", "slow", "refused"])
def test_a_collector_at_fault_neither_fails_nor_delays_the_function(
    program: Path, tmp_path: Path, collected: Collector, fault: str
) -> None:
    variables = exporting(collected)
    if fault == "down":
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
    collected.status = {"500": 500, "refused": 400}.get(fault, 200)
    if fault == "slow":
        collected.hold.clear()
    with beside(program, tmp_path, **variables) as environment:
        answers = [environment.invoke(b"1") for _ in range(20)]
        if fault != "down":
            deadline = time.monotonic() + PATIENCE_S
            while not collected.requests and time.monotonic() < deadline:
                time.sleep(0.01)
        answers += [environment.invoke(b"2") for _ in range(20)]
        assert environment.usable
        begun = time.monotonic()
        environment.close()
        took = time.monotonic() - begun
        said = [line for answer in answers for line in answer.lines] + environment.lines()
    assert all(answer.error_type is None for answer in answers)
    assert took < PATIENCE_S, "the end waits two seconds at most, whatever the collector does"
    warned = [json.loads(line) for line in said if line.startswith('{"')]
    assert warned
    assert all(one["level"] == "WARN" for one in warned)
    assert SECRET not in "".join(said)


def test_an_error_of_the_function_is_told_as_one(program: Path, tmp_path: Path, collected: Collector) -> None:
    with beside(program, tmp_path, **exporting(collected)) as environment:
        assert environment.invoke(b'"fail"').error_type == "ValueError"
        collected.until("platform.report")
    done = [one for one in collected.records() if one["attributes"][0]["value"]["stringValue"] == "platform.report"]
    assert [one["severityNumber"] for one in done] == [17]


@pytest.mark.parametrize("endpoint", [None, "no url", "ftp://somewhere"])
def test_without_a_usable_endpoint_it_waits_for_the_end(program: Path, tmp_path: Path, endpoint: str | None) -> None:
    variables: dict[str, Any] = {} if endpoint is None else {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    with beside(program, tmp_path, **variables) as environment:
        answer = environment.invoke(b"1")
        environment.close()
        said = [*answer.lines, *environment.lines()]
    assert answer.error_type is None
    assert bool([line for line in said if "nothing is sent" in line]) == (endpoint is not None)
