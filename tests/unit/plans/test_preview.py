"""What a plan says of a service that a deploy would pass over."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pipeline.build import BuildPlan
from pipeline.deploying.offering import configuration
from pipeline.deploying.planning import DeployPlan
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import plan_stack
from pipeline.infra.model import Change
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import HttpTrigger, Service
from pipeline.manifest.project import Project
from pipeline.plans.passed import nothing_new
from pipeline.plans.preview import staying
from pipeline.release.ledger.records import Frozen, Rejected, Released, ServiceRecord, StackRecord

ROOT = Path(__file__).parents[3]
ZIP = "a" * 64
HELLO = Service(name="hello", stack="web", directory=ROOT, file=ROOT / "x")
LOCAL = Environment("local", "000000000000", "us-east-1", "bucket", embedded=True)
LIVE = "version 4 is what this commit builds"
BACK = "release r-9 of the same artifact and configuration was rolled back; crabwalk retry hello --env local"


def setting(*, rejected: bool = False, frozen: Frozen | None = None, service: Service = HELLO) -> Setting:
    at = Setting(Project("p", ROOT), LOCAL, "c0ffee", "s", (service,), {}, {})
    made_of = configuration(replace(at, services=(HELLO,)), HELLO)
    record = ServiceRecord(
        "hello",
        promoted=Released("r-4", "4", "c0ffee", ZIP, made_of, 0.0),
        rejected=(Rejected("r-9", "c0ffee", ZIP, made_of),) if rejected else (),
        frozen=frozen,
    )
    return replace(at, records={"hello": record})


def told(at: Setting, artifact: str | None = ZIP, *changes: Change, retry: bool = False) -> str | None:
    found = nothing_new(at, at.services[0], artifact, changes, retry=retry)
    return None if found is None else found[1]


def test_what_is_live_already_is_not_released() -> None:
    assert told(setting()) == LIVE


def test_another_artifact_an_unknown_one_and_another_configuration_are_released() -> None:
    assert told(setting(), "b" * 64) is None
    assert told(setting(), None) is None
    assert told(setting(service=HELLO.model_copy(update={"memory_mb": 1024}))) is None


def test_what_was_rolled_back_is_released_only_with_retry() -> None:
    assert told(setting(rejected=True)) == BACK
    frozen = setting(rejected=True, frozen=Frozen("r-9", "c0ffee", "5", "arn:aws:iam::0:user/ada", None, "", 0.0))
    assert told(frozen) == BACK.replace("retry", "resume")
    assert told(setting(rejected=True), retry=True) is None


@pytest.mark.parametrize(
    ("kind", "attributes", "said"),
    [
        ("aws_cloudwatch_log_group", ("retention_in_days",), LIVE),
        ("aws_lambda_function", ("description", "tags"), LIVE),
        ("aws_lambda_function", ("logging_config",), None),
    ],
)
def test_what_terraform_changes_beside_the_versions_makes_no_new_one(
    kind: str, attributes: tuple[str, ...], said: str | None
) -> None:
    change = Change(f"module.hello.{kind}.this", kind, "hello", "update", "walks", attributes)
    assert told(setting(), ZIP, change) == said
    assert told(setting(), ZIP, replace(change, service="other")) == LIVE


def routed(at: Setting, *routes: str) -> Setting:
    return replace(at, services=(HELLO.model_copy(update={"triggers": (HttpTrigger(routes=routes),)}),))


def test_a_route_that_is_taken_back_is_said_to_stay() -> None:
    old = routed(setting(), "GET /", "GET /hi")
    calls = {name: tuple(map(asdict, made)) for name, made in plan_stack(old, "web", {}).root.calls.items()}
    new = replace(routed(old, "GET /"), stacks={"web": StackRecord("web", "f", {}, ("hello",), 0.0, "c", calls)})

    def warned(at: Setting) -> list[str]:
        stays = plan_stack(at, "web", {}).stays
        return list(staying(DeployPlan(at, (), BuildPlan(ROOT, (), (), ()), (), stays=stays)))

    assert warned(new) == ["`hello`: stays until no version needs it: GET /hi"]
    assert warned(replace(new, services=old.services)) == []
