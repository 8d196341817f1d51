"""The environments a project file declares: where services are released to. Light, as `rollback` imports it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.errors import Problem
from pipeline.manifest.keys import text, unknown_keys
from pipeline.manifest.node import Mark, Node, nearest

if TYPE_CHECKING:
    from pipeline.manifest.fleets import Fleet

LOCAL = "local"

NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?\Z")
NAME_RULE = "up to 20 lower-case letters, digits and hyphens, a letter first"
FORMS: Mapping[str, tuple[re.Pattern[str], str, str]] = {
    "account": (re.compile(r"[0-9]{12}\Z"), "an AWS account", "12 digits in quotes"),
    "region": (re.compile(r"[a-z]{2}(?:-[a-z]+){1,3}-[0-9]\Z"), "an AWS region", "for example `eu-west-1`"),
    "bucket": (
        re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\Z"),
        "a bucket's name",
        "3 to 63 lower-case letters, digits and hyphens",
    ),
    "permissions_boundary": (
        re.compile(
            r"(?:arn:aws[a-z-]*:iam::(?:[0-9]{12}|aws):policy/)?(?:[A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,128}\Z"
        ),
        "an IAM policy",
        "its ARN, or its name with its path, for example `crabwalk/github-shop-production-services`",
    ),
    "events": (
        re.compile(
            r"(?:arn:aws[a-z-]*:events:[a-z]{2}(?:-[a-z]+){1,3}-[0-9]:[0-9]{12}:event-bus/)?[A-Za-z0-9._/-]{1,256}\Z"
        ),
        "an event bus",
        "its name or its ARN; `default` is the one every account has",
    ),
    "repository": (
        re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}\Z"),
        "a repository at GitHub",
        "ORG/REPO",
    ),
    "token": (
        re.compile(r"(?!(?:gh[a-z]|github_pat)_)(?:arn:aws[a-z-]*:secretsmanager:[^ ]+|[A-Za-z0-9/_+=.@-]{1,512})\Z"),
        "the name of a secret",
        "the name or ARN of a secret of AWS Secrets Manager that has the token; a token itself belongs into no file",
    ),
    "role": (
        re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/(?:[A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}\Z"),
        "a role's ARN",
        "for example `arn:aws:iam::111122223333:role/crabwalk/deploy`",
    ),
}
_ENVIRONMENT_TEXTS = ("account", "region", "bucket", "permissions_boundary")
_FLEET_KEYS = ("targets", "waves")
# The embedded AWS is what it is; only how it is used may be said.
_LOCAL_KEYS = ("controller", "events", "github", *_FLEET_KEYS)
_ENVIRONMENT_KEYS = (*_ENVIRONMENT_TEXTS, "kms", "stack", *_LOCAL_KEYS)
IN_PROCESS, STEP_FUNCTIONS = CONTROLLERS = ("in-process", "step-functions")
OWN_STACK = "service"  # each service its own
STACK = re.compile(r"(?!environment\Z)[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")
_STACK_RULE = f"up to 40 of a-z, 0-9 and -, a letter first; `{OWN_STACK}` is each service its own"


@dataclass(frozen=True)
class Environment:
    """An account, an endpoint, a region, a bucket, and how its metrics and leases run.

    `kms`: a key of its own encrypts the bucket. `stack`: of every service whose manifest names none, None = as the
    project says. `permissions_boundary`: the policy that limits every role of a service, by its name or its ARN.
    `controller`: who walks a release on. `emf_lag_s`: how late metrics are that a function prints (EMF). AWS states no
    bound: they go through CloudWatch Logs, which mostly takes a few seconds, and what is later is looked at again.
    `events`: the bus that is told what becomes of releases, by its name or ARN. `github`: the repository where each
    commit's deployment status is kept, `github_secret`: the secret that has a token for it, None where only a process
    with GITHUB_TOKEN keeps it. `role`: assumed before anything is asked of AWS. A target of a fleet is an environment,
    too: it knows its `fleet` and what it is called there.
    """

    name: str
    account: str
    region: str
    bucket: str
    endpoint: str | None = None
    credentials: tuple[str, str] | None = None
    period_s: int = 60
    lag_s: int = 120
    lease_s: int = 60
    tick_s: float = 15.0
    emf_lag_s: int = 10
    embedded: bool = False
    kms: bool = False
    stack: str | None = None
    permissions_boundary: str | None = None
    controller: str = IN_PROCESS
    events: str | None = None
    github: str | None = None
    github_secret: str | None = None
    role: str | None = None
    fleet: str | None = None
    target: str | None = None


def environments(
    node: Node | None, project: str, problems: list[Problem], fleets: list[Fleet] | None = None
) -> tuple[Environment, ...]:
    """The declared environments; `local` is among them where something is said of it.

    Of one with targets its members are; the fleet they make is added to `fleets`.
    """
    if node is None:
        return ()
    if node.mapping is None:
        problems.append(node.mark.problem(f"environments: must be a mapping of names, not {node.shown()}"))
        return ()
    found: dict[str, Environment] = {}
    for name, child in node.mapping.items():
        made = _environment(name, child, node.keys[name], project, problems)
        members: tuple[Environment, ...] = (made,) if made is not None else ()
        if made is not None and any(key in (child.mapping or {}) for key in _FLEET_KEYS):
            members = _fleet(made, child, project, problems, [] if fleets is None else fleets)
        for one in members:
            if one.name in found:
                what = f"environments: `{one.name}` is declared, and is a target of a fleet, too"
                problems.append(node.keys[name].problem(what, "call one of them otherwise"))
            found.setdefault(one.name, one)
    return tuple(found.values())


def _fleet(
    like: Environment, node: Node, project: str, problems: list[Problem], fleets: list[Fleet]
) -> tuple[Environment, ...]:
    from pipeline.manifest.fleets import read

    fleet, members = read(node, like, project, problems)
    if fleet is not None:
        fleets.append(fleet)
    return (like, *members) if like.name == LOCAL else members


def _environment(name: str, node: Node, key: Mark, project: str, problems: list[Problem]) -> Environment | None:
    path = f"environments.{name}: "
    if not NAME.match(name):
        problems.append(key.problem(f"environments: `{name}` is not an environment's name", NAME_RULE))
        return None
    if node.mapping is None:
        problems.append(node.mark.problem(f"{path}must be a mapping with account and region, not {node.shown()}"))
        return None
    if name == LOCAL:
        return _local(node, project, path, problems)
    unknown_keys(node, _ENVIRONMENT_KEYS, path, problems)
    many = any(key in node.mapping for key in _FLEET_KEYS)
    problems.extend(
        node.keys[field].problem(f"{path}`{field}` is said of each of its `targets`")
        for field in ("account", "region", "bucket")
        if many and field in node.keys
    )
    account = text(node, "account", problems, path=path, required=not many) or ""
    region = text(node, "region", problems, path=path, required=not many) or ""
    bucket = text(node, "bucket", problems, path=path) or f"crabwalk-{project}-{name}-{account}"
    for field in _ENVIRONMENT_TEXTS:
        check_form(node, field, path, problems)
    kms = node.mapping.get("kms")
    if kms is not None and not isinstance(kms.value, bool):
        problems.append(kms.mark.problem(f"{path}kms: must be true or false, not {kms.shown()}"))
    stack = stack_named(node, path, problems)
    boundary = text(node, "permissions_boundary", problems, path=path)
    own_key = kms is not None and kms.value is True
    return Environment(
        name,
        account,
        region,
        bucket,
        kms=own_key,
        stack=stack,
        permissions_boundary=boundary,
        **_said_of_all(node, path, problems),
    )


def embedded(project: str) -> Environment:
    """`local`, the embedded AWS, where nothing is said of it; what knows where it runs adds its endpoint."""
    return Environment(
        name=LOCAL,
        account="000000000000",
        region="us-east-1",
        bucket=f"crabwalk-{project}-{LOCAL}",
        credentials=("test", "test"),
        period_s=1,
        lag_s=1,
        lease_s=8,
        tick_s=0.5,
        emf_lag_s=1,
        embedded=True,
    )


def _local(node: Node, project: str, path: str, problems: list[Problem]) -> Environment:
    for key, mark in node.keys.items():
        if key not in _LOCAL_KEYS:
            what = f"{path}`{key}` cannot be said of the embedded AWS"
            problems.append(mark.problem(what, f"it has {', '.join(f'`{one}`' for one in _LOCAL_KEYS)}"))
    return replace(embedded(project), **_said_of_all(node, path, problems))


def _said_of_all(node: Node, path: str, problems: list[Problem]) -> dict[str, Any]:
    """The keys that the embedded AWS takes too."""
    return {
        "controller": _controller(node, path, problems),
        "events": _events(node, path, problems),
        **_github(node, path, problems),
    }


def _controller(node: Node, path: str, problems: list[Problem]) -> str:
    said = text(node, "controller", problems, path=path)
    if said is None or said in CONTROLLERS:
        return said or IN_PROCESS
    what = f"{path}controller: `{said}` is not possible"
    problems.append((node.mapping or {})["controller"].mark.problem(what, nearest(said, CONTROLLERS)))
    return IN_PROCESS


def _events(node: Node, path: str, problems: list[Problem]) -> str | None:
    said = text(node, "events", problems, path=path)
    if said is not None:
        check_form(node, "events", path, problems)
    return said


def _github(node: Node, path: str, problems: list[Problem]) -> dict[str, str | None]:
    side, path = (node.mapping or {}).get("github"), f"{path}github: "
    if side is None:
        return {}
    if side.mapping is None:
        problems.append(side.mark.problem(f"{path}must be a mapping with repository, not {side.shown()}"))
        return {}
    unknown_keys(side, ("repository", "token"), path, problems)
    repository = text(side, "repository", problems, path=path, required=True)
    token = text(side, "token", problems, path=path)
    check_form(side, "repository", path, problems)
    if token and not FORMS["token"][0].match(token):  # which may be the token itself: it is shown nowhere
        _, what, rule = FORMS["token"]
        problems.append(side.mapping["token"].mark.problem(f"{path}token: it is not {what}", rule))
    return {"github": repository, "github_secret": token}


def stack_named(node: Node, path: str, problems: list[Problem]) -> str | None:
    """The stack that is named, None where none is, and for one that cannot be."""
    said = text(node, "stack", problems, path=path)
    if said is None or STACK.match(said):
        return said
    what = f"{path}stack: `{said}` cannot be the name of a stack"
    rule = "the environment's own state has it" if said == "environment" else _STACK_RULE
    problems.append((node.mapping or {})["stack"].mark.problem(what, rule))
    return None


def check_form(node: Node, key: str, path: str, problems: list[Problem]) -> None:
    """Adds a problem for a value that does not have the form such a key's values have."""
    form, what, rule = FORMS[key]
    child = (node.mapping or {}).get(key)
    if child is not None and isinstance(child.value, str) and child.value and not form.match(child.value):
        problems.append(child.mark.problem(f"{path}{key}: `{child.value}` is not {what}", rule))
