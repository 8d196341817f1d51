"""Drift on the embedded AWS: what a hand changed is found, what the release engine wrote is not."""

from __future__ import annotations

from pathlib import Path

from shop_kit import Shop

from pipeline.aws import client


def test_a_hand_edit_is_found_and_a_walk_is_none(shop: Shop, tmp_path: Path) -> None:
    functions, logs = client(shop.env, "lambda"), client(shop.env, "logs")
    function = shop.function()
    alias = shop.alias()
    memory = functions.get_function_configuration(FunctionName=function)["MemorySize"]
    functions.update_function_configuration(FunctionName=function, MemorySize=memory + 64)
    functions.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    other = functions.publish_version(FunctionName=function)["Version"]
    functions.update_alias(
        FunctionName=function,
        Name="live",
        Description="somebody walks",
        RoutingConfig={"AdditionalVersionWeights": {other: 0.25}},
    )
    logs.delete_log_group(logGroupName=f"/aws/lambda/{shop.function('health')}")
    try:
        files = {name: tmp_path / f"{name}.md" for name in ("comment", "summary")}
        words = ("--reapply", "--output", "json", "--comment", str(files["comment"]))
        done = shop.crabwalk("drift", "--env", "local", *words, GITHUB_STEP_SUMMARY=str(files["summary"]))
        walking = shop.weights()
    finally:
        functions.update_alias(
            FunctionName=function,
            Name="live",
            FunctionVersion=alias["FunctionVersion"],
            Description=alias.get("Description", ""),
            RoutingConfig={"AdditionalVersionWeights": {}},
        )
        functions.update_function_configuration(FunctionName=function, MemorySize=memory)
        functions.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    assert done.code == 6, done.said
    body = files["comment"].read_text()
    assert body == files["summary"].read_text().rstrip("\n") + "\n"
    assert body.startswith("## Drift in <code>local</code>\n\n1 stack of ")
    assert (
        "| <code>web</code> | **edited** | <code>hello.aws\\_lambda\\_function.this \\(memory\\_size\\)</code> |"
        in body
    )
    assert walking == {other: 0.25}, "looking changes nothing"
    found = {one["stack"]: one for one in done.json["stacks"]}
    found.pop("environment_roles", None)  # where another test of this project has made the roles
    assert {name: one["state"] for name, one in found.items()} == {"environment": "clean", "web": "drifted"}
    assert [(one["address"], one["action"], one["attributes"]) for one in found["web"]["drift"]] == [
        ("module.health.aws_cloudwatch_log_group.this", "delete", []),
        ("module.hello.aws_lambda_function.this", "update", ["memory_size"]),
    ]
    # What names the log group is applied again with it, because its ARN is new.
    assert [one["address"] for one in found["web"]["follows"]] == ["module.health.aws_iam_role_policy.logs"]
    assert [(one["changes"], one["error"]) for one in found.values()] == [([], None)] * 2
    assert (done.json["exit"], found["web"]["services"], found["web"]["declared"]) == (6, ["health", "hello"], True)
    assert "stack web: the next `crabwalk deploy --env local` puts it back" in done.err

    put_back = shop.deploy()
    assert put_back.code == 0, put_back.said
    assert "health.aws_cloudwatch_log_group.this created" in put_back.out
    name = f"/aws/lambda/{shop.function('health')}"
    assert [one["logGroupName"] for one in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]] == [name]
