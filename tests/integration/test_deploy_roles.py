"""The roles of GitHub's jobs against what the verbs really call: each may do what its verbs do, and little else.

Real Terraform makes the roles, the real verbs run through a door that sees every call, and IAM's rules are applied to
what was seen with the policies as they were made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from calls_kit import Asked, Door
from rights_kit import Rights
from shop_kit import ONE_STEP, Shop

from pipeline import local
from pipeline.aws import client
from pipeline.doctor.rights import rights as doctor_rights
from pipeline.infra import provide_roles
from pipeline.infra.roles import GitHub, Roles
from pipeline.manifest.project import load_project

ACME = GitHub("acme/shop", "local", "1", "2")
LOOKING = ("status", "history", "metrics", "logs", "watch")
# Whoever reads an object that is not there needs it on AWS, which says "denied" otherwise.
ABSENT = {"s3:ListBucket"}
# Asked only where a manifest names alarms.
WITH_ALARMS = {"cloudwatch:DescribeAlarms"}
BUCKET = "arn:aws:s3:::crabwalk-shop-local/"
PAGE = Path(__file__).parents[2] / "docs" / "security.md"
NAMES = ("build", "deploy", "plan", "read", "rollback")


@pytest.fixture(scope="module")
def made(deployed: Shop) -> Roles:
    """The roles of the deployed project."""
    said: list[str] = []
    project, modules = load_project(deployed.root), deployed.root / "modules"
    roles = provide_roles(project, deployed.env, modules, ACME, said.append)
    assert roles is not None
    assert provide_roles(project, deployed.env, modules, None, said.append) == roles
    assert said[-1] == "the roles of acme/shop are ready, nothing to do"
    return roles


@pytest.fixture(scope="module")
def rights(made: Roles, deployed: Shop) -> dict[str, Rights]:
    iam = client(deployed.env, "iam")
    return {name: Rights.of(iam, arn.rpartition("/")[2]) for name, arn in made.arns.items()}


@pytest.fixture(scope="module")
def doors(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, Door]]:
    folder = tmp_path_factory.mktemp("doors")
    with Door(embedded, folder / "one").open() as one, Door(embedded, folder / "two").open() as two:
        yield one, two


@pytest.fixture(scope="module")
def calls(deployed: Shop, doors: tuple[Door, Door], made: Roles) -> dict[str, set[Asked]]:
    """What each verb asked of AWS: planned, deployed with Terraform, looked at, watched, rolled back in mid-walk."""
    shop, (door, watched) = deployed, doors
    found: dict[str, set[Asked]] = {}

    def run(*verb: str) -> None:
        with door.recorded() as asked:
            done = shop.start(*verb, "--env", "local", **door.variables).end()
            assert done.code in ({0, 6} if verb == ("drift",) else {0}), done.said
        found[verb[0]] = asked

    shop.promoted_twice()
    shop.change("")
    manifest = "services/hello/service.yaml"
    now, then = ("160", "128") if "memory: 160 MB" in shop.read(manifest) else ("128", "160")
    shop.replace(manifest, f"memory: {now} MB", f"memory: {then} MB")
    shop.commit("hello: another size, so that Terraform runs")
    assert made.arns, "drift looks at the roles, too"
    run("drift")
    run("plan", "--save")
    run("deploy", "--retry")
    for verb in (("status", "hello"), ("history", "hello"), ("metrics",), ("logs", "hello")):
        run(*verb)
    shop.change(ONE_STEP)
    walking = shop.start("deploy", "--env", "local", "--retry")
    shop.until_walking(walking)  # and there it stays: nobody calls the service
    with watched.recorded() as found["watch"]:
        watching = shop.start("watch", "hello", "--env", "local", **watched.variables)
        assert watched.waited("cloudwatch:GetMetricData"), "watch looked at no metrics"
        run("rollback", "hello")
        assert watching.end().code in {0, 3}
    assert walking.end().code == 3
    run("resume", "hello")
    shop.settle()
    return found


def test_the_roles_trust_these_jobs_of_this_repository_in_both_forms(made: Roles, deployed: Shop) -> None:
    assert sorted(made.arns) == sorted(NAMES)
    iam = client(deployed.env, "iam")
    trusted: dict[str, Any] = {}
    for name, arn in made.arns.items():
        assert arn == f"arn:aws:iam::000000000000:role/crabwalk/github-shop-local-{name}"
        (statement,) = iam.get_role(RoleName=f"github-shop-local-{name}")["Role"]["AssumeRolePolicyDocument"][
            "Statement"
        ]
        (operator,) = statement["Condition"]
        assert operator == "StringEquals", "no claim is compared by a wildcard"
        trusted[name] = statement["Condition"][operator]
    issuer = "token.actions.githubusercontent.com"
    assert {one[f"{issuer}:aud"] for one in trusted.values()} == {"sts.amazonaws.com"}
    environment = ["repo:acme/shop:environment:local", "repo:acme@1/shop@2:environment:local"]
    main = ["repo:acme/shop:ref:refs/heads/main", "repo:acme@1/shop@2:ref:refs/heads/main"]
    assert trusted["deploy"][f"{issuer}:sub"] == trusted["rollback"][f"{issuer}:sub"] == environment
    assert trusted["build"][f"{issuer}:sub"] == trusted["read"][f"{issuer}:sub"] == main
    pulls = ["repo:acme/shop:pull_request", "repo:acme@1/shop@2:pull_request"]
    assert sorted(trusted["plan"][f"{issuer}:sub"]) == sorted([*main, *pulls])


@pytest.mark.parametrize(
    ("role", "verbs"),
    [
        ("plan", ("plan", "drift")),
        ("deploy", ("deploy", "resume", "rollback")),
        ("read", LOOKING),
        ("rollback", ("rollback",)),
    ],
)
def test_a_role_may_do_what_its_verbs_do(
    rights: dict[str, Rights], calls: dict[str, set[Asked]], role: str, verbs: tuple[str, ...]
) -> None:
    for verb in verbs:
        assert calls[verb], f"{verb} was not seen"
        assert rights[role].denied(calls[verb]) == []


@pytest.mark.parametrize("role", NAMES)
def test_what_doctor_asks_for_is_what_the_role_may(rights: dict[str, Rights], deployed: Shop, role: str) -> None:
    env = replace(deployed.env, permissions_boundary="crabwalk/github-shop-local-services")
    for right in doctor_rights(load_project(deployed.root), env, role):
        said = right.context
        for action in right.actions:
            asked = Asked(
                action,
                right.resource,
                passed_to=said.get("iam:PassedToService", ""),
                absent="s3:if-none-match" in said,
                boundary=said.get("iam:PermissionsBoundary", ""),
            )
            assert rights[role].allow(asked), f"{role}: {asked}"


def test_the_rollback_role_may_do_nothing_that_rolling_back_does_not(
    rights: dict[str, Rights], calls: dict[str, set[Asked]]
) -> None:
    assert rights["rollback"].actions == {one.action for one in calls["rollback"]} | ABSENT
    everything = set().union(*calls.values())
    beyond = rights["rollback"].allowed(everything) - calls["rollback"]
    bucket = "arn:aws:s3:::crabwalk-shop-local"
    elsewhere = {one for one in beyond if not one.resource.startswith(f"{bucket}/crabwalk/services/")}
    assert {one.action for one in beyond - elsewhere} <= {"s3:GetObject", "s3:PutObject"}
    assert {one.action for one in elsewhere} <= {"lambda:GetAlias", "lambda:UpdateAlias", "s3:ListBucket"}


def test_who_reads_writes_nothing(rights: dict[str, Rights], calls: dict[str, set[Asked]]) -> None:
    read = set().union(*(calls[verb] for verb in LOOKING))
    assert rights["read"].actions == {one.action for one in read} | WITH_ALARMS
    seen = {one.action for one in rights["read"].allowed(set().union(*calls.values()))}
    assert not [action for action in seen if "Get" not in action and "List" not in action and "Filter" not in action]


def test_a_plan_writes_its_lock_and_what_it_saves_only(rights: dict[str, Rights], calls: dict[str, set[Asked]]) -> None:
    writes = {
        (one.action, one.resource.removeprefix(BUCKET), one.absent)
        for one in rights["plan"].allowed(set().union(*calls.values()))
        if not one.action.partition(":")[2].startswith(("Get", "List", "Describe", "GET", "Filter"))
    }
    locks = {(action, key) for action, key, _ in writes if key.startswith("terraform/")}
    saved = {one for one in writes if one[1].startswith(("artifacts/", "plans/"))}
    assert locks == {(action, key) for action, key in locks if key.endswith(".tfstate.tflock")}
    assert {(action, absent) for action, _, absent in saved} == {("s3:PutObject", True)}, "nothing is written over"
    assert len(writes) == len({one for one in writes if one[1].startswith("terraform/")} | saved)
    assert rights["plan"].denied(calls["deploy"])


def test_the_build_role_stores_what_was_built_and_nothing_else(
    rights: dict[str, Rights], calls: dict[str, set[Asked]]
) -> None:
    everything = set().union(*calls.values())
    stored = {one for one in calls["plan"] | calls["deploy"] if one.resource.startswith(f"{BUCKET}artifacts/")}
    assert {one.action for one in stored} >= {"s3:GetObject", "s3:PutObject"}
    assert rights["build"].denied(stored) == []
    elsewhere = {one for one in rights["build"].allowed(everything) if "/artifacts/" not in one.resource}
    assert {one.action for one in elsewhere} <= {"s3:ListBucket"}
    over = {Asked(one.action, one.resource) for one in stored if one.action == "s3:PutObject"}
    assert rights["build"].allowed(over) == rights["plan"].allowed(over) == set()


@pytest.mark.parametrize("role", NAMES)
def test_no_role_reaches_beyond_its_environment(rights: dict[str, Rights], role: str) -> None:
    other = "arn:aws:lambda:us-east-1:000000000000:function:shop-production-hello"
    roles = "arn:aws:iam::000000000000:role"
    assert (
        rights[role].allowed(
            {
                Asked("lambda:UpdateAlias", other),
                Asked("lambda:GetAlias", other),
                Asked("s3:PutObject", "arn:aws:s3:::crabwalk-shop-production/crabwalk/services/hello/state.json"),
                Asked("s3:PutBucketPolicy", "arn:aws:s3:::crabwalk-shop-local"),
                Asked("s3:DeleteObjectVersion", "arn:aws:s3:::crabwalk-shop-local/terraform/hello.tfstate"),
                Asked("iam:PutRolePolicy", f"{roles}/crabwalk/github-shop-local-deploy"),
                Asked("iam:UpdateAssumeRolePolicy", f"{roles}/crabwalk/github-shop-local-rollback"),
                Asked(
                    "iam:CreatePolicyVersion", "arn:aws:iam::000000000000:policy/crabwalk/github-shop-local-boundary"
                ),
                Asked("iam:AttachRolePolicy", f"{roles}/shop-local-hello"),
                Asked("iam:CreateUser", "arn:aws:iam::000000000000:user/somebody"),
                Asked("iam:PassRole", f"{roles}/shop-local-hello", passed_to="ec2.amazonaws.com"),
                Asked("iam:PassRole", f"{roles}/admin", passed_to="lambda.amazonaws.com"),
                Asked(
                    "secretsmanager:GetSecretValue",
                    "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop-local-x-abcdef",
                ),
                Asked("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/shop-local-todos"),
                Asked("sts:AssumeRole", f"{roles}/crabwalk/github-shop-local-deploy"),
            }
        )
        == set()
    )


def test_the_boundary_holds_whatever_is_attached_later(rights: dict[str, Rights]) -> None:
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]}
    careless = Rights([everything], rights["read"].boundary)
    roles = "arn:aws:iam::000000000000:role"
    assert (
        careless.allowed(
            {
                Asked("lambda:UpdateAlias", "arn:aws:lambda:us-east-1:000000000000:function:shop-production-hello"),
                Asked("iam:PutRolePolicy", f"{roles}/crabwalk/github-shop-local-read"),
                Asked("iam:PutRolePolicy", f"{roles}/admin"),
                Asked("iam:CreateUser", "arn:aws:iam::000000000000:user/somebody"),
                Asked("s3:DeleteBucket", "arn:aws:s3:::crabwalk-shop-local"),
                Asked("s3:PutBucketPolicy", "arn:aws:s3:::crabwalk-shop-local"),
                Asked("ec2:RunInstances", "*"),
                Asked("kms:ScheduleKeyDeletion", "*"),
            }
        )
        == set()
    )
    assert careless.allow(
        Asked("lambda:UpdateAlias", "arn:aws:lambda:us-east-1:000000000000:function:shop-local-hello")
    )


FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:shop-local-hello"
ROLE = "arn:aws:iam::000000000000:role/shop-local-hello"
OWN = "arn:aws:iam::000000000000:role/crabwalk/github-shop-local-deploy"
SERVICES = "arn:aws:iam::000000000000:policy/crabwalk/github-shop-local-services"
# What each row of docs/security.md is, asked of IAM; a role "may" where it may do all of it.
ROWS = {
    "see where the traffic goes": {Asked("lambda:GetAlias", FUNCTION)},
    "move traffic: write the alias of a function": {Asked("lambda:UpdateAlias", FUNCTION)},
    "publish a version, change a function's code": {
        Asked("lambda:PublishVersion", FUNCTION),
        Asked("lambda:UpdateFunctionCode", FUNCTION),
    },
    "invoke a function": {Asked("lambda:InvokeFunction", FUNCTION)},
    "read logs": {
        Asked("logs:FilterLogEvents", "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/shop-local-hello:*")
    },
    "read the ledger: records, history": {
        Asked("s3:GetObject", f"{BUCKET}crabwalk/services/hello/state.json"),
        Asked("s3:GetObject", f"{BUCKET}crabwalk/stacks/hello.json"),
    },
    "write the ledger": {
        Asked("s3:PutObject", f"{BUCKET}crabwalk/services/hello/state.json"),
        Asked("s3:PutObject", f"{BUCKET}crabwalk/stacks/hello.json"),
    },
    "read Terraform's states, which hold secrets": {Asked("s3:GetObject", f"{BUCKET}terraform/hello.tfstate")},
    "write Terraform's states": {Asked("s3:PutObject", f"{BUCKET}terraform/hello.tfstate")},
    "take Terraform's lock": {Asked("s3:PutObject", f"{BUCKET}terraform/hello.tfstate.tflock")},
    "store an artifact where none is": {Asked("s3:PutObject", f"{BUCKET}artifacts/{'a' * 64}.zip", absent=True)},
    "write over an artifact": {Asked("s3:PutObject", f"{BUCKET}artifacts/{'a' * 64}.zip")},
    "make a role for a function, inside the services' boundary": {Asked("iam:CreateRole", ROLE, boundary=SERVICES)},
    "make a role without that boundary": {Asked("iam:CreateRole", ROLE)},
    "change these five roles, or the bucket's own settings": {
        Asked("iam:PutRolePolicy", OWN),
        Asked("s3:PutBucketPolicy", BUCKET.rstrip("/")),
    },
    "read a secret's value, a table's items, a queue's messages": {
        Asked("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop-local-x-a1"),
        Asked("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/shop-local-todos"),
        Asked("sqs:ReceiveMessage", "arn:aws:sqs:us-east-1:000000000000:shop-local-jobs"),
    },
    "anything in another environment of the account": {
        Asked("lambda:GetAlias", FUNCTION.replace("-local-", "-production-")),
        Asked("s3:GetObject", "arn:aws:s3:::crabwalk-shop-production/crabwalk/services/hello/state.json"),
    },
}
ANSWERS = {"yes": {True}, "no": {False}, "its services": {True, False}}


def documented() -> dict[str, dict[str, str]]:
    """The table of the page: what may be done, and by which role."""
    table = PAGE.read_text().partition("<!-- rights -->\n")[2].partition("<!-- end -->")[0]
    head, _, *rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def test_the_page_on_security_says_what_the_policies_say(rights: dict[str, Rights]) -> None:
    said = documented()
    assert list(said) == list(ROWS)
    for row, roles in said.items():
        assert sorted(roles) == sorted(NAMES)
        for role, answer in roles.items():
            may = {bool(rights[role].allowed({one})) for one in ROWS[row]}
            assert may == ANSWERS[answer], f"{role}: {row}"
