"""A plan that is saved, reviewed and applied as it is: a first release with both phases, and what is refused.

One story in order, because each Terraform run costs seconds.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from shop_kit import Scratch

from pipeline import local
from pipeline.aws import client

MANIFEST = "services/health/service.yaml"
SECRET = "hunter2-never-to-be-seen"


def keys(here: Scratch) -> list[str]:
    listed = client(here.env, "s3").list_objects_v2(Bucket=here.env.bucket, Prefix="plans/").get("Contents", [])
    return sorted(one["Key"].partition("/")[2] for one in listed)


def first_plan(here: Scratch) -> str:
    """The plan of the first release has both phases; its file is in the bucket and nowhere else."""
    done = here.crabwalk("plan", "--save", "--env", "local", "--output", "json")
    assert done.code == 0, done.said
    (stack,), (release,) = done.json["stacks"], done.json["releases"]
    assert {one["action"] for one in (*stack["changes"], *stack["then"])} == {"create"}
    assert "aws_lambda_function" in {one["type"] for one in stack["changes"]}
    assert {one["type"] for one in stack["then"]} >= {"aws_apigatewayv2_route", "aws_lambda_permission"}
    assert (release["name"], release["first"], release["version"]) == ("health", True, None)
    saved = str(done.json["saved"]["id"])
    assert keys(here) == [f"{saved}/plan.json", f"{saved}/{stack['name']}.tfplan"]
    assert not list(here.root.rglob("*.tfplan"))
    record = client(here.env, "s3").get_object(Bucket=here.env.bucket, Key=f"plans/{saved}/plan.json")["Body"].read()
    assert SECRET not in done.said + record.decode()
    assert here.status("health")["state"] == "absent", "a plan makes nothing"
    return saved


def test_what_was_reviewed_is_what_is_applied(
    embedded: local.Running,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    here = Scratch.make(tmp_path / "repository", "saved", services=MANIFEST)
    here.walk_in("health", "")
    here.replace(MANIFEST, "RUST_LOG: info", f"RUST_LOG: info, TOKEN: {SECRET}")
    commit = here.commit("health, with a secret")
    client(here.env, "s3").create_bucket(Bucket=here.env.bucket)

    saved = first_plan(here)

    # Another commit is not what was reviewed.
    here.write("README.md", "newer")
    newer = here.commit("something else")
    refused = here.crabwalk("deploy", "--plan", saved, "--env", "local")
    assert refused.code == 5, refused.said
    assert f"made from commit {commit[:12]}, and this is {newer[:12]}" in refused.err
    assert here.status("health")["state"] == "absent"
    here.git("checkout", "--quiet", commit)

    # It is applied as it is, nothing is built, and the second phase is what was reviewed.
    applied = here.crabwalk("deploy", "--plan", saved, "--env", "local")
    assert applied.code == 0, applied.said
    assert re.search(r"health: zip [0-9a-f]{12} as it was reviewed", applied.out)
    assert SECRET not in applied.said
    assert here.alias("health")["FunctionVersion"] == "1"
    assert here.status("health")["url"]
    assert not list(here.root.rglob("*.tfplan"))

    # Once.
    again = here.crabwalk("deploy", "--plan", saved, "--env", "local")
    assert again.code == 5, again.said
    assert f"plan `{saved}` was applied by arn:aws:" in again.err

    # A change of configuration that would be applied as planned, had nobody moved the alias meanwhile.
    here.git("checkout", "--quiet", "main")
    here.replace(MANIFEST, "memory: 128 MB", "memory: 192 MB")
    here.commit("health: more memory")
    functions = client(here.env, "lambda")
    functions.update_function_configuration(FunctionName=here.function("health"), Description="by hand")
    done = here.crabwalk("plan", "--save", "--env", "local")
    assert done.code == 0, done.said
    assert re.search(r"drift +differs health.aws_lambda_function.this \(description\)", done.out), done.out
    assert re.search(r"walks +update health.aws_lambda_function.this \(description, .*memory_size.*\)", done.out), (
        done.out
    )
    assert "  publishes version 2" in done.lines
    assert SECRET not in done.said
    saved = done.lines[-1].split()[3]
    functions.update_alias(FunctionName=here.function("health"), Name="live", Description="by hand")
    refused = here.crabwalk("deploy", "--plan", saved, "--env", "local")
    assert refused.code == 5, refused.said
    assert re.search(r"health: its alias moved from version 1 \(\w+\) to version 1 \(\w+\)", refused.err)
    unknown = here.crabwalk("deploy", "--plan", "20260101T000000-abcdef", "--env", "local")
    assert (unknown.code, "there is no saved plan" in unknown.err) == (5, True)


@pytest.mark.exhaustive
def test_what_nobody_reviewed_does_not_follow_a_first_release(
    embedded: local.Running,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    """Somebody deletes the log group while the version is tried out: Terraform would make it again, unreviewed."""
    here = Scratch.make(tmp_path / "repository", "strange", services=MANIFEST)
    here.walk_in("health", "")
    (here.root / "services/health/hooks").mkdir()
    group = f"/aws/lambda/{here.function('health')}"
    here.write(
        "services/health/hooks/away.py",
        f"import boto3\nboto3.client('logs').delete_log_group(logGroupName={group!r})\n",
    )
    hooks = f"hooks: {{before: [{{command: [{sys.executable}, hooks/away.py]}}]}}"
    here.replace(MANIFEST, "release: {steps: [], ", f"release: {{{hooks}, steps: [], ")
    here.commit("health, with a hook that does harm")
    client(here.env, "s3").create_bucket(Bucket=here.env.bucket)
    done = here.crabwalk("plan", "--save", "--env", "local", "--output", "json")
    assert done.code == 0, done.said
    applied = here.crabwalk("deploy", "--plan", done.json["saved"]["id"], "--env", "local")
    assert applied.code == 5, applied.said
    assert "nobody reviewed create module.health.aws_cloudwatch_log_group.this" in applied.err
    assert "what is released stays so, without what should have followed" in applied.err
    assert here.alias("health")["FunctionVersion"] == "1"
    assert here.status("health")["url"] is None
