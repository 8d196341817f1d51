"""The cloud in memory answers what the embedded AWS answers: the same operations on both, compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from boundary_kit import boundary
from cloud_kit import FUNCTION, Cloud
from engine_kit import World

from pipeline.aws import client
from pipeline.aws.functions import AliasMoved, Functions
from pipeline.aws.metrics import Metrics, Series
from pipeline.aws.objects import Objects, PreconditionFailed
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment

ANSWERS = Callable[[Environment, str, str], list[Any]]


def told(call: Callable[[], Any]) -> Any:
    """What a call comes to, without what is different each time."""
    try:
        return call()
    except ClientError as error:
        return (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
    except (AwsError, AliasMoved, PreconditionFailed) as error:
        return type(error).__name__


def alias_writes(env: Environment, function: str, _prefix: str) -> list[Any]:
    functions, found = Functions(env), []
    first = functions.alias(function, "live")
    moved = functions.write_alias(first, "1", {"2": 0.25}, "a quarter")
    found += [moved == functions.alias(function, "live"), moved.revision != first.revision]
    found += [told(lambda: functions.write_alias(first, "2", {}, "too late")), dict(moved.weights), moved.description]
    for version, weights in (("77", {}), ("1", {"77": 0.5}), ("1", {"1": 0.5})):
        found.append(told(partial(functions.write_alias, moved, version, weights, "")))
    found.append(functions.alias(function, "live") == moved)
    same = functions.write_alias(moved, "1", {"2": 0.25}, "a quarter")
    found.append(same.revision != moved.revision)
    raw = client(env, "lambda", retries=False)
    kept = raw.update_alias(FunctionName=function, Name="live", FunctionVersion="2", RoutingConfig={})
    cleared = raw.update_alias(
        FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {}}, Description=""
    )
    last = functions.alias(function, "live")
    return [*found, kept["FunctionVersion"], kept["Description"], cleared["Description"], last.version, last.weights]


def conditional_writes(env: Environment, _function: str, prefix: str) -> list[Any]:
    objects, key = Objects(env), f"{prefix}/a"
    found = [objects.get(key), told(lambda: objects.put(key, b"x", if_match='"none"'))]
    first = objects.put(key, b"one", if_absent=True)
    found += [told(lambda: objects.put(key, b"two", if_absent=True)), objects.get(key).body]  # type: ignore[union-attr]
    second = objects.put(key, b"two", if_match=first)
    found += [told(lambda: objects.put(key, b"three", if_match=first)), first, second]
    found += [objects.put(key, b"one"), objects.get(key).etag, objects.get(key).age_s < 2]  # type: ignore[union-attr]
    objects.put(f"{prefix}/c", b"")
    objects.put(f"{prefix}/b", b"")
    return [*found, [one.removeprefix(prefix) for one in objects.keys(f"{prefix}/")]]


def metrics(env: Environment, function: str, _prefix: str) -> list[Any]:
    unknown = Series(function, "live", "99", "Throttles")
    return [dict(Metrics(env).read([unknown], 1_000_000.0, 1_000_010.0)[unknown])]


@pytest.mark.parametrize("asked", [alias_writes, conditional_writes, metrics])
def test_both_answer_alike(world: World, namespace: str, asked: ANSWERS):
    cloud = Cloud(1_000_000.0, versions={"1", "2", "3"})
    env = replace(world.env, bucket="cloud", endpoint="http://127.0.0.1:9")
    with boundary(cloud.answer):
        in_memory = asked(env, FUNCTION, namespace)
    assert in_memory == asked(world.env, world.function, namespace)
