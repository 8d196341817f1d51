"""A target's role is assumed before anything is asked of its account; and what arrives in a bucket is looked at."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline import aws, local
from pipeline.aws import client, roles, subprocess_environment
from pipeline.aws.identity import whoami
from pipeline.aws.objects import Objects
from pipeline.errors import ConflictError, UsageError
from pipeline.fleet.copies import copy
from pipeline.manifest.environments import Environment

OTHER = "444455556666"
ROLE = f"arn:aws:iam::{OTHER}:role/crabwalk/deploy"


@pytest.fixture
def far(env: Environment) -> Environment:
    """A target in another account and region."""
    return replace(env, name="local-b", account=OTHER, region="eu-west-1", bucket=f"{env.bucket}-far", role=ROLE)


def test_every_call_is_made_in_the_role(far: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_RUN_ID", raising=False)
    found = whoami(far)
    assert (found.account, found.arn) == (OTHER, f"arn:aws:sts::{OTHER}:assumed-role/deploy/crabwalk")
    with pytest.raises(UsageError, match=f"belong to account {OTHER}, environment `local-b` is account 111122223333"):
        whoami(replace(far, account="111122223333"))


def test_what_is_in_one_account_is_not_in_the_other(env: Environment, far: Environment) -> None:
    made = client(far, "lambda").list_functions()["Functions"]
    assert made == []
    client(far, "sqs").create_queue(QueueName=f"{env.bucket}-q")
    here = client(replace(env, region="eu-west-1"), "sqs").list_queues(QueueNamePrefix=env.bucket)
    assert here.get("QueueUrls", []) == []
    assert len(client(far, "sqs").list_queues(QueueNamePrefix=env.bucket)["QueueUrls"]) == 1


def test_a_session_lasts_while_it_is_good_and_is_assumed_again_when_it_runs_out(
    far: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    assumed = []
    real = roles._assume

    def counted(*arguments: object) -> object:
        made = dict(real(*arguments))  # type: ignore[arg-type]
        assumed.append(made["AccessKeyId"])
        if len(assumed) == 1:
            made["Expiration"] = datetime.now(UTC) + timedelta(minutes=5)  # botocore renews at ten
        return made

    monkeypatch.setattr(roles, "_assume", counted)
    aws._assumed.cache_clear()
    aws._client.cache_clear()
    sts = client(far, "sts")
    sts.get_caller_identity()
    sts.get_caller_identity()
    client(far, "lambda").list_functions()
    assert len(assumed) == 2
    aws._assumed.cache_clear()
    aws._client.cache_clear()


def test_terraform_gets_an_hour_of_the_role_and_nothing_of_whoever_assumed_it(
    far: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")
    found = subprocess_environment(far)
    assert found["AWS_SESSION_TOKEN"]
    assert not {"AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"} & set(found)
    asks = "import boto3, json; print(json.dumps(boto3.client('sts').get_caller_identity()['Account']))"
    done = subprocess.run([sys.executable, "-c", asks], env=found, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == OTHER


def test_no_secret_of_the_role_is_ever_said(
    far: Environment, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    found = subprocess_environment(far)
    whoami(far)
    said = caplog.text + "".join(capfd.readouterr()) + repr(far) + repr(aws._place(far))
    assert not [name for name in roles.WHO if name in found and found[name] in said]


def test_a_role_that_may_not_be_assumed_is_said_with_the_target(
    far: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    def refused(*_: object) -> object:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, "AssumeRole")

    monkeypatch.setattr(roles, "_assume", refused)
    with pytest.raises(aws.AccessError, match=r"could not assume the role .*: AccessDenied: not authorized"):
        subprocess_environment(far)
    aws._assumed.cache_clear()
    aws._client.cache_clear()
    with pytest.raises(aws.AccessError, match="could not ask AWS who is calling: AccessDenied"):
        whoami(far)
    aws._assumed.cache_clear()
    aws._client.cache_clear()


def test_a_run_of_ci_names_its_session() -> None:
    assert roles.name({}) == "crabwalk"
    assert roles.name({"GITHUB_RUN_ID": "123"}) == "crabwalk-123"
    assert roles.name({"GITHUB_RUN_ID": "1 2; x"}) == "crabwalk"


@dataclass(frozen=True)
class Zip:
    """A zip on this machine."""

    service: str
    path: Path
    sha256: str

    @property
    def key(self) -> str:
        """Where it goes."""
        return f"artifacts/{self.sha256}.zip"


@pytest.fixture
def zipped(tmp_path: Path) -> Zip:
    path = tmp_path / "hello.zip"
    path.write_bytes(b"PK hello")
    return Zip("hello", path, sha256(b"PK hello").hexdigest())


@pytest.fixture
def buckets(embedded: local.Running, env: Environment) -> dict[str, Objects]:
    """Three buckets, each in a region of its own."""
    found = {}
    for target, region in {"a": "us-east-1", "b": "eu-west-1", "c": "ap-southeast-2"}.items():
        one = replace(env, region=region, bucket=f"{env.bucket}-{target}", endpoint=embedded.endpoint)
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        client(one, "s3").create_bucket(Bucket=one.bucket, **where)
        found[target] = Objects(one)
    return found


def test_an_artifact_arrives_everywhere_and_is_sent_once(buckets: dict[str, Objects], zipped: Zip) -> None:
    said: list[str] = []
    some = dict.fromkeys(buckets, (zipped,))
    copy(buckets, some, said.append)
    copy(buckets, some, said.append)
    assert said == [
        *(f"{target}: 1 zip in its bucket, with the SHA-256 of the build; 1 new" for target in buckets),
        *(f"{target}: 1 zip in its bucket, with the SHA-256 of the build; 0 new" for target in buckets),
    ]
    assert {objects.sha256(zipped.key) for objects in buckets.values()} == {zipped.sha256}


def test_another_content_under_an_artifacts_name_is_refused(buckets: dict[str, Objects], zipped: Zip) -> None:
    buckets["b"].put(zipped.key, b"PK something else")
    with pytest.raises(ConflictError) as caught:
        copy(buckets, dict.fromkeys(buckets, (zipped,)), lambda _: None)
    other = sha256(b"PK something else").hexdigest()
    assert caught.value.what == (
        "the artifact in the bucket is not the one that was built: "
        f"its SHA-256 is {other[:12]}, and hello was built as {zipped.sha256[:12]}"
    )
    assert caught.value.where == f"s3://{buckets['b'].bucket}/{zipped.key}"
    assert buckets["b"].sha256(zipped.key) == other, "nothing was overwritten"


def test_a_zip_that_is_not_what_its_name_says_is_refused_after_it_was_sent(
    buckets: dict[str, Objects], zipped: Zip
) -> None:
    """A damaged store: the file changed after it was built."""
    zipped.path.write_bytes(b"PK damaged")
    with pytest.raises(ConflictError, match="is not the one that was built"):
        copy(buckets, {"a": (zipped,)}, lambda _: None)
