"""Aliases, publishing, updates and concurrency are refused and answered as AWS does."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import edge_kit as kit
import pytest
from botocore.exceptions import ClientError

from pipeline import local


@pytest.fixture
def functions(embedded: local.Running) -> Any:
    return kit.client(embedded, "lambda")


@pytest.fixture(scope="module")
def shared(embedded: local.Running) -> str:
    """A function with versions 1 and 2 and alias `live` on 1, for tests that only get refusals."""
    functions = kit.client(embedded, "lambda")
    kit.two_versions(functions, "shared-refusals")
    functions.create_alias(FunctionName="shared-refusals", Name="live", FunctionVersion="1")
    return "shared-refusals"


def refused(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as fault:
        call(**arguments)
    answer = fault.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def weights(**versions: float) -> dict[str, Any]:
    return {"AdditionalVersionWeights": {name.removeprefix("v"): weight for name, weight in versions.items()}}


INVALID = ("InvalidParameterValueException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({"FunctionVersion": "99"}, MISSING),
        ({"RoutingConfig": weights(v99=0.1)}, MISSING),
        ({"RoutingConfig": weights(v2=1.5)}, INVALID),
        ({"RoutingConfig": weights(v1=0.1)}, INVALID),
        ({"RoutingConfig": weights(v1=0.1, v2=0.1)}, INVALID),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.1}}}, INVALID),
        ({"FunctionVersion": "$LATEST", "RoutingConfig": weights(v2=0.1)}, INVALID),
        ({"Description": "x" * 257}, INVALID),
    ],
)
def test_an_alias_that_aws_refuses_is_refused_and_left_alone(functions, shared, wanted, refusal):
    before = functions.get_alias(FunctionName=shared, Name="live")["RevisionId"]
    assert refused(functions.update_alias, FunctionName=shared, Name="live", **wanted) == refusal
    assert functions.get_alias(FunctionName=shared, Name="live")["RevisionId"] == before
    creation = {"FunctionVersion": "1", **wanted}
    assert refused(functions.create_alias, FunctionName=shared, Name="other", **creation) == refusal


def test_weights_stay_when_omitted_and_go_when_empty(functions, namespace):
    kit.weighted(functions, namespace, 0.25)
    kept = functions.update_alias(FunctionName=namespace, Name="live", Description="x" * 256)
    assert kept["RoutingConfig"] == weights(v2=0.25)
    cleared = functions.update_alias(FunctionName=namespace, Name="live", FunctionVersion="2", RoutingConfig=weights())
    assert "RoutingConfig" not in cleared


def test_two_versions_with_different_roles_cannot_share_an_alias(functions, namespace):
    kit.create(functions, namespace)
    functions.publish_version(FunctionName=namespace)
    functions.update_function_configuration(FunctionName=namespace, Role=kit.ROLE + "-other")
    kit.settle(functions, namespace)
    functions.publish_version(FunctionName=namespace)
    split = {"Name": "live", "FunctionVersion": "1", "RoutingConfig": weights(v2=0.1)}
    assert refused(functions.create_alias, FunctionName=namespace, **split) == INVALID


def test_provisioned_concurrency_and_weights_exclude_each_other(functions, namespace):
    kit.weighted(functions, namespace, 0.25)
    functions.create_alias(FunctionName=namespace, Name="head", FunctionVersion="$LATEST")
    put = functions.put_provisioned_concurrency_config
    two = {"FunctionName": namespace, "ProvisionedConcurrentExecutions": 2}
    assert refused(put, Qualifier="live", **two) == INVALID
    assert refused(put, Qualifier="head", **two) == INVALID
    functions.update_alias(FunctionName=namespace, Name="live", RoutingConfig=weights())
    assert put(Qualifier="live", **two)["RequestedProvisionedConcurrentExecutions"] == 2
    assert put(Qualifier="2", **two)["ResponseMetadata"]["HTTPStatusCode"] == 202
    split = {"FunctionName": namespace, "Name": "live", "RoutingConfig": weights(v2=0.1)}
    assert refused(functions.update_alias, **split) == INVALID
    functions.delete_provisioned_concurrency_config(FunctionName=namespace, Qualifier="live")
    assert functions.update_alias(**split)["RoutingConfig"] == weights(v2=0.1)


def test_publish_version_guards(functions, namespace):
    kit.create(functions, namespace)
    other = b64encode(hashlib.sha256(b"other").digest()).decode()
    assert refused(functions.publish_version, FunctionName=namespace, CodeSha256=other) == INVALID
    stale = ("PreconditionFailedException", 412)
    assert refused(functions.publish_version, FunctionName=namespace, RevisionId="stale") == stale
    now = functions.get_function_configuration(FunctionName=namespace)
    right = {"CodeSha256": now["CodeSha256"], "RevisionId": now["RevisionId"]}
    assert functions.publish_version(FunctionName=namespace, **right)["Version"] == "1"


def test_nothing_is_published_or_updated_during_an_update(functions, namespace):
    kit.create(functions, namespace)
    updated = functions.update_function_configuration(FunctionName=namespace, Timeout=9)
    assert (updated["State"], updated["LastUpdateStatus"]) == ("Active", "InProgress")
    conflict = ("ResourceConflictException", 409)
    assert refused(functions.publish_version, FunctionName=namespace) == conflict
    assert refused(functions.update_function_code, FunctionName=namespace, ZipFile=kit.package()) == conflict
    assert refused(functions.update_function_configuration, FunctionName=namespace, Timeout=8) == conflict
    kit.settle(functions, namespace)
    settled = functions.get_function_configuration(FunctionName=namespace)
    assert settled["RevisionId"] != updated["RevisionId"]
    assert functions.publish_version(FunctionName=namespace)["Version"] == "1"


def test_the_same_content_is_the_same_version(functions, namespace):
    kit.create(functions, namespace)
    assert functions.publish_version(FunctionName=namespace)["Version"] == "1"
    functions.update_function_code(FunctionName=namespace, ZipFile=kit.package())
    kit.settle(functions, namespace)
    functions.update_function_configuration(FunctionName=namespace, Timeout=10)
    kit.settle(functions, namespace)
    assert functions.publish_version(FunctionName=namespace, Description="again")["Version"] == "1"
    functions.update_function_configuration(FunctionName=namespace, Environment={"Variables": {"A": "1"}})
    kit.settle(functions, namespace)
    assert functions.publish_version(FunctionName=namespace)["Version"] == "2"


def test_a_dry_run_answers_the_new_hash_and_keeps_the_code(functions, namespace):
    kit.create(functions, namespace)
    before = functions.get_function_configuration(FunctionName=namespace)
    code = kit.package(salt="other")
    dry = functions.update_function_code(FunctionName=namespace, ZipFile=code, DryRun=True)
    assert dry["CodeSha256"] == b64encode(hashlib.sha256(code).digest()).decode()
    after = functions.get_function_configuration(FunctionName=namespace)
    assert (after["CodeSha256"], after["RevisionId"]) == (before["CodeSha256"], before["RevisionId"])


def test_code_and_architecture_change_together(functions, namespace):
    kit.create(functions, namespace)
    functions.update_function_code(FunctionName=namespace, ZipFile=kit.package(), Architectures=["arm64"])
    kit.settle(functions, namespace)
    assert functions.get_function_configuration(FunctionName=namespace)["Architectures"] == ["arm64"]
    wrong = {"ZipFile": kit.package(), "Architectures": ["riscv"]}
    assert refused(functions.update_function_code, FunctionName=namespace, **wrong)[1] == 400


def test_a_binary_for_another_architecture_does_not_run(functions, namespace):
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00" + bytes(44)
    kit.create(functions, namespace, kit.package(bootstrap=elf), Architectures=["x86_64"])
    answer = kit.invoke(functions, namespace)
    fault = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert fault["errorType"] == "Runtime.InvalidArchitecture"
    assert "built for arm64, but the function's architecture is x86_64" in fault["errorMessage"]


def test_reserved_concurrency_holds_for_aliases_and_throttles_are_no_invocations(embedded, functions, namespace):
    kit.weighted(functions, namespace, 0.5)
    functions.put_function_concurrency(FunctionName=namespace, ReservedConcurrentExecutions=2)

    def call(_: int) -> int:
        try:
            answer = kit.invoke(functions, namespace, {"sleep": 0.8}, Qualifier="live")
        except functions.exceptions.TooManyRequestsException:
            return 429
        return int(answer["StatusCode"])

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(call, range(6)))
    assert answers == [200, 200, 429, 429, 429, 429]
    assert metric(embedded, namespace, "Throttles") == 4
    assert metric(embedded, namespace, "Invocations") == 2
    assert metric(embedded, namespace, "Errors") == 0


def metric(running: local.Running, name: str, what: str, stat: str = "Sum", period: int = 1) -> float:
    now = datetime.now(UTC)
    dimensions = [{"Name": "FunctionName", "Value": name}]
    series = {"Namespace": "AWS/Lambda", "MetricName": what, "Dimensions": dimensions}
    query = {"Id": "m", "MetricStat": {"Metric": series, "Period": period, "Stat": stat}}
    window = {"StartTime": now - timedelta(minutes=2), "EndTime": now + timedelta(seconds=1)}
    answer = kit.client(running, "cloudwatch").get_metric_data(MetricDataQueries=[query], **window)
    return float(sum(answer["MetricDataResults"][0]["Values"]))


@pytest.mark.parametrize(
    ("stat", "period"), [("TC(5%:500)", 60), ("PR(:5%)", 60), ("tm101", 60), ("bogus", 60), ("Sum", 7), ("Sum", 90)]
)
def test_what_cannot_be_computed_is_refused(embedded, stat, period):
    code, status = refused(lambda: metric(embedded, "any", "Duration", stat, period))
    assert (code, status) == ("InvalidParameterValue", 400)


def test_published_metrics_are_one_series_for_each_set_of_dimensions(embedded, namespace):
    metrics = kit.client(embedded, "cloudwatch")
    for value in ("a", "b"):
        datum = {"MetricName": "m", "Value": 1.0, "Dimensions": [{"Name": "d", "Value": value}]}
        metrics.put_metric_data(Namespace=namespace, MetricData=[datum])
    now = datetime.now(UTC)
    window = {"StartTime": now - timedelta(minutes=2), "EndTime": now + timedelta(seconds=5)}

    def total(*dimensions: dict[str, str]) -> float:
        series = {"Namespace": namespace, "MetricName": "m", "Dimensions": list(dimensions)}
        query = {"Id": "m", "MetricStat": {"Metric": series, "Period": 60, "Stat": "Sum"}}
        answer = metrics.get_metric_data(MetricDataQueries=[query], **window)
        return float(sum(answer["MetricDataResults"][0]["Values"]))

    assert total({"Name": "d", "Value": "a"}) == 1
    assert total() == 0


def test_a_failing_function_is_an_internal_server_error_to_http_callers(embedded, functions, namespace):
    broken = "def handle(event, arn):\n    raise ValueError('secret detail')\ndef after(event): pass\n"
    kit.create(functions, namespace, kit.package(broken))
    arn = functions.get_function_configuration(FunctionName=namespace)["FunctionArn"]
    url = local.api_url(embedded.endpoint, kit.http_api(embedded, arn))
    with pytest.raises(urllib.error.HTTPError) as fault:
        urllib.request.urlopen(url + "/")  # noqa: S310
    assert fault.value.code == 500
    assert fault.value.read() == b'{"message":"Internal Server Error"}'
