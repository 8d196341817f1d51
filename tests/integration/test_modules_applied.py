"""Every module applied for real, as its README says it is used: all in one root, real events, and a second plan."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections import Counter
from email.message import Message
from pathlib import Path
from typing import Any

import edge_kit
import modules_kit as kit
import pytest
from calls_kit import Asked
from engine_kit import until
from modules_kit import Applied
from rights_kit import Rights

from pipeline import local
from pipeline.manifest.environments import Environment

PATIENCE_S = 60.0
CORS = "Access-Control-Allow-Origin"
SEARCH = re.compile(
    r"SEARCH\('\{(?P<namespace>[^,]+),(?P<dimensions>[^}]+)\} "
    r"MetricName=\"(?P<metric>[^\"]+)\" (?P<terms>[^']+)', '[^']+', \d+\)"
)
TERM = re.compile(r'(\w+)="([^"]+)"')


@pytest.fixture(scope="module")
def env(embedded: local.Running) -> Environment:
    return kit.environment(embedded)


# Before the one root that holds them all, because both use the same names.
@pytest.mark.exhaustive
@pytest.mark.parametrize("name", kit.NAMES)
def test_a_module_by_itself_comes_settles_and_goes(env: Environment, tmp_path: Path, name: str) -> None:
    usage = kit.Usage(env, tmp_path, (name,))
    try:
        usage.apply()
        assert usage.differences() == []
    finally:
        left = usage.destroy()
    assert left == []


def test_what_a_usage_must_be_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kit, "MODULES", tmp_path)
    (tmp_path / "queue").mkdir()

    def wrong(text: str, section: str = "## Usage\n") -> str:
        (tmp_path / "queue" / "README.md").write_text(f"# queue\n{section}\n```hcl\n{text}\n```\n## Inputs\n")
        with pytest.raises(ValueError, match=re.escape("queue")) as fault:
            kit.usage("queue")
        return str(fault.value)

    call = 'module "queue" {\n  source = "./modules/queue"\n}'
    assert "has 0" in wrong(call, section="## Use\n")
    assert "has 2" in wrong(f"{call}\n```\n\n```hcl\n{call}")
    assert "leave `terraform` and `provider`" in wrong(f'provider "aws" {{\n}}\n{call}')
    assert "does not call" in wrong('module "queue" {\n  source = "../queue"\n}')
    assert "`other`" in wrong(f'{call}\nresource "aws_sqs_queue" "other" {{\n}}')


def release(applied: Applied, function: str) -> None:
    """Publish version 1 and move the alias to it, as the release engine does."""
    functions = edge_kit.client(applied.running, "lambda")
    version = functions.publish_version(FunctionName=function)["Version"]
    functions.update_alias(FunctionName=function, Name="live", FunctionVersion=version)


def through_the_alias(applied: Applied, function: str) -> list[Any]:
    """The events the function got; all by the alias, and all by the version behind it."""
    calls = kit.seen(applied.running, function)
    assert {(call["arn"].rpartition(":")[2], call["version"]) for call in calls} <= {("live", "1")}
    return [call["event"] for call in calls]


def test_a_message_that_failed_comes_again_alone_and_ends_in_the_dead_letter_queue(applied: Applied) -> None:
    queues = edge_kit.client(applied.running, "sqs")
    url = applied.outputs["sqs_consumer_queue_url"]
    dead = queues.get_queue_url(QueueName="sqs-consumer-jobs-dead")["QueueUrl"]
    hidden = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    release(applied, "sqs-consumer-worker")
    queues.send_message(QueueUrl=url, MessageBody="first")  # a slow start must not let a message come twice
    until(lambda: through_the_alias(applied, "sqs-consumer-worker"), PATIENCE_S)
    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "3"})
    queues.send_message_batch(
        QueueUrl=url, Entries=[{"Id": text, "MessageBody": text} for text in ("good", "fails", "fine")]
    )

    lost: list[Any] = []

    def in_the_dead_letter_queue() -> bool:
        lost.extend(queues.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages", []))
        return bool(lost)

    until(in_the_dead_letter_queue, PATIENCE_S)
    queues.set_queue_attributes(QueueUrl=url, Attributes=hidden)
    events = through_the_alias(applied, "sqs-consumer-worker")
    bodies = [record["body"] for event in events for record in event["Records"]]
    assert {text: bodies.count(text) for text in bodies} == {"first": 1, "good": 1, "fine": 1, "fails": 5}
    assert [message["Body"] for message in lost] == ["fails"]


def test_objects_that_fit_a_rule_reach_the_alias_and_no_others(applied: Applied) -> None:
    s3, bucket = edge_kit.client(applied.running, "s3"), "s3-trigger-images-123456789012"
    release(applied, "s3-trigger-thumbnails")
    for key in ("out/other.jpg", "in/text.txt", "in/crab.jpg", "in/crab.png"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"crab")
    for key in ("in/crab.jpg", "in/crab.png"):
        s3.delete_object(Bucket=bucket, Key=key)

    def told() -> set[tuple[str, str]]:
        records = [
            record for event in through_the_alias(applied, "s3-trigger-thumbnails") for record in event["Records"]
        ]
        return {(record["eventName"].partition(":")[0], record["s3"]["object"]["key"]) for record in records}

    wanted = {("ObjectCreated", "in/crab.jpg"), ("ObjectCreated", "in/crab.png"), ("ObjectRemoved", "in/crab.png")}
    until(lambda: len(told()) >= len(wanted), PATIENCE_S)
    assert told() == wanted
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])


def test_changes_of_a_table_reach_the_alias_in_order_with_both_images(applied: Applied) -> None:
    tables = edge_kit.client(applied.running, "dynamodb")
    release(applied, "stream-consumer-audit")
    for total in ("1", "2"):
        tables.put_item(TableName="stream-consumer-orders", Item={"id": {"S": "a"}, "total": {"N": total}})
    tables.delete_item(TableName="stream-consumer-orders", Key={"id": {"S": "a"}})

    def told() -> list[tuple[str, Any, Any]]:
        records = [
            record for event in through_the_alias(applied, "stream-consumer-audit") for record in event["Records"]
        ]
        total = [[one["dynamodb"].get(image, {}).get("total") for image in ("OldImage", "NewImage")] for one in records]
        return [(record["eventName"], old, new) for record, (old, new) in zip(records, total, strict=True)]

    until(lambda: len(told()) >= 3, PATIENCE_S)
    one, two = {"N": "1"}, {"N": "2"}
    assert told() == [("INSERT", None, one), ("MODIFY", one, two), ("REMOVE", two, None)]


def test_a_secret_has_no_value_until_somebody_writes_it_and_terraform_never_sees_it(applied: Applied) -> None:
    secrets = edge_kit.client(applied.running, "secretsmanager")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId="secret-payments-api")
    secrets.put_secret_value(SecretId="secret-payments-api", SecretString="a-value-of-the-test")
    assert secrets.get_secret_value(SecretId=applied.outputs["secret_arn"])["SecretString"] == "a-value-of-the-test"


def test_what_the_modules_promise_of_safety_is_so(applied: Applied) -> None:
    tables, queues = edge_kit.client(applied.running, "dynamodb"), edge_kit.client(applied.running, "sqs")
    described = tables.describe_continuous_backups(TableName="dynamodb-table-orders")["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    table = tables.describe_table(TableName="dynamodb-table-orders")["Table"]
    assert (table["SSEDescription"]["Status"], table["BillingModeSummary"]["BillingMode"]) == (
        "ENABLED",
        "PAY_PER_REQUEST",
    )

    dead = queues.get_queue_url(QueueName="sqs-queue-jobs-dead")["QueueUrl"]
    says = queues.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]
    assert (says["SqsManagedSseEnabled"], says["MessageRetentionPeriod"]) == ("true", "1209600")
    assert json.loads(says["RedriveAllowPolicy"])["sourceQueueArns"] == [says["QueueArn"].removesuffix("-dead")]
    assert "aws:SecureTransport" in says["Policy"]

    s3, bucket = edge_kit.client(applied.running, "s3"), "s3-bucket-images-123456789012"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=bucket)["Policy"]
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert [rule["ObjectOwnership"] for rule in ownership] == ["BucketOwnerEnforced"]


def called(url: str, method: str = "GET", **headers: str) -> tuple[int, Message, str]:
    """Status, headers and body of what answers; an error is an answer."""
    request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read().decode()


def test_a_function_url_is_open_to_everybody_and_splits_by_the_aliass_weights(applied: Applied) -> None:
    kit.split(applied.running, "function-url-hello")
    host = applied.outputs["function_url"].removeprefix("https://")
    url = f"{applied.running.endpoint}/"
    versions = Counter(json.loads(called(url, Host=host)[2])["version"] for _ in range(24))
    assert set(versions) == {"1", "2"}
    page = {"Host": host, "Origin": "https://example.org"}
    status, headers, _ = called(url, "OPTIONS", **page)
    assert (status, headers[CORS]) == (200, "https://example.org")
    assert called(url, "OPTIONS", **{**page, "Origin": "https://elsewhere.example"})[1][CORS] is None


def test_an_api_answers_browsers_itself_and_nobody_without_a_token(applied: Applied) -> None:
    url = local.api_url(applied.running.endpoint, applied.outputs["http_api_id"])
    status, headers, _ = called(f"{url}/", "OPTIONS", Origin="https://example.org")
    assert (status, headers[CORS], headers["Access-Control-Max-Age"]) == (204, "https://example.org", "3600")
    assert called(f"{url}/", "OPTIONS", Origin="https://elsewhere.example")[1][CORS] is None
    assert called(f"{url}/")[0] == 401
    assert called(f"{url}/greetings/you", "POST", Authorization="Bearer a.b.c")[0] == 401
    assert kit.seen(applied.running, "http-api-hello") == []


def test_a_dashboard_searches_for_what_the_versions_emit(applied: Applied) -> None:
    name = "dashboard-hello"
    kit.split(applied.running, name)
    functions, cloudwatch = (edge_kit.client(applied.running, service) for service in ("lambda", "cloudwatch"))
    for _ in range(24):
        edge_kit.invoke(functions, name, Qualifier="live")
    body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    lines = [line for widget in body["widgets"] for line in widget["properties"].get("metrics", ())]
    searches = [found for line in lines if (found := SEARCH.fullmatch(str(line[-1].get("expression", ""))))]
    assert {found["metric"] for found in searches} == {"Invocations", "Errors", "Duration", "Requests", "Failures"}
    for found in searches:
        if found["namespace"] == "crabwalk":
            continue  # the usage's function tells nothing of itself
        narrowed = [{"Name": key, "Value": value} for key, value in TERM.findall(found["terms"])]
        listed = cloudwatch.list_metrics(Namespace=found["namespace"], MetricName=found["metric"], Dimensions=narrowed)[
            "Metrics"
        ]
        wanted = set(found["dimensions"].split(","))
        series = [{one["Name"]: one["Value"] for one in metric["Dimensions"]} for metric in listed]
        assert {one["ExecutedVersion"] for one in series if set(one) == wanted} >= {"1", "2"}, found["metric"]


def test_the_role_that_deploys_may_make_all_of_it(applied: Applied) -> None:
    assert rights(applied, "deploy").denied(applied.made - theirs(applied.made)) == []


def rights(applied: Applied, role: str) -> Rights:
    """What a role of the usage of github-oidc may do, at whatever name: all usages have names of their own."""
    arn = applied.outputs["github_oidc_roles"][role]
    iam = edge_kit.client(applied.running, "iam")
    return Rights.of(iam, arn.rpartition("/")[2]).anywhere("github-oidc-production-")


def theirs(asked: set[Asked]) -> set[Asked]:
    """What a person makes and no role may: the environment's bucket and its key, the roles, a pool of users."""
    pattern = re.compile(
        r"/crabwalk/|role/github-|oidc-provider|:environment-shop|:key/|^kms:|^iam:\w+OpenID|^iam:\w+Policy\b.*\*$"
        r"|^cognito-idp:(CreateUserPool|SetUserPoolMfaConfig) "
    )
    return {one for one in asked if pattern.search(f"{one.action} {one.resource}")}


# Last: releases, messages, objects and a secret's value have come in between, and none of them is Terraform's business.
def test_a_second_plan_of_all_modules_in_one_root_changes_nothing(applied: Applied) -> None:
    with applied.door.recorded() as looked:
        assert applied.usages.differences() == []
    assert "a-value-of-the-test" not in (applied.usages.directory / "terraform.tfstate").read_text()
    for role in ("plan", "deploy"):
        assert rights(applied, role).denied(looked - theirs(looked)) == []
