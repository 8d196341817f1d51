"""A function URL for everybody answers only when both permissions are there, and Cloud Control can give the second."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import edge_kit as kit
import pytest
from botocore.exceptions import ClientError

from pipeline import local

PERMISSION = "AWS::Lambda::Permission"


@pytest.fixture
def functions(embedded: local.Running) -> Any:
    return kit.client(embedded, "lambda")


def called(running: local.Running, url: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    """Status and body of a call of this function URL."""
    host = url.split("/")[2]
    request = urllib.request.Request(running.endpoint + "/", headers={"Host": host, **headers}, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def with_url(functions: Any, name: str, **options: Any) -> str:
    kit.create(functions, name)
    functions.publish_version(FunctionName=name)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return str(functions.create_function_url_config(FunctionName=name, Qualifier="live", **options)["FunctionUrl"])


def test_everybody_needs_both_permissions_and_the_second_may_come_by_cloud_control(embedded, functions, namespace):
    url = with_url(functions, namespace, AuthType="NONE")
    assert called(embedded, url)[0] == 403
    by_url = {"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"}
    functions.add_permission(FunctionName=namespace, Qualifier="live", StatementId="url", **by_url)
    assert called(embedded, url)[0] == 403

    control = kit.client(embedded, "cloudcontrol")
    wanted = {
        "FunctionName": f"{namespace}:live",
        "Action": "lambda:InvokeFunction",
        "Principal": "*",
        "InvokedViaFunctionUrl": True,
    }
    made = control.create_resource(TypeName=PERMISSION, DesiredState=json.dumps(wanted))["ProgressEvent"]
    assert made["OperationStatus"] == "SUCCESS"
    policy = json.loads(functions.get_policy(FunctionName=namespace, Qualifier="live")["Policy"])
    assert {json.dumps(one.get("Condition")) for one in policy["Statement"]} == {
        '{"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}',
        '{"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}',
    }
    status, body = called(embedded, url)
    assert status == 200
    assert json.loads(body)["version"] == "1"

    control.delete_resource(TypeName=PERMISSION, Identifier=made["Identifier"])
    assert called(embedded, url)[0] == 403


def test_a_permission_that_was_taken_away_by_hand_is_gone_for_cloud_control_too(embedded, functions, namespace):
    with_url(functions, namespace, AuthType="NONE")
    control = kit.client(embedded, "cloudcontrol")
    wanted = {"FunctionName": namespace, "Action": "lambda:InvokeFunction", "Principal": "*"}
    made = control.create_resource(TypeName=PERMISSION, DesiredState=json.dumps(wanted))["ProgressEvent"]
    found = control.get_resource(TypeName=PERMISSION, Identifier=made["Identifier"])["ResourceDescription"]
    statement = json.loads(found["Properties"])["Id"]
    functions.remove_permission(FunctionName=namespace, StatementId=statement)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        control.get_resource(TypeName=PERMISSION, Identifier=made["Identifier"])


def test_a_permission_for_no_function_fails_and_says_so(embedded, namespace):
    control = kit.client(embedded, "cloudcontrol")
    wanted = {"FunctionName": namespace, "Action": "lambda:InvokeFunction", "Principal": "*"}
    made = control.create_resource(TypeName=PERMISSION, DesiredState=json.dumps(wanted))["ProgressEvent"]
    assert made["OperationStatus"] == "FAILED"
    assert "Function not found" in made["StatusMessage"]


def test_a_signed_url_needs_neither_and_a_browsers_question_is_answered_before(embedded, functions, namespace):
    url = with_url(functions, namespace, AuthType="AWS_IAM", Cors={"AllowOrigins": ["https://example.org"]})
    assert called(embedded, url)[0] == 403
    signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
    assert called(embedded, url, Authorization=signed)[0] == 200
    assert called(embedded, url, "OPTIONS", Origin="https://example.org")[0] == 200


def test_cors_that_was_taken_away_is_gone(functions, namespace):
    with_url(functions, namespace, AuthType="NONE", Cors={"AllowOrigins": ["*"], "MaxAge": 60})
    updated = functions.update_function_url_config(FunctionName=namespace, Qualifier="live", Cors={})
    assert "Cors" not in updated
    assert "Cors" not in functions.get_function_url_config(FunctionName=namespace, Qualifier="live")
