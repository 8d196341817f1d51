"""From a manifest to module calls: resources, permissions, triggers, and how they name each other."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.infra import Scope, parts
from pipeline.infra.calls import Call, united
from pipeline.infra.parts import access
from pipeline.manifest.document import compose
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import Manifest, Service
from pipeline.manifest.node import Node
from pipeline.manifest.project import Project
from pipeline.manifest.rules import FROM_YAML

MODULES = Path(__file__).parents[3] / "modules"
PLACE = "eu-west-1:123456789012"


def declared(lines: str, name: str = "todos") -> Service:
    node = compose(f"name: {name}\n{lines}\n", "service.yaml", [])
    assert isinstance(node, Node)
    manifest = Manifest.model_validate(node.plain(), context=FROM_YAML, by_alias=True, by_name=False)
    fields = {field: getattr(manifest, field) for field in Manifest.model_fields}
    return Service(**fields, directory=Path(name), file=Path(f"{name}/service.yaml"))


@pytest.fixture
def orders() -> Service:
    return declared(
        "resources: {jobs: {sqs: {fifo: true}}, table: {dynamodb: {partition_key: id, stream: new-image}}}", "orders"
    )


@pytest.fixture
def scope(project: Project, staging: Environment, orders: Service) -> Scope:
    return Scope(project, staging, {"orders": orders})


def rendered(scope: Scope, lines: str, *, released: bool = True) -> dict[str, Call]:
    service = declared(lines)
    whole = Scope(scope.project, scope.env, {**scope.services, "todos": service}, scope.outputs)
    return {call.name: call for call in parts.calls(whole, service, released=released)}


def allowed(scope: Scope, lines: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = rendered(scope, lines)["todos"].arguments.get("access", {})
    return found


def test_resources_are_there_before_the_first_release_and_triggers_are_not(scope: Scope) -> None:
    lines = """
resources: {table: {dynamodb: {partition_key: id, sort_key: at (N), ttl: gone}}, jobs: {sqs: {}}}
triggers: [{sqs: {queue: jobs}}, {http: {routes: [GET /]}}, {schedule: {rate: 5 min}}]
"""
    assert set(rendered(scope, lines, released=False)) == {"todos", "todos_table", "todos_jobs"}
    calls = rendered(scope, lines)
    assert set(calls) == {"todos", "todos_table", "todos_jobs", "todos_http", "todos_schedule", "todos_sqs_jobs"}
    assert calls["todos_table"].arguments == {
        "name": "shop-staging-todos-table",
        "partition_key": {"name": "id", "type": "S"},
        "sort_key": {"name": "at", "type": "N"},
        "ttl": "gone",
        "stream": None,
        "point_in_time_recovery": True,
        "tags": {"crabwalk:service": "todos"},
    }
    assert calls["todos_table"].outputs["table_stream_arn"] == "stream_arn"
    assert calls["todos_sqs_jobs"].arguments["queue_arn"] == "${module.todos_jobs.arn}"


@pytest.mark.parametrize(
    ("trigger", "name", "arguments"),
    [
        ("sqs: {queue: '${services.orders.jobs}', batch: 5}", "sqs_orders-jobs",
         {"queue_arn": f"arn:aws:sqs:{PLACE}:shop-staging-orders-jobs.fifo", "batch": 5}),
        (f"sqs: {{queue: 'arn:aws:sqs:{PLACE}:jobs'}}", "sqs_jobs-", {"queue_arn": f"arn:aws:sqs:{PLACE}:jobs"}),
        ("schedule: {cron: '0 3 * * ? *', timezone: Europe/Berlin, payload: {a: '${b}'}}", "schedule",
         {"expression": "cron(0 3 * * ? *)", "timezone": "Europe/Berlin", "payload_json": '{"a":"$${b}"}'}),
        ("event: {pattern: {source: [shop]}}", "event", {"bus": "default", "pattern_json": '{"source":["shop"]}'}),
        ("event: {bus: audit, pattern: {source: [shop]}}", "event", {"bus": "${module.todos_audit.name}"}),
        ("stream: {source: log, retries: 2}", "stream_log",
         {"source_arn": "${module.todos_log.stream_arn}", "retries": 2}),
        ("s3: {bucket: images, prefix: in/}", "s3_images",
         {"bucket": "${module.todos_images.name}", "rules": [{"events": ["created"], "prefix": "in/", "suffix": ""}]}),
        ("enrichment: {source: queue, target: audit, batch: 3}", "pipe_queue",
         {"source_arn": "${module.todos_queue.arn}", "target_arn": "${module.todos_audit.arn}", "batch": 3}),
        ("function-url: {auth: none, stream: true}", "url", {"auth": "none", "stream": True}),
        ("cognito: {user_pool: eu-west-1_AbC, trigger: pre-token-generation, version: V2_0}", "cognito_",
         {"user_pool_id": "eu-west-1_AbC", "trigger": "pre-token-generation", "event_version": "V2_0"}),
        ("cognito: {trigger: pre-token-generation, version: V3_0}", "user-pool",
         {"name": "shop-staging-todos-user-pool", "event_version": "V3_0", "deletion_protection": True}),
    ],
)  # fmt: skip
def test_each_trigger_leads_to_the_alias(scope: Scope, trigger: str, name: str, arguments: dict[str, Any]) -> None:
    resources = """
resources:
  audit: {event-bus: {}}
  images: {s3: {}}
  log: {dynamodb: {partition_key: id, stream: new-image}}
  queue: {sqs: {}}
"""
    calls = rendered(scope, f"{resources}\ntriggers: [{{{trigger}}}]")
    (call,) = (call for call in calls.values() if call.name.startswith(f"todos_{name}"))
    assert {key: call.arguments.get(key) for key in arguments} == arguments
    assert any("module.todos.alias" in str(value) for value in call.arguments.values())


def test_another_moment_keeps_the_own_pool_and_its_people(scope: Scope) -> None:
    moments = ("pre-sign-up", "custom-message")
    calls = [rendered(scope, f"triggers: [{{cognito: {{trigger: {one}}}}}]")["todos_user-pool"] for one in moments]
    assert [call.arguments["trigger"] for call in calls] == list(moments)
    assert calls[0].outputs == {"user-pool_id": "id", "user-pool_arn": "arn"}
    given = rendered(scope, "triggers: [{cognito: {user_pool: eu-west-1_AbC, trigger: pre-sign-up}}]")
    assert "todos_user-pool" in {call.name for call in united(tuple(given.values()), calls[:1])}


def test_what_is_not_known_yet_is_missing_and_left_out(scope: Scope) -> None:
    service = declared("triggers: [{stream: {source: '${services.orders.table}'}}]")
    assert [str(one) for one in scope.ready(service).missing] == ["${services.orders.table.stream_arn}"]
    assert set(rendered(scope, "triggers: [{stream: {source: '${services.orders.table}'}}]")) == {"todos"}
    known = Scope(scope.project, scope.env, scope.services, {"orders": {"table_stream_arn": "arn:stream"}})
    assert known.ready(service).missing == ()
    call = rendered(known, "triggers: [{stream: {source: '${services.orders.table}'}}]")["todos_stream_orders-table"]
    assert call.arguments["source_arn"] == "arn:stream"


def test_a_word_is_the_few_actions_it_stands_for(scope: Scope) -> None:
    found = allowed(
        scope,
        """
resources: {table: {dynamodb: {partition_key: id}}, images: {s3: {}}, token: {secret: {}}}
access:
  - {to: table, allow: [read]}
  - {to: images, allow: [read, PutObjectTagging, GetBucketPolicy]}
  - {to: "${services.orders.jobs}", allow: [send]}
  - {to: token, allow: [read]}
""",
    )
    table = "${module.todos_table.arn}"
    assert found["table"]["resources"] == [table, f"{table}/index/*"]
    assert "dynamodb:Scan" in found["table"]["actions"]
    assert not [one for one in found["table"]["actions"] if "Put" in one or "Delete" in one or "*" in one]
    assert found["images"] == {
        "actions": ["s3:GetBucketLocation", "s3:GetBucketPolicy", "s3:ListBucket"],
        "resources": ["${module.todos_images.arn}"],
    }
    assert found["images-objects"]["actions"] == ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObjectTagging"]
    assert found["images-objects"]["resources"] == ["${module.todos_images.arn}/*"]
    assert found["orders-jobs"]["resources"] == [f"arn:aws:sqs:{PLACE}:shop-staging-orders-jobs.fifo"]
    assert found["token"]["resources"] == ["${module.todos_token.arn}"]


def test_a_statement_is_taken_as_it_is(scope: Scope) -> None:
    lines = 'access: [{actions: ["ses:SendEmail"], resources: ["*"], reason: mail}]'
    ((name, statement),) = allowed(scope, lines).items()
    assert name.startswith("statement-")
    assert statement == {"actions": ["ses:SendEmail"], "resources": ["*"]}


def test_a_secret_is_read_by_its_arn_and_never_seen(scope: Scope) -> None:
    lines = """
resources: {token: {secret: {}}}
secrets: {TOKEN: "${services.todos.token}", DB: shop/db}
"""
    call = rendered(scope, lines)["todos"]
    db = f"arn:aws:secretsmanager:{PLACE}:secret:shop/db"
    token = "${module.todos_token.arn}"
    assert call.arguments["environment"] == {"DB": db, "TOKEN": token}
    assert call.arguments["access"]["secrets"]["actions"] == ["secretsmanager:GetSecretValue"]
    assert call.arguments["access"]["secrets"]["resources"] == [token, db, f"{db}-??????"]


def test_a_plain_name_is_the_secret_at_aws_as_check_says(scope: Scope) -> None:
    call = rendered(scope, "\nresources: {token: {secret: {}}}\nsecrets: {TOKEN: token}\n")["todos"]
    assert call.arguments["environment"] == {"TOKEN": f"arn:aws:secretsmanager:{PLACE}:secret:token"}


def test_a_function_is_configured_with_where_its_secrets_are(scope: Scope) -> None:
    service = declared('resources: {token: {secret: {}}}\nsecrets: {TOKEN: "${services.todos.token}", DB: shop/db}')
    made = {"todos": {"token_arn": "arn:of:token-AbCdEf"}}
    whole = Scope(scope.project, scope.env, {"todos": service}, made)
    db = f"arn:aws:secretsmanager:{PLACE}:secret:shop/db"
    assert dict(access.configured(whole, service).environment) == {"TOKEN": "arn:of:token-AbCdEf", "DB": db}
    assert dict(whole.ready(service).service.environment) == {}


def test_an_own_dead_letter_queue_and_what_keeps_warm(scope: Scope) -> None:
    lines = "resources: {lost: {sqs: {}}}\ndead_letter: lost\nconcurrency: {provisioned: 2}\nrelease: {steps: []}"
    call = rendered(scope, lines)["todos"]
    assert call.arguments["dead_letter_arn"] == '${format("%s", module.todos_lost.arn)}'
    assert call.arguments["provisioned_concurrency"] == 2
    assert "provisioned_concurrency" not in rendered(scope, lines, released=False)["todos"].arguments


def test_http_has_all_its_manifest_says(scope: Scope) -> None:
    lines = """
triggers:
  - http:
      routes: [GET /]
      cors: {origins: ["https://example.org"], methods: [GET], max_age: 1 h}
      throttle: {rate: 10, burst: 20}
      authorizer: {issuer: "https://issuer.example.org", audience: [web], scopes: [a]}
      domain: {name: api.example.org, certificate: "arn:aws:acm:eu-west-1:123456789012:certificate/1"}
"""
    arguments = rendered(scope, lines)["todos_http"].arguments
    assert arguments["cors"]["max_age_s"] == 3600
    assert arguments["throttle"] == {"rate": 10, "burst": 20}
    assert arguments["authorizer"] == {"issuer": "https://issuer.example.org", "audience": ["web"], "scopes": ["a"]}
    assert arguments["domain"]["zone_id"] is None


EVERYTHING = """
resources:
  audit: {event-bus: {}}
  images: {s3: {}}
  jobs: {sqs: {}}
  table: {dynamodb: {partition_key: id, stream: new-image}}
  token: {secret: {}}
dead_letter: jobs
secrets: {TOKEN: "${services.todos.token}"}
concurrency: {provisioned: 2}
dashboard: true
access: [{to: table, allow: [read]}]
triggers:
  - http:
      routes: [GET /]
      cors: {origins: ["https://example.org"], methods: [GET], max_age: 1 h}
      throttle: {rate: 10, burst: 20}
      authorizer: {issuer: "https://issuer.example.org", audience: [web], scopes: [a]}
      domain: {name: api.example.org, certificate: "arn:aws:acm:eu-west-1:123456789012:certificate/1"}
  - function-url: {auth: none, cors: {origins: ["*"]}}
  - sqs: {queue: jobs}
  - s3: {bucket: images}
  - schedule: {rate: 5 min}
  - event: {bus: audit, pattern: {source: [shop]}}
  - stream: {source: table}
  - enrichment: {source: jobs, target: audit}
  - cognito: {user_pool: eu-west-1_AbC, trigger: pre-token-generation, version: V2_0}
release: {steps: [], safety_net: {}}
"""


def test_every_module_knows_what_it_is_told_and_puts_out_what_is_asked_for(scope: Scope) -> None:
    calls = rendered(scope, EVERYTHING)
    of_the_environment = {"canary-controller", "environment", "extension-layer", "github-oidc"}
    used = {path.parent.name for path in MODULES.glob("*/main.tf")} - of_the_environment
    assert {call.module for call in calls.values()} == used - {"state-machine-task"}
    old = (
        Call("todos", "rust-lambda", {"tracing": True, "vpc": {}, "kms_key_arn": "k", "dead_letter_arn": "q"}),
        *(call for call in calls.values() if call.name != "todos"),
    )
    for call in united(tuple(calls.values()), old):
        folder = MODULES / call.module
        declared = re.findall(r'^variable "([a-z_]+)"', (folder / "variables.tf").read_text(), re.MULTILINE)
        outputs = re.findall(r'^output "([a-z_]+)"', (folder / "outputs.tf").read_text(), re.MULTILINE)
        assert set(call.arguments) <= set(declared), call.module
        assert set(call.outputs.values()) <= set(outputs)
        needed = re.findall(r"\$\{module\.todos(?:_([a-z0-9_-]+))?\.([a-z_]+)\}", json.dumps(dict(call.arguments)))
        for part, output in needed:
            source = calls[f"todos_{part}" if part else "todos"].module
            assert f'output "{output}"' in (MODULES / source / "outputs.tf").read_text(), (call.name, part, output)


def test_names_are_cut_to_what_aws_takes() -> None:
    from pipeline.infra.names import cut

    assert cut("short", 64) == "short"
    long, other = cut("x" * 100, 64), cut("x" * 99 + "y", 64)
    assert len(long) == len(other) == 64
    assert long != other
