"""The files of a new repository that are written for it. Text only."""

from __future__ import annotations

from pipeline.manifest.project import FORMAT

IGNORED = """\
# What builds and deploys leave here; nothing of it is needed to deploy the commit again.
target/
.crabwalk/
"""


def project_file(project: str) -> str:
    """crabwalk.yaml, with the environments as a comment to fill in."""
    return f"""\
# yaml-language-server: $schema=./crabwalk.schema.json
crabwalk: {FORMAT}
project: {project}
# Where releases go. `local`, the embedded AWS, needs no declaration; then `crabwalk bootstrap staging`.
# environments:
#   staging: {{account: "111122223333", region: eu-west-1}}
#   production: {{account: "444455556666", region: eu-west-1}}
"""


def readme(project: str, ci: str) -> str:
    """README.md: what lies where, and the commands of a day."""
    return f"""\
# {project}

Rust services on AWS Lambda, released by [crabwalk](https://pypi.org/project/crabwalk/).

    pip install 'crabwalk[local]'
    crabwalk new hello --kind http      # a service: code, tests, manifest
    crabwalk check                      # are all manifests valid?
    crabwalk local up                   # an AWS on this machine's loopback
    crabwalk bootstrap local
    crabwalk deploy --env local         # what the last commit affects
    crabwalk status --env local
    crabwalk rollback hello --env local

| path | what |
|---|---|
| `crabwalk.yaml` | the project: its name and its environments |
| `services/NAME/` | a service: `service.yaml`, `Cargo.toml`, `src/`, `events/` |
| `rust_shared/` | what the services share: logs, metrics, the way an HTTP service is served |
{_CI[ci]}{_BEFORE_A_MERGE[ci]}"""


_CI = {
    "github": "| `.github/workflows/` | what a pull request and a merge start |\n",
    "gitlab": "| `.gitlab-ci.yml` | what a merge request and a merge start |\n",
    "buildkite": "| `.buildkite/` | what a pull request and a merge start |\n",
    "none": "",
}
_DECLARED = "\nBefore a merge releases anything, declare its environments in `crabwalk.yaml`\nand make them ready"
_BEFORE_A_MERGE = {
    "github": f"{_DECLARED}, with the workflows' roles:\n\n    crabwalk bootstrap staging --github ORG/REPO\n",
    "gitlab": f"{_DECLARED}:\n\n    crabwalk bootstrap staging\n",
    "buildkite": f"{_DECLARED}:\n\n    crabwalk bootstrap staging\n",
    "none": "",
}
