"""The first release of a project where everything goes wrong once, and a change of configuration alone.

One story in order, because each Terraform run costs seconds: no bucket, an apply that fails half-way, the first release
after the cause is gone, then a configuration that walks like code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shop_kit import ONE_STEP, Scratch

from pipeline import local
from pipeline.aws import client

MORE = """memory: 128 MB
ephemeral_storage: 1 GB
concurrency: {reserved: 5}
tags: {team: web}"""
KEY = "kms_key: arn:aws:kms:us-east-1:000000000000:key/12345678-1234-1234-1234-123456789012"
TRUST = '{"Version": "2012-10-17", "Statement": []}'


def evidence(here: Scratch) -> set[str]:
    """What lies beside the one zip in the environment's bucket."""
    listed = client(here.env, "s3").list_objects_v2(Bucket=here.env.bucket, Prefix="artifacts/")["Contents"]
    keys = [one["Key"].removeprefix("artifacts/") for one in listed]
    (name,) = [key.removesuffix(".zip") for key in keys if key.endswith(".zip")]
    return {key.removeprefix(f"{name}/").partition("-")[0] for key in keys if not key.endswith(".zip")}


def uses_what_is_declared(function: Mapping[str, Any]) -> None:
    assert function["Configuration"]["EphemeralStorage"] == {"Size": 1024}
    assert function["Configuration"]["KMSKeyArn"].endswith("123456789012")
    assert function["Concurrency"]["ReservedConcurrentExecutions"] == 5
    assert (function["Tags"]["team"], function["Tags"]["crabwalk:service"]) == ("web", "health")


def test_a_first_release_with_every_obstacle_and_then_a_change_of_configuration(
    embedded: local.Running,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    here = Scratch.make(tmp_path / "repository", "first", services="services/health/service.yaml")
    manifest = "services/health/service.yaml"
    here.replace(manifest, 'triggers:\n  - http: {routes: ["GET /"]}\n', "")
    here.commit("health, called by nobody yet")
    deploy = ("deploy", "--env", "local")

    # No bucket.
    done = here.crabwalk(*deploy)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "error: the environment `local` has no bucket `crabwalk-first-local`",
        "  next: crabwalk bootstrap local",
    ]
    client(here.env, "s3").create_bucket(Bucket=here.env.bucket)
    assert here.status("health")["state"] == "absent"

    # Somebody made the role already: the apply fails after other things were created.
    iam = client(here.env, "iam")
    iam.create_role(RoleName=here.function("health"), AssumeRolePolicyDocument=TRUST)
    failed = here.crabwalk(*deploy)
    assert failed.code == 1, failed.said
    error = failed.err.splitlines()
    assert error[0].startswith("error: terraform apply failed: health.aws_iam_role.this: creating IAM Role")
    assert "EntityAlreadyExists" in error[0]
    assert any(
        re.fullmatch(r"  1 change was carried out before it \(.*log_group.*\); the state is saved", one)
        for one in error
    )
    assert error[-1] == (
        "  next: something of that name exists outside this state: delete it, or choose another name; "
        "then run the same command again: it goes on from there"
    )
    assert here.status("health")["doing"] == "not deployed"
    assert here.history("health") == []

    # The cause removed, the same command goes on.
    iam.delete_role(RoleName=here.function("health"))
    done = here.crabwalk(*deploy)
    assert done.code == 0, done.said
    assert "create module.health.aws_cloudwatch_log_group.this" not in done.out, "what had been created is kept"
    assert "health: published version 1" in done.out
    assert here.alias("health")["FunctionVersion"] == "1"
    assert here.status("health")["url"] is None

    # The zip lies in the bucket with what was built, from what, and by whom.
    assert evidence(here) == {"provenance", "record", "sbom", "symbols"}

    # Configuration alone is applied by Terraform, published and walked; nobody calls the service, so it goes back.
    here.replace(manifest, "RUST_LOG: info", "RUST_LOG: debug")
    here.replace(manifest, "memory: 128 MB", MORE)
    here.walk_in("health", ONE_STEP, deadline="5 s")
    here.replace(manifest, "    timeout: 10 s", f"    timeout: 10 s\n    {KEY}")
    here.commit("health: log more")
    done = here.crabwalk(*deploy)
    assert done.code == 3, done.said
    assert "update module.health.aws_lambda_function.this (walks)" in done.out
    assert "health: published version 2" in done.out
    assert "  numbers no conclusion within 5 s: " in done.out
    assert (here.alias("health")["FunctionVersion"], here.weights("health")) == ("1", {})
    assert here.history("health")[0]["reason"] == "no data"
    functions = client(here.env, "lambda")
    levels = [
        functions.get_function_configuration(FunctionName=here.function("health"), Qualifier=version)["Environment"][
            "Variables"
        ]["RUST_LOG"]
        for version in ("1", "2")
    ]
    assert levels == ["info", "debug"]
    uses_what_is_declared(functions.get_function(FunctionName=here.function("health")))
    again = here.crabwalk(*deploy)
    assert again.code == 0, again.said
    assert "of the same artifact and configuration was rolled back" in again.out
