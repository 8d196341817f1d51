"""The permissions boundary of services' roles: who deploys makes no role without it, and what roles need is inside it.

Real Terraform makes the boundary, then a service before and after its environment names it, through a door that sees
every call; IAM's rules are applied to what was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import edge_kit
import pytest
from calls_kit import ACCOUNT, REGION, Asked, Door
from rights_kit import Rights

from pipeline import local
from pipeline.aws import client
from pipeline.infra import (
    Change,
    Placement,
    Root,
    Scope,
    apply_infra,
    names,
    parts,
    plan_infra,
    render,
    stack_directory,
)
from pipeline.infra.parts.access import _PREFIXES, _WORDS
from pipeline.infra.roles import GitHub, render_roles
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import Release, SafetyNet, Service
from pipeline.manifest.models_triggers import ScheduleTrigger
from pipeline.manifest.project import Project

MODULES = Path(__file__).parents[2] / "modules"
GIVING = sorted({path.parent for path in MODULES.glob("*/*.tf") if '"aws_iam_role_policy"' in path.read_text()})
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/crabwalk/github-bounded-local-services"
DEPLOY = f"arn:aws:iam::{ACCOUNT}:role/crabwalk/github-bounded-local-deploy"
ROLES = {"bounded-local-hello", "bounded-local-hello-schedule-schedule"}
ROLES |= {"bounded-local-hello-live-net", "bounded-local-hello-live-net-start"}
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]}
GIVES = {"iam:CreateRole", "iam:PutRolePolicy"}
TRUST = re.compile(r"assume_role_policy = jsonencode\(\{.*?\n  \}\)", re.DOTALL)
ACTION = re.compile(r'"((?!aws:)[a-z0-9-]+:[A-Z][A-Za-z*]+)"')
# Actions of these know no narrower resource.
WITHOUT_NAMES = {"cloudwatch", "ec2", "xray"}


@dataclass(frozen=True)
class Story:
    """A service that was applied in an environment without a boundary, and with another one after it had one."""

    iam: Any
    before: set[Asked]
    changes: tuple[Change, ...]  # of the second plan
    after: set[Asked]
    end: set[Asked]  # of the other one, taken away

    def role(self, name: str) -> str:
        """The boundary of a role as IAM has it."""
        return str(self.iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"])


@pytest.fixture(scope="module")
def story(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("bounded")
    with Door(embedded, folder / "door").open() as door:
        env = Environment(
            name="local",
            account=ACCOUNT,
            region=REGION,
            bucket="crabwalk-bounded-local",
            endpoint=door.endpoint,
            credentials=("test", "test"),
            embedded=True,
        )
        project = Project("bounded", folder)
        objects = client(env, "s3")
        objects.create_bucket(Bucket=env.bucket)
        objects.put_object(Bucket=env.bucket, Key="artifacts/first.zip", Body=edge_kit.package())

        def apply(env: Environment, root: Root) -> tuple[tuple[Change, ...], set[Asked]]:
            with door.recorded() as asked:
                plan = plan_infra(root, env, stack_directory(folder, env, root.stack), lambda _: None)
                apply_infra(plan, env, lambda _: None)
            return plan.changes, asked

        apply(env, render_roles(project, env, GitHub("acme/bounded", "local"), MODULES, PROVIDER))
        net = Release(safety_net=SafetyNet())
        hello = _service(folder, "hello", triggers=(ScheduleTrigger(rate_s=86400),), release=net, tracing=True)
        _, before = apply(env, _root(project, env, hello))
        bounded = replace(env, permissions_boundary=names.own_boundary(project, env))
        changes, after = apply(bounded, _root(project, bounded, hello, _service(folder, "two")))
        _, end = apply(bounded, _root(project, bounded, hello))
        yield Story(client(env, "iam"), before, changes, after, end)


def _service(folder: Path, name: str, **fields: Any) -> Service:
    return Service(
        name=name,
        stack="web",
        architecture="x86_64",
        directory=folder / name,
        file=folder / name / "service.yaml",
        **{"triggers": (), **fields},
    )


def _root(project: Project, env: Environment, *services: Service) -> Root:
    scope = Scope(project, env)
    placements = [Placement(one, parts.calls(scope, one, released=True), "artifacts/first.zip") for one in services]
    return render(scope, "web", placements, MODULES)


@pytest.fixture(scope="module")
def deploy(story: Story) -> Rights:
    return Rights.of(story.iam, DEPLOY.rpartition("/")[2])


@pytest.fixture(scope="module")
def limit(story: Story) -> Rights:
    """What a role could do to which everything was granted."""
    version = story.iam.get_policy(PolicyArn=BOUNDARY)["Policy"]["DefaultVersionId"]
    found = story.iam.get_policy_version(PolicyArn=BOUNDARY, VersionId=version)["PolicyVersion"]
    return Rights([ALL], found["Document"])


def test_who_deploys_can_make_no_role_without_it(story: Story, deploy: Rights) -> None:
    refused = {one for one in story.before if not deploy.allow(one)}
    assert {one.action for one in refused} == GIVES
    assert {one.resource.rpartition("/")[2] for one in refused} == ROLES


def test_who_deploys_makes_what_the_root_says_once_its_environment_names_it(story: Story, deploy: Rights) -> None:
    assert deploy.denied(story.after) == []
    made = {one.resource.rpartition("/")[2] for one in story.after if one.action == "iam:CreateRole"}
    assert made == {"bounded-local-two"}
    assert {one.boundary for one in story.after if one.action in GIVES} == {BOUNDARY}
    assert {story.role(name) for name in ROLES} == {BOUNDARY}


def test_roles_that_were_there_before_get_it_in_place(story: Story) -> None:
    given = {one.resource.rpartition("/")[2] for one in story.after if one.action == "iam:PutRolePermissionsBoundary"}
    assert given == ROLES
    hello = [one for one in story.changes if one.service == "hello"]
    assert {(one.type, one.action, one.attributes) for one in hello} == {
        ("aws_iam_role", "update", ("permissions_boundary",))
    }
    assert len(hello) == len(ROLES)


def test_who_deploys_takes_a_role_away_without_taking_the_boundary_off_it(story: Story, deploy: Rights) -> None:
    assert "iam:DeleteRole" in {one.action for one in story.end}
    assert deploy.denied(story.end) == []


@pytest.mark.parametrize("attached_later", [False, True])
def test_nobody_gets_round_it(deploy: Rights, *, attached_later: bool) -> None:
    role, other = f"arn:aws:iam::{ACCOUNT}:role/bounded-local-hello", f"arn:aws:iam::{ACCOUNT}:policy/wider"
    rights = Rights([ALL], deploy.boundary) if attached_later else deploy
    giving = ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary", "iam:AttachRolePolicy")
    tried = {Asked(action, role, boundary=boundary) for action in giving for boundary in ("", other)}
    tried.add(Asked("iam:DeleteRolePermissionsBoundary", role, boundary=BOUNDARY))
    changing = ("CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion", "DeletePolicy")
    tried |= {Asked(f"iam:{action}", policy) for action in changing for policy in (BOUNDARY, other)}
    tried.add(Asked("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/elsewhere", boundary=BOUNDARY))
    assert rights.allowed(tried) == set()
    assert all(rights.allow(Asked(action, role, boundary=BOUNDARY)) for action in giving[:3])


def test_what_the_applied_roles_may_do_is_inside_it(story: Story, limit: Rights) -> None:
    for name in ROLES:
        policies = story.iam.list_role_policies(RoleName=name)["PolicyNames"]
        assert policies
        for policy in policies:
            document = story.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            assert limit.denied(_granted(document)) == []


def _granted(document: Any) -> Iterator[Asked]:
    for statement in document["Statement"]:
        for resource in _listed(statement["Resource"]):
            yield from (Asked(action, resource) for action in _listed(statement["Action"]))


def _listed(value: Any) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize("module", GIVING, ids=lambda path: path.name)
def test_what_a_module_grants_is_inside_it(limit: Rights, module: Path) -> None:
    text = TRUST.sub("", "".join(path.read_text() for path in sorted(module.glob("*.tf"))))
    actions = set(ACTION.findall(text))
    assert actions, "the test finds no action in it"
    assert limit.denied(map(_tried, actions)) == []


def test_what_the_words_of_a_manifest_allow_is_inside_it(limit: Rights) -> None:
    actions = {
        f"{_PREFIXES.get(kind, kind)}:{action}"
        for kind, words in _WORDS.items()
        for places in words.values()
        for some in places.values()
        for action in some
    }
    assert limit.denied(map(_tried, actions)) == []


def _tried(action: str) -> Asked:
    """The action, on something of the environment."""
    service = action.partition(":")[0]
    if service in WITHOUT_NAMES:
        return Asked(action, "*")
    if service == "s3":
        return Asked(action, "arn:aws:s3:::bounded-local-images/crab.png")
    kind = "function:" if service == "lambda" else ""
    return Asked(action, f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}bounded-local-x")


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/bounded-local-hello"),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        ("iam:DeleteRolePermissionsBoundary", f"arn:aws:iam::{ACCOUNT}:role/bounded-local-hello"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
        ("organizations:LeaveOrganization", "*"),
        ("s3:GetObject", "arn:aws:s3:::crabwalk-bounded-local/terraform/web.tfstate"),
        ("s3:PutObject", "arn:aws:s3:::crabwalk-bounded-local/crabwalk/services/hello/state.json"),
        ("s3:ListBucket", "arn:aws:s3:::crabwalk-bounded-local"),
        ("s3:PutBucketPolicy", "arn:aws:s3:::bounded-local-images"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:bounded-local-hello"),
        ("lambda:UpdateAlias", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:bounded-production-hello"),
        ("states:UpdateStateMachine", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:x"),
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/bounded-local-x"),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/bounded-local-x"),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:{REGION}:111122223333:table/bounded-local-x"),
        ("secretsmanager:DeleteSecret", f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:bounded-local-x"),
        ("kms:ScheduleKeyDeletion", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"),
        ("ec2:RunInstances", "*"),
    ],
)
def test_no_role_of_a_service_ever_may(limit: Rights, action: str, resource: str) -> None:
    assert not limit.allow(Asked(action, resource))
