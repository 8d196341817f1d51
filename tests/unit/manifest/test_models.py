from __future__ import annotations

import pytest
from manifest_cases import ACCESS, FULL, KEYS, NAMES, RESOURCES, TRIGGERS

from pipeline.manifest.models import Budget, Concurrency, Grant, Manifest, Release, Statement, Step
from pipeline.manifest.models_hooks import Smoke
from pipeline.manifest.models_resources import DynamodbResource, Key, SqsResource
from pipeline.manifest.models_triggers import CognitoTrigger, EventTrigger, S3Trigger, ScheduleTrigger, SqsTrigger


@pytest.fixture
def full(tree) -> Manifest:
    tree.service("a", FULL)
    for name in ("events/a.json", "events/b.json", "check.sh"):
        tree.write(f"services/a/{name}", "{}")
    (tree.root / "services/a/check.sh").chmod(0o755)
    (service,) = tree.load()
    return service


def test_quantities_become_plain_numbers(full) -> None:
    assert (full.memory_mb, full.ephemeral_storage_mb, full.timeout_s) == (1024, 2048, 20)
    assert (full.budget.warn_bytes, full.budget.fail_bytes) == (5_000_000, 50_000_000)
    assert full.release.approval_timeout_s == 172_800
    assert full.release.steps == (Step(traffic=0.1, bake_s=600, min_requests=50, approve=True),)
    assert (full.release.checks.latency.over_ms, full.release.checks.alarms) == (500, ("too-slow",))


def test_what_happens_around_a_walk(full) -> None:
    release = full.release
    assert release.smoke == (
        Smoke(event="events/a.json"),
        Smoke(event="events/b.json", status=404, expect=("body.ok", "length(items) > `0`")),
    )
    first, second = release.hooks.before
    assert (first.command, first.webhook, first.timeout_s) == (("./check.sh", "x"), None, 300)
    assert (second.command, second.webhook, second.timeout_s) == (None, "env:GATE", 60)
    assert (release.probe.events, release.probe.per_minute) == (("events/a.json",), 120)
    assert [(one.sns is not None, one.slack, one.webhook) for one in release.notify] == [
        (True, None, None),
        (False, "env:SLACK", None),
        (False, None, "env:ELSE"),
    ]


def test_triggers_are_told_apart_by_kind(full) -> None:
    kinds = [trigger.kind for trigger in full.triggers]
    assert kinds == [
        *("http", "function-url", "sqs", "s3", "schedule", "schedule", "event", "stream", "enrichment"),
        *("cognito", "state-machine"),
    ]
    http, url, sqs, s3, cron, rate, event, stream, enrichment, cognito, _ = full.triggers
    assert (http.cors.max_age_s, http.throttle.burst, http.authorizer.audience) == (3600, 200, ("web",))
    assert (http.domain.name, http.domain.zone) == ("api.example.org", None)
    assert (url.auth, url.stream, url.cors) == ("iam", False, None)
    assert sqs == SqsTrigger(queue="jobs", batch=100, window_s=1, max_concurrency=5)
    assert s3 == S3Trigger(bucket="images", prefix="in/")
    assert (cron.expression, cron.timezone, cron.payload_json) == (
        "cron(0 3 * * ? *)",
        "Europe/Berlin",
        '{"b":1,"a":[true,null]}',
    )
    assert (rate.expression, rate.timezone, rate.payload_json) == ("rate(5 minutes)", "UTC", "{}")
    assert (event.bus, event.pattern_json) == ("audit", '{"source":["shop"],"detail":{"kind":[{"prefix":"x"}]}}')
    assert (stream.batch, stream.start, stream.retries, stream.bisect) == (100, "latest", 3, True)
    assert enrichment.filters == ('{"body":{"kind":["paid"]}}',)
    assert cognito == CognitoTrigger(user_pool="eu-west-1_AbCdEfGhI", trigger="pre-token-generation", version="V2_0")


def test_resources_and_access(full) -> None:
    assert full.resources["table"] == DynamodbResource(
        partition_key=Key("id"), sort_key=Key("created", "N"), ttl="expires", stream="new-and-old-images"
    )
    assert full.resources["jobs"] == SqsResource(visibility_s=180, retention_s=86_400, max_receives=3)
    assert {name: resource.kind for name, resource in full.resources.items()} == {
        "table": "dynamodb",
        "jobs": "sqs",
        "failed": "sqs",
        "images": "s3",
        "audit": "event-bus",
        "token": "secret",
    }
    own, foreign, statement = full.access
    assert own == Grant(to="table", allow=("read", "write"))
    assert foreign == Grant(to="arn:aws:sns:eu-west-1:123456789012:news", allow=("Publish",))
    assert statement == Statement(actions=("ses:SendEmail",), resources=("*",), reason="Mail goes to anybody.")


def test_a_manifest_is_frozen_and_can_be_a_key(full) -> None:
    assert isinstance(hash(full), int)
    with pytest.raises(Exception, match="frozen"):
        full.memory_mb = 1


def test_what_is_not_said() -> None:
    manifest = Manifest(name="a")
    assert (manifest.kind, manifest.target, manifest.glibc, manifest.runtime) == (
        "function",
        "musl",
        None,
        "provided.al2023",
    )
    assert (manifest.ephemeral_storage_mb, manifest.inputs, manifest.vpc, manifest.dead_letter) == (512, (), None, None)
    assert (manifest.concurrency, manifest.budget) == (Concurrency(), Budget())
    assert manifest.budget == Budget(warn_bytes=10_000_000, fail_bytes=50_000_000)
    assert manifest.release == Release()
    assert (manifest.release.checks.errors, manifest.release.checks.latency) == (True, None)
    assert (SqsResource().visibility_s, SqsResource().retention_s, SqsResource().max_receives) == (30, 345_600, 5)


@pytest.mark.parametrize(
    ("target", "runtime", "glibc"),
    [
        ("musl", "provided.al2023", None),
        ("gnu", "provided.al2023", "2.34"),
        ("gnu", "provided.al2", "2.26"),
        ("gnu.2.17", "provided.al2", "2.17"),
    ],
)
def test_the_glibc_a_binary_may_need(target, runtime, glibc) -> None:
    assert Manifest(name="a", target=target, runtime=runtime).glibc == glibc


@pytest.mark.parametrize(
    ("pattern", "text"),
    [({"source": ["a"]}, '{"source":["a"]}'), ({"$or": [{"a": [1]}]}, '{"$or":[{"a":[1]}]}')],
)
def test_event_patterns_built_in_code(pattern, text) -> None:
    assert EventTrigger(pattern_json=pattern).pattern_json == text
    assert EventTrigger(pattern_json=text).pattern_json == text


@pytest.mark.parametrize(
    "cron",
    [
        "0 3 * * ? *",
        "0/15 8-18 ? * MON-FRI *",
        "0 0 1 1 ? 2030",
        "0 0 L * ? *",
        "0 0 15W * ? *",
        "0 0 ? * 6L *",
        "0 0 ? JAN,JUL TUE#2 *",
        "5,35 */2 ? * 1 2026-2030",
        "0 0 ? * mon *",
    ],
)
def test_schedules_eventbridge_takes(cron) -> None:
    assert ScheduleTrigger(cron=cron).expression == f"cron({cron})"


@pytest.mark.parametrize(("lines", "fault"), KEYS)
def test_keys_of_the_service(tree, lines: str, fault: str) -> None:
    tree.service("a", lines + "\n")
    tree.write("services/a/a.json", "{}")
    (found,) = tree.problems()
    assert found.startswith(f"services/a/service.yaml:{fault}")


@pytest.mark.parametrize(("lines", "fault"), RESOURCES)
def test_resources(tree, lines: str, fault: str) -> None:
    tree.service("a", f"resources: {{x: {lines}}}\n")
    (found,) = tree.problems()
    assert found.startswith(f"services/a/service.yaml:{fault}")


@pytest.mark.parametrize(("name", "fault"), NAMES)
def test_names_of_resources(tree, name: str, fault: str) -> None:
    tree.service("a", f"resources: {{{name}: {{s3: {{}}}}}}\n")
    assert tree.problems() == [f"services/a/service.yaml:3:13: {fault}"]


@pytest.mark.parametrize(("trigger", "fault"), TRIGGERS)
def test_triggers(tree, trigger: str, fault: str) -> None:
    tree.service("a", f"triggers: [{trigger}]\n")
    (found,) = tree.problems()
    assert found.startswith(f"services/a/service.yaml:{fault}")


@pytest.mark.parametrize(("entry", "fault"), ACCESS)
def test_access(tree, entry: str, fault: str) -> None:
    tree.service("a", f"access: [{entry}]\n")
    (found,) = tree.problems()
    assert found.startswith(f"services/a/service.yaml:{fault}")
