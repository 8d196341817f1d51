from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rich_kit
from json_schema import faults
from manifest_cases import ACCESS, FULL, KEYS, NAMES, RESOURCES, TRIGGERS

from pipeline.manifest import schema
from pipeline.manifest.document import compose, read_document
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import Project, load_project, read_project
from pipeline.manifest.schema_project import project_schema
from pipeline.manifest.schema_service import service_schema
from pipeline.scaffold import KINDS
from pipeline.scaffold import plan as plan_service

ROOT = Path(__file__).parents[3]
STAGING = Environment("staging", "123456789012", "eu-west-1", "bucket")
PRODUCTION = Environment("production", "123456789012", "eu-west-1", "bucket")
PROJECT = Project("demo", ROOT, environments=(STAGING, PRODUCTION))
SERVICE = service_schema(PROJECT)
HEAD = "crabwalk: 1\nname: a\n"

# What only check can say: ranges of quantities with units, and whether things exist or fit together.
BEYOND = (
    *(f" {unit} is out of range" for unit in ("MB", "GB", "s", "min", "h", "days")),
    "is not a whole number",
    "has glibc",
    "are more than the",
    "`warn` is larger than `fail`",
    "credentials cannot be allowed",
    "answers OPTIONS itself",
    "messages of a queue need a window",
    "knows no window",
    "is not a time zone",
    "cannot stand in the field",
    "must be `?`",
    "cannot be written as JSON",
    "must be a list of what matches",
    "takes 2063 characters",
    "is the partition key already",
    "means nothing for",
    "JMESPath",
    "must be one hook",
    "must be one place",
)


def data(text: str) -> Any:
    problems: list = []
    node = compose(text, "x.yaml", problems)
    assert node is not None, problems
    return node.plain()


def said(text: str) -> list[str]:
    return faults(SERVICE, data(HEAD + text))


def test_the_committed_schemas_are_what_crabwalk_writes() -> None:
    assert schema.states(ROOT) == {"services/service.schema.json": "current", "crabwalk.schema.json": "current"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("services/*/service.yaml")), ids=lambda path: path.parent.name)
def test_our_manifests_are_valid_and_name_their_schema(path: Path) -> None:
    assert path.read_text().startswith("# yaml-language-server: $schema=../service.schema.json\n")
    node = read_document(path, path.name, [])
    assert node is not None
    assert faults(json.loads((ROOT / "services" / "service.schema.json").read_text()), node.plain()) == []


def test_our_project_file_is_valid_and_names_its_schema() -> None:
    text = (ROOT / "crabwalk.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=./crabwalk.schema.json\n")
    assert faults(json.loads((ROOT / "crabwalk.schema.json").read_text()), data(text)) == []


@pytest.mark.parametrize(
    "text",
    [HEAD + FULL, rich_kit.FUNCTION.decode(), rich_kit.EXTENSION.decode(), rich_kit.SMALL.decode(), HEAD],
    ids=["full", "rich", "extension", "small", "least"],
)
def test_valid_manifests(text: str) -> None:
    assert faults(SERVICE, data(text)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_scaffolded_manifests(kind: str, tmp_path: Path) -> None:
    (tmp_path / "crabwalk.yaml").write_text("crabwalk: 1\nproject: shop\n")
    (tmp_path / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["services/*"]\n')
    files = plan_service(load_project(tmp_path), "mine", kind).files
    (text,) = (text for path, text in files.items() if str(path).endswith("service.yaml"))
    assert faults(SERVICE, data(text if isinstance(text, str) else text.decode())) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        *KEYS,
        *((f"resources: {{x: {one}}}", fault) for one, fault in RESOURCES),
        *((f"resources: {{{name}: {{s3: {{}}}}}}", fault) for name, fault in NAMES),
        *((f"triggers: [{one}]", fault) for one, fault in TRIGGERS),
        *((f"access: [{one}]", fault) for one, fault in ACCESS),
    ],
)
def test_what_check_refuses_the_schema_refuses_where_it_can(text: str, fault: str) -> None:
    beyond = any(words in fault for words in BEYOND)
    assert bool(said(text)) is not beyond


@pytest.mark.parametrize(
    "text",
    [
        "overlays: {staging: {vpc: {subnets: [subnet-01234567]}}}",
        "overlays: {staging: {resources: {t: {dynamodb: {ttl: x}}}}}",
        "overlays: {staging: {release: {checks: {latency: {}}}}}",
        "overlays: {local: {architecture: host}, production: {architecture: x86_64}}",
        "memory: 1.5 GB\nlog_retention: 24 h\ntimeout: 15min",
        'environment: {A_B: "", C1: "${services.x.y.z} $${HOME}"}',
        "kind: extension\noverlays: {local: {architecture: host}}",
    ],
)
def test_what_yaml_may_say(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "overlays: {staging: {architecture: host}}",
        "overlays: {stagin: {}}",
        "overlays: {staging: {name: b}}",
        "overlays: {staging: {overlays: {}}}",
        "overlays: {staging: {memory: 128}}",
        "overlays: {staging: {triggers: [{http: {}}]}}",
        "overlays: {staging: {resources: {t: {s3: {}, sqs: {}}}}}",
        "kind: extension\nmemory: 128 MB",
        "architecture: host",
        "timeout: 3",
        "memory: 128 KB",
        "environment: {PORT: 8080}",
        "environment: {AWS_REGION: x}",
        "tracing: 'yes'",
        "unknown: 1",
        "vpc: {subnets: [subnet-01234567]}",
    ],
)
def test_what_yaml_may_not_say(text: str) -> None:
    assert said(text)


@pytest.mark.parametrize("text", ["name: a", "crabwalk: 2\nname: a", "crabwalk: 1", "crabwalk: '1'\nname: a"])
def test_every_manifest_has_a_version_and_a_name(text: str) -> None:
    assert faults(SERVICE, data(text))


PROJECT_HEAD = "crabwalk: 1\nproject: demo\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "services: '**/service.yml'",
        "environments: {staging: {account: '123456789012', region: eu-west-1, bucket: my-bucket}}",
        "build: {compiler: cross, auditable: true, deny: off}",
    ],
)
def test_valid_project_files(text: str, tmp_path: Path) -> None:
    (tmp_path / "crabwalk.yaml").write_text(PROJECT_HEAD + text)
    problems: list = []
    read_project(tmp_path, problems)
    assert (problems, faults(project_schema(), data(PROJECT_HEAD + text))) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        "services: ../*.yaml",
        "services: services",
        "environments: {local: {account: '123456789012', region: eu-west-1}}",
        "environments: {staging: {account: 123456789012, region: eu-west-1}}",
        "environments: {staging: {region: eu-west-1}}",
        "environments: {staging: {account: '123456789012', region: Ireland}}",
        "environments: {Staging: {account: '123456789012', region: eu-west-1}}",
        "build: {compiler: gcc}",
        "build: {cache: true}",
        "unknown: 1",
    ],
)
def test_broken_project_files(text: str, tmp_path: Path) -> None:
    (tmp_path / "crabwalk.yaml").write_text(PROJECT_HEAD + text)
    problems: list = []
    read_project(tmp_path, problems)
    assert problems
    assert faults(project_schema(), data(PROJECT_HEAD + text))


def test_every_key_has_a_text_for_editors() -> None:
    silent: list[str] = []

    def walk(node: Any, path: str) -> None:
        for key, inner in node.get("properties", {}).items():
            if isinstance(inner, dict) and "$ref" not in inner and not inner.get("description", "").endswith("."):
                silent.append(f"{path}.{key}")
            if isinstance(inner, dict):
                walk(inner, f"{path}.{key}")

    for name, node in (("service", SERVICE), ("project", project_schema()), *SERVICE["$defs"].items()):
        walk(node, name)
    assert silent == []


def test_defaults_are_shown_as_yaml_writes_them() -> None:
    keys = SERVICE["properties"]
    shown = {key: keys[key].get("default") for key in ("memory", "timeout", "log_retention", "tracing", "architecture")}
    assert shown == {
        "memory": "128 MB",
        "timeout": "3 s",
        "log_retention": "14 days",
        "tracing": False,
        "architecture": "arm64",
    }
    release = SERVICE["$defs"]["Release"]["properties"]
    assert (release["deadline"]["default"], release["approval_timeout"]["default"]) == ("2 h", "1 day")
    assert SERVICE["$defs"]["SqsResource"]["properties"]["visibility"]["default"] == "30 s"


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("services/*/service.yaml", "services/service.schema.json"),
        ("**/service.yaml", "service.schema.json"),
        ("a/b-*/c/service.yaml", "a/service.schema.json"),
        ("apps/lambda/service.yaml", "apps/lambda/service.schema.json"),
    ],
)
def test_where_the_schema_lies(glob: str, path: str) -> None:
    assert schema.service_schema_path(Project("demo", ROOT, services_glob=glob)) == path


# Headings of docs/manifest.md and the part of the schema their table is about.
SECTIONS = {
    "The service": "",
    "concurrency": "Concurrency",
    "vpc": "Vpc",
    "budget": "Budget",
    "dynamodb": "DynamodbResource",
    "sqs": "SqsResource",
    "s3": "S3Resource",
    "http": "HttpTrigger",
    "cors": "Cors",
    "throttle": "Throttle",
    "authorizer": "Authorizer",
    "domain": "Domain",
    "function-url": "FunctionUrlTrigger",
    "sqs trigger": "SqsTrigger",
    "s3 trigger": "S3Trigger",
    "schedule": "ScheduleTrigger",
    "event": "EventTrigger",
    "stream": "StreamTrigger",
    "enrichment": "EnrichmentTrigger",
    "cognito": "CognitoTrigger",
    "a grant": "Grant",
    "a statement": "Statement",
    "release": "Release",
    "steps": "Step",
    "checks": "Checks",
    "evidence": "Evidence",
    "latency": "Latency",
    "quiet": "Quiet",
    "freezes": "Freeze",
    "limits": "Limit",
    "safety_net": "SafetyNet",
    "smoke": "Smoke",
    "hooks": "Hooks",
    "a hook": "Hook",
    "probe": "Probe",
    "notify": "Notification",
}
WITHOUT_KEYS = {"EventBusResource", "SecretResource", "StateMachineTrigger"}


def documented() -> dict[str, dict[str, list[str]]]:
    """The rows of each section's table of keys: type, default and example by key."""
    sections: dict[str, dict[str, list[str]]] = {}
    heading = ""
    for line in (ROOT / "docs" / "manifest.md").read_text().splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| `") and line.count("|") >= 6:
            key, _, kind, default, example = (cell.strip() for cell in line.strip("|").split("|"))
            sections.setdefault(heading, {})[key.strip("`")] = [kind, default, example]
    return sections


def test_the_reference_has_every_key_its_default_and_a_valid_example() -> None:
    found = documented()
    assert set(found) == set(SECTIONS)
    assert {name for name in SERVICE["$defs"] if not name.endswith("Overlay")} == {
        *filter(None, SECTIONS.values()),
        *WITHOUT_KEYS,
    }
    for heading, name in SECTIONS.items():
        part = SERVICE["$defs"][name] if name else SERVICE
        assert set(found[heading]) == set(part["properties"]), heading
        for key, (_, default, example) in found[heading].items():
            shown = part["properties"][key].get("default")
            if isinstance(shown, bool):
                shown = str(shown).lower()
            if shown not in (None, {}):
                assert default == f"`{shown}`", (heading, key)
            assert (default == "required") is (key in part.get("required", ())), (heading, key)
            written = data(example.strip("`"))
            assert list(written) == [key]
            if "…" not in example:
                assert faults({**SERVICE, "properties": part["properties"], "required": []}, written) == []
