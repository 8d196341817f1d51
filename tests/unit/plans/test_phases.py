"""What `plan` asks Terraform, and how it tells the two phases of a first release apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.build import BuildPlan
from pipeline.deploying.planning import DeployPlan
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import plan_stack
from pipeline.infra.model import Change, InfraPlan, Root
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import HttpTrigger, Service
from pipeline.manifest.project import Project
from pipeline.plans.phases import beyond, second_phase, shown
from pipeline.release.ledger.records import Released, ServiceRecord, StackRecord
from pipeline.workspace.model import Affected, Reason

ROOT = Path(__file__).parents[3]
LOCAL = Environment("local", "000000000000", "us-east-1", "bucket", embedded=True)
RELEASED = Released("r", "4", "c0ffee", "a" * 64, "c", 0.0)


def service(name: str) -> Service:
    folder = ROOT / "services" / name
    return Service(
        name=name, stack="web", triggers=(HttpTrigger(routes=("GET /",)),), directory=folder, file=folder / "x"
    )


def deploying(*, promoted: Released | None = None, applied: str | None = None) -> DeployPlan:
    record = ServiceRecord("hello", promoted=promoted)
    stacks = {"web": None if applied is None else StackRecord("web", applied, {}, ("hello",), 0.0, "c")}
    setting = Setting(Project("p", ROOT), LOCAL, "c0ffee", "s", (service("hello"),), {"hello": record}, stacks)
    build = BuildPlan(ROOT, (), (), ())
    stack = plan_stack(setting, "web", {"hello": ""})
    return DeployPlan(setting, (Affected("hello", None, (Reason("first", "never released"),)),), build, (stack,))


class Terraform:
    """Answers with one change for each call of the root, and remembers what it was asked."""

    def __init__(self, *extra: Change) -> None:
        self.asked: list[Root] = []
        self.extra = extra

    def __call__(self, root: Root) -> InfraPlan:
        self.asked.append(root)
        names = ["hello", *(["hello_http"] if b'"hello_http"' in root.files["main.tf.json"] else [])]
        changes = tuple(created(f"module.{name}.aws_iam_role.this") for name in names)
        return InfraPlan(root, Path(), (*changes, *self.extra))


def created(address: str) -> Change:
    return Change(address, "aws_iam_role", "hello", "create", "at-once")


def addresses(changes: Sequence[Change]) -> list[str]:
    return [one.address.split(".")[1] for one in changes]


def test_a_first_release_is_told_in_two_phases_from_one_process() -> None:
    plan, terraform = deploying(), Terraform()
    found = shown(plan, plan.stacks[0], terraform)
    assert (addresses(found.changes), addresses(found.then)) == (["hello"], ["hello_http"])
    assert len(terraform.asked) == 1
    assert found.terraform


def test_a_function_that_stands_gets_only_its_triggers() -> None:
    plan = deploying()
    plan = deploying(applied=plan.stacks[0].root.fingerprint)
    found = shown(plan, plan.stacks[0], Terraform())
    assert (addresses(found.changes), addresses(found.then)) == ([], ["hello", "hello_http"])


def test_a_later_release_has_one_phase_and_often_no_terraform() -> None:
    plan, terraform = deploying(promoted=RELEASED), Terraform()
    assert second_phase(plan, plan.stacks[0]) is None
    assert addresses(shown(plan, plan.stacks[0], terraform).changes) == ["hello", "hello_http"]
    plan = deploying(promoted=RELEASED, applied=plan.stacks[0].root.fingerprint)
    found = shown(plan, plan.stacks[0], terraform)
    assert (found.terraform, found.changes, len(terraform.asked)) == (False, (), 1)


def test_what_would_be_lost_is_named_unless_it_is_allowed() -> None:
    gone = Change("module.hello_table.aws_dynamodb_table.this", "aws_dynamodb_table", "hello", "delete", "destroys")
    plan = deploying(promoted=RELEASED)
    assert shown(plan, plan.stacks[0], Terraform(gone)).refused == (gone,)
    assert shown(plan, plan.stacks[0], Terraform(gone), {gone.address}).refused == ()


def test_drift_is_only_what_an_apply_would_put_back() -> None:
    """A bucket's policy is another resource's work: the state does not know it yet, and an apply leaves it."""
    answered = replace(created("module.hello_box.aws_s3_bucket.this"), action="update", attributes=("policy",))
    edited = replace(created("module.hello.aws_iam_role.this"), action="update", attributes=("description",))
    plan = deploying(promoted=RELEASED)
    found = shown(plan, plan.stacks[0], lambda root: InfraPlan(root, Path(), (edited,), drift=(answered, edited)))
    assert found.drift == (edited,)


def test_beyond_a_plan_is_what_it_did_not_have_with_that_action() -> None:
    one, two = created("module.a.b.c"), created("module.a.b.d")
    assert beyond((one, two), (one,)) == (two,)
