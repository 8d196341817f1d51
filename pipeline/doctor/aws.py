"""What an environment needs at AWS: credentials, clock, bucket, roles, permissions. Asks; changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.doctor import rights
from pipeline.doctor.finding import Finding, missing, ok, skipped, unsure
from pipeline.doctor.needs import ROLES
from pipeline.doctor.telling import telling
from pipeline.errors import AwsError, CrabwalkError
from pipeline.infra.names import github_role

if TYPE_CHECKING:
    from pipeline.aws.probing import Caller
    from pipeline.doctor.rights import Right
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.project import Project

PART = "environment"
SKEW_S = 300.0  # AWS refuses a signature that is older ("Signature Version 4" in the IAM user guide)
SKEW_WARN_S = 60.0


def environment(project: Project, env: Environment, role: str | None) -> Iterator[Finding]:
    """Everything about one environment; stops where the next thing could only fail for the same reason."""
    from pipeline.aws import probing

    needed = f"credentials of account {env.account}"
    try:
        who = probing.caller(env)
    except AwsError as error:
        yield missing(PART, "credentials", error.what, needed, error.hint or "look at the error")
        yield from _clock(probing.clock_of(error))
        yield from _token()
        return
    if who.account != env.account:
        fix = "choose the right profile or role, or correct the account in crabwalk.yaml"
        yield missing(PART, "credentials", f"{who.arn}, which is account {who.account}", needed, fix)
        return
    yield ok(PART, "credentials", who.arn, needed)
    yield from _clock(who.offset_s)
    yield from _bucket(env)
    yield from telling(env)
    yield from _roles(project, env)
    yield from _permissions(project, env, who, role)


def role_of(arn: str, project: Project, env: Environment) -> str:
    """The role whose rights are looked at where nobody named one: that of a job, else what a person deploys with."""
    name = arn.split("/")[1] if "/" in arn else ""
    roles = zip(ROLES, role_arns(project, env), strict=True)
    return next((role for role, its_arn in roles if its_arn.endswith(f"/{name}")), "deploy")


def role_arns(project: Project, env: Environment) -> tuple[str, ...]:
    """Those of the roles that modules/github-oidc makes, whether or not somebody had them made."""
    return tuple(github_role(project, env, role) for role in ROLES)


def _clock(offset_s: float | None) -> Iterator[Finding]:
    needed = f"this machine's clock within {SKEW_S:.0f} s of AWS's"
    if offset_s is None:
        yield unsure(PART, "clock", "AWS did not say what time it is", needed)
    elif abs(offset_s) > SKEW_S:
        word = "behind" if offset_s > 0 else "ahead"
        yield missing(PART, "clock", f"{abs(offset_s):.0f} s {word}", needed, "set the clock: timedatectl set-ntp true")
    elif abs(offset_s) > SKEW_WARN_S:
        yield unsure(PART, "clock", f"{abs(offset_s):.0f} s apart", needed, "set the clock: timedatectl set-ntp true")
    else:
        yield ok(PART, "clock", "it agrees with AWS's", needed)


def _token() -> Iterator[Finding]:
    """Why a job of GitHub's may have no credentials."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    needed = "GitHub's token, by which a job takes a role"
    if os.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"):
        fix = "a step before this one: aws-actions/configure-aws-credentials with `role-to-assume`"
        yield unsure(PART, "OIDC token", "this job may ask for one", needed, fix)
    else:
        fix = "permissions: {id-token: write, contents: read} in the job"
        yield missing(PART, "OIDC token", "this job may not ask for one", needed, fix)


def _bucket(env: Environment) -> Iterator[Finding]:
    from pipeline.aws import probing

    needed, fix = "the environment's bucket", f"crabwalk bootstrap {env.name}"
    try:
        state = probing.bucket(env)
    except AwsError as error:
        yield unsure(PART, "bucket", error.what, needed, error.hint or "")
        return
    if state == "there":
        yield ok(PART, "bucket", env.bucket, needed)
    elif state == "absent":
        yield missing(PART, "bucket", f"there is no {env.bucket}", needed, fix)
    else:
        other = "these credentials may not list it (s3:ListBucket), or another account has a bucket of that name"
        yield missing(
            PART, "bucket", f"{env.bucket} refuses: {other}", needed, "`bucket:` in crabwalk.yaml, or the role"
        )


def _roles(project: Project, env: Environment) -> Iterator[Finding]:
    from pipeline.aws.objects import Objects
    from pipeline.infra.roles import recorded

    needed = "roles for the repository's jobs"
    fix = f"crabwalk bootstrap {env.name} --github ORG/REPO"
    if env.embedded:
        yield skipped(PART, "roles", "the embedded AWS needs none", needed)
        return
    try:
        roles = recorded(Objects(env))
    except CrabwalkError as error:
        yield unsure(PART, "roles", error.what, needed, error.hint or "")
        return
    if roles is None:
        yield unsure(PART, "roles", "none was made, so no workflow can work here", needed, fix)
        return
    yield ok(PART, "roles", f"{', '.join(sorted(roles.arns))} of {roles.github.repository}", needed)
    if roles.github.repository_id is None:
        what = "repositories made after July 2026 name themselves by number in GitHub's token, and would be refused"
        numbers = f"gh api repos/{roles.github.repository} --jq '.owner.id, .id', then --github-org-id/--github-repo-id"
        yield unsure(PART, "OIDC subject", what, "the repository's numbers, if it is so young", f"{fix}: {numbers}")
    if env.permissions_boundary is None:
        from pipeline.infra.names import own_boundary

        line = f"permissions_boundary: {own_boundary(project, env)} in crabwalk.yaml"
        what = "none is named, so the role `deploy` can make no function's role"
        yield unsure(PART, "permissions boundary", what, "the most a service's role can ever do", line)


def _permissions(project: Project, env: Environment, who: Caller, role: str | None) -> Iterator[Finding]:
    from pipeline.aws import probing

    if env.embedded:
        yield skipped(rights.PART, "all", "the embedded AWS enforces no policies", "what the role's verbs do")
        return
    chosen = role or role_of(who.arn, project, env)
    every = rights.rights(project, env, chosen)
    fix = f"use the role `{chosen}`: crabwalk bootstrap {env.name} --github ORG/REPO makes it (docs/bootstrap.md)"
    if who.arn.endswith(":root"):
        yield ok(rights.PART, "all", "the account's root, which may do everything; better use a role", chosen)
        return
    source = probing.principal(env, who.arn, role_arns(project, env))
    found = _simulated(env, source, every, fix) if source is not None else None
    yield from found if found is not None else (_tried(env, right, fix) for right in every)


def _simulated(env: Environment, source: str, every: Sequence[Right], fix: str) -> list[Finding] | None:
    """What IAM says of every right; None where the caller may not ask, as most roles."""
    from pipeline.aws import probing

    try:
        decided = [probing.simulate(env, source, one.actions, one.resource, one.context) for one in every]
    except AwsError:
        return None
    return [rights.judged(one, said, rights.SIMULATED, fix) for one, said in zip(every, decided, strict=True)]


def _tried(env: Environment, right: Right, fix: str) -> Finding:
    from pipeline.aws import probing

    said = {action: probing.try_read(env, action, right.resource) for action in right.actions}
    decided = {action: decision for action, decision in said.items() if decision is not None}
    denied = "denied" in decided.values()
    return (
        rights.judged(right, decided, rights.TRIED, fix)
        if denied or len(decided) == len(said)
        else rights.not_asked(right)
    )
