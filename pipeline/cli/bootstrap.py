"""`crabwalk bootstrap`: what an environment needs before anything can be deployed to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, output_option

if TYPE_CHECKING:
    from pipeline.infra.roles import GitHub, Roles

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}\Z")
_NUMBER = re.compile(r"[0-9]{1,20}\Z")
_REF = re.compile(r"refs/(?:heads|tags)/[A-Za-z0-9._/-]+\Z")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")
_FOR = {
    "plan": "plan, drift: pull requests and {refs}",
    "build": "build: {refs}",
    "deploy": "deploy, promote, abort: jobs of the GitHub environment `{environment}`",
    "rollback": "rollback: jobs of the GitHub environment `{environment}`",
    "read": "status, history, watch, logs: {refs}",
}


@click.command()
@click.argument("environment")
@click.option("--github", metavar="ORG/REPO", help="Make the roles for the workflows of this repository, too.")
@click.option(
    "--github-org-id", metavar="ID", help="The organisation's number; `gh api repos/ORG/REPO --jq .owner.id`."
)
@click.option("--github-repo-id", metavar="ID", help="The repository's number; `gh api repos/ORG/REPO --jq .id`.")
@click.option("--github-environment", metavar="NAME", help="Whose jobs may deploy. Default: ENVIRONMENT.")
@click.option(
    "--github-ref", "refs", multiple=True, metavar="REF", help="Whose jobs may build. Default: refs/heads/main."
)
@output_option
def command(
    environment: str,
    *,
    github: str | None,
    github_org_id: str | None,
    github_repo_id: str | None,
    github_environment: str | None,
    refs: tuple[str, ...],
    output: str,
) -> int:
    """Create ENVIRONMENT's one bucket (artifacts, Terraform state, the ledger), by Terraform. Safe to repeat.

    Where the project file says `controller: step-functions`, also the state machine and the function that walk
    releases with nobody's process. With --github also the roles of a repository's workflows: plan, build, deploy,
    rollback, read.
    """
    from pipeline import carried
    from pipeline.aws.identity import whoami
    from pipeline.controller.start import wanted
    from pipeline.infra import bootstrap, provide_controller, provide_roles

    asked = _asked(
        github,
        owner_id=github_org_id,
        repository_id=github_repo_id,
        environment=github_environment,
        refs=refs,
        default=environment,
    )
    here = Here(environment, json=output == "json")
    modules = carried.modules(here.project.root)
    whoami(here.env)
    with here.console.group(f"bootstrap {here.env.name}"):
        bootstrap(here.project, here.env, modules, here.console.progress)
        roles = provide_roles(here.project, here.env, modules, asked, here.console.progress)
        made = None
        if wanted(here.env):
            made = provide_controller(here.project, here.env, modules, _topics(here), here.console.progress)
    if output == "json":
        here.console.json(
            {
                "environment": here.env.name,
                "account": here.env.account,
                "region": here.env.region,
                "bucket": here.env.bucket,
                "roles": dict(roles.arns) if roles else {},
                "controller": made.machine if made else None,
            }
        )
    elif roles:
        _show(here, roles)
    return 0


def _topics(here: Here) -> tuple[str, ...]:
    """The SNS topics that the services' manifests name, which the controller may publish to."""
    from pipeline.release.walk.declared import notify_of

    told = [notify_of(one) for service in here.services for one in service.release.notify]
    return tuple(one.target for one in told if one.kind == "sns")


def _asked(
    repository: str | None,
    *,
    owner_id: str | None,
    repository_id: str | None,
    environment: str | None,
    refs: tuple[str, ...],
    default: str,
) -> GitHub | None:
    """What the options say, or None without them; UsageError for what cannot be. `default`: the environment's name."""
    from pipeline.errors import UsageError
    from pipeline.infra.roles import GitHub

    if repository is None:
        if owner_id or repository_id or environment or refs:
            raise UsageError("which repository?", hint="--github ORG/REPO")
        return None
    if (owner_id is None) != (repository_id is None):
        hint = f"gh api repos/{repository} --jq '.owner.id, .id'"
        raise UsageError("--github-org-id and --github-repo-id are given together or not at all", hint=hint)
    environment = environment or default
    for option, value, form, rule in (
        ("--github", repository, _REPOSITORY, "ORG/REPO in GitHub's own spelling"),
        ("--github-org-id", owner_id, _NUMBER, "a number"),
        ("--github-repo-id", repository_id, _NUMBER, "a number"),
        ("--github-environment", environment, _ENVIRONMENT, "letters, digits, dots, underscores and hyphens"),
        *(("--github-ref", ref, _REF, "in full, such as refs/heads/main, without a wildcard") for ref in refs),
    ):
        if value is not None and not form.match(value):
            raise UsageError(f"{option}: `{value}` is not possible", hint=rule)
    return GitHub(repository, environment, owner_id, repository_id, refs or ("refs/heads/main",))


def _show(here: Here, roles: Roles) -> None:
    """The roles, and what a workflow says to take one."""
    from pipeline.infra.names import own_boundary
    from pipeline.manifest.project import PROJECT_FILE

    github = roles.github
    said = {"refs": ", ".join(github.refs), "environment": github.environment}
    rows = [(name, arn, _FOR[name].format(**said)) for name, arn in sorted(roles.arns.items())]
    here.console.table(f"roles of {github.repository} in {here.env.name}", ("role", "role-to-assume", "for"), rows)
    if github.repository_id is None:
        here.console.warn(
            "repositories made after July 2026 name themselves by number in GitHub's token, and would be refused: "
            f"gh api repos/{github.repository} --jq '.owner.id, .id', then --github-org-id and --github-repo-id"
        )
    if here.env.permissions_boundary is None and not here.env.embedded:
        here.console.warn(
            f"the role `deploy` makes no service's role without a permissions boundary; in {PROJECT_FILE}, for "
            f"{here.env.name}: permissions_boundary: {own_boundary(here.project, here.env)}"
        )
    for line in (
        "In the job of a workflow:",
        "  permissions: {id-token: write, contents: read}",
        f"  environment: {github.environment}  # to deploy or to roll back",
        "  steps:",
        "    - uses: aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c  # v6.2.3",
        f"      with: {{role-to-assume: ROLE, aws-region: {here.env.region}}}",
    ):
        here.console.line(line)
