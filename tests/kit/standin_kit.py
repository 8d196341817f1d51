"""Stand-ins for the actions the workflows use from elsewhere: each knows its inputs, and refuses any other.

The inputs are those of each action's own action.yml at the commit that is pinned.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fake_deny import FakeDeny
from job_kit import Job

REPOSITORY = Path(__file__).parents[2]
Outcome = tuple[str, str, Mapping[str, str]]
PINNED = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})")
# Each action at its pinned commit, with those of its inputs that the workflows may use.
INPUTS: Mapping[str, tuple[str, frozenset[str]]] = {
    name: (commit, frozenset(inputs.split()))
    for name, commit, inputs in (
        ("actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "fetch-depth persist-credentials"),
        ("actions/setup-python", "5fda3b95a4ea91299a34e894583c3862153e4b97", "python-version"),
        (
            "astral-sh/setup-uv",
            "20cfd1bf945f4377ade1205e4dbc17946fc9a30d",
            "version python-version activate-environment venv-path no-project enable-cache",
        ),
        (
            "aws-actions/configure-aws-credentials",
            "e6de054238d6b7531b4efff3b6587d9aade6a06c",
            "role-to-assume aws-region role-session-name allowed-account-ids unset-current-credentials",
        ),
        (
            "hashicorp/setup-terraform",
            "dfe3c3f87815947d99a8997f908cb6525fc44e9e",
            "terraform_version terraform_wrapper",
        ),
        ("Swatinem/rust-cache", "6323deb102c322ba6fcbdcafc7e3dddab59af2b6", "key"),
        ("taiki-e/install-action", "ba47c86ac325773530516bb756137ac718732518", "tool"),
        ("actions/attest", "1e69f48acb82d1966a394da916b4c1698aa569d6", "subject-path"),
        (
            "actions/upload-artifact",
            "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
            "name path if-no-files-found retention-days",
        ),
        (
            "actions/download-artifact",
            "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
            "pattern merge-multiple path",
        ),
    )
}

# What `uv pip install` is allowed to be: from the lock file, the checkout itself, or a release by its number.
_UV = """#!{python}
import os, re, stat, sys
from pathlib import Path
words = sys.argv[1:]
assert words[:3] == ["pip", "install", "--quiet"], words
what = words[3:]
if what[:1] == ["--require-hashes"]:
    assert "--hash=sha256:" in Path(what[2]).read_text(), what
    sys.exit()
own = what == ["--no-deps", "--no-build-isolation", "."] and Path("pyproject.toml").is_file()
assert own or (len(what) == 1 and re.fullmatch(r"crabwalk==\\d+\\.\\d+\\.\\d+", what[0])), what
home = Path(os.environ["VIRTUAL_ENV"]) / "bin"
for name in ("crabwalk", "cargo-lambda", "python", "python3"):
    made = home / name
    made.write_text('#!/bin/sh\\nexec "{bin}/%s" "$@"\\n' % name)
    made.chmod(0o755)
"""
_RUSTUP = """#!{python}
import re, sys
words = sys.argv[1:]
assert words[:1] == ["default"] or words[:2] == ["toolchain", "install"], words
assert any(re.fullmatch(r"1\\.\\d+\\.\\d+", word) for word in words), words
"""


def checkout(job: Job, given: Mapping[str, str]) -> Outcome:
    job.world.may(job, "contents", "read")
    assert given.get("persist-credentials") == "false", "the token does not stay in the checkout"
    sha, origin = job.contexts["github"]["sha"], f"file://{job.world.root}"
    depth = given.get("fetch-depth", "1")
    how = () if depth == "0" else ("--depth", depth)
    every = ("+refs/heads/*:refs/remotes/origin/*",) if depth == "0" else ()
    for words in (
        ("init", "--quiet", "."),
        ("remote", "add", "origin", origin),
        ("fetch", "--quiet", *how, "origin", sha, *every),
        ("checkout", "--quiet", "--detach", sha),
    ):
        subprocess.run(("git", *words), cwd=job.workspace, check=True, capture_output=True, env=_git())
    return "success", f"{sha}, depth {depth}", {}


def setup_python(job: Job, given: Mapping[str, str]) -> Outcome:
    assert re.fullmatch(r"3\.\d+", given["python-version"])
    job.path.insert(0, str(Path(sys.executable).parent))
    return "success", "", {}


def setup_uv(job: Job, given: Mapping[str, str]) -> Outcome:
    assert given["activate-environment"] == "true"
    home = Path(given["venv-path"])
    assert home.is_relative_to(job.temp)
    tool(home / "bin" / "uv", _UV)
    job.environ["VIRTUAL_ENV"] = str(home)
    job.path.insert(0, str(home / "bin"))
    tool(home / "bin" / "rustup", _RUSTUP)  # the runner's image has one
    return "success", f"uv {given['version']}", {}


def credentials(job: Job, given: Mapping[str, str]) -> Outcome:
    """STS: the token's subject against the role's trust, as modules/github-oidc has it."""
    job.world.may(job, "id-token", "write")
    found = re.fullmatch(r"arn:aws:iam::(\d{12}):role/crabwalk/github-([\w-]+)-(\w+)", given["role-to-assume"])
    assert found, given["role-to-assume"]
    assert given["allowed-account-ids"] == found[1]
    github, role = job.contexts["github"], found[3]
    if job.environment:
        kind = "in_environment"
        assert found[2].endswith(f"-{job.environment}"), f"{job.environment} does not trust {given['role-to-assume']}"
    else:
        kind = "pull_request" if github["event_name"] == "pull_request" else "on_refs"
    assert kind != "on_refs" or github["ref"] == "refs/heads/main"
    if kind not in trusts()[role]:
        return "failure", f"Not authorized to perform sts:AssumeRoleWithWebIdentity: {kind} for {role}", {}
    job.world.roles.append((job.contexts["github"]["workflow"], job.name, role))
    job.environ |= job.world.aws | {"AWS_REGION": given["aws-region"], "AWS_DEFAULT_REGION": given["aws-region"]}
    return "success", given["role-to-assume"], {}


def trusts() -> Mapping[str, set[str]]:
    """Which kinds of subject each role trusts, from the module itself."""
    text = (REPOSITORY / "modules/github-oidc/trust.tf").read_text()
    rows = re.findall(r"^    (\w+) += (.+)$", text.partition("jobs = {")[2].partition("\n  }")[0], re.MULTILINE)
    return {name: set(re.findall(r"pull_request|on_refs|in_environment", said)) for name, said in rows}


def terraform(_: Job, given: Mapping[str, str]) -> Outcome:
    assert given["terraform_wrapper"] == "false", "the wrapper does not pass signals on"
    assert re.fullmatch(r"1\.\d+\.\d+", given["terraform_version"])
    return "success", f"terraform {given['terraform_version']}", {}


def install(job: Job, given: Mapping[str, str]) -> Outcome:
    assert re.fullmatch(r"cargo-deny@\d+\.\d+\.\d+", given["tool"])
    folder = job.temp / "deny"
    if not folder.is_dir():
        FakeDeny(folder)
    job.path.insert(0, str(folder))
    return "success", given["tool"], {}


def cache(job: Job, given: Mapping[str, str]) -> Outcome:
    assert job.permissions.get("id-token") != "write", "who signs or has credentials reads no cache"
    return "success", str(given), {}


def attest(job: Job, given: Mapping[str, str]) -> Outcome:
    job.world.may(job, "id-token", "write")
    job.world.may(job, "attestations", "write")
    pattern = Path(given["subject-path"])
    found = sorted(pattern.parent.glob(pattern.name))
    if not found:
        return "failure", f"Could not find subject at path {pattern}", {}
    job.world.attested |= {hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    return "success", "\n".join(path.name for path in found), {}


def upload(job: Job, given: Mapping[str, str]) -> Outcome:
    source = Path(given["path"])
    if not source.is_dir() or not any(source.rglob("*")):
        return "failure", f"No files were found with the provided path: {source}", {}
    kept = job.world.artifacts / job.contexts["github"]["run_id"] / given["name"]
    assert not kept.exists(), "a name is taken once a run"
    shutil.copytree(source, kept)
    return "success", given["name"], {}


def download(job: Job, given: Mapping[str, str]) -> Outcome:
    assert given["merge-multiple"] == "true"
    found = sorted((job.world.artifacts / job.contexts["github"]["run_id"]).glob(given["pattern"]))
    for one in found:
        shutil.copytree(one, given["path"], dirs_exist_ok=True)
    return "success", "\n".join(one.name for one in found), {}


def tool(path: Path, program: str) -> None:
    """A program in the job's own folder of programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(program.format(python=sys.executable, bin=Path(sys.executable).parent))
    path.chmod(0o755)


def _git() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


STAND_INS: Mapping[str, Callable[[Job, Mapping[str, str]], Outcome]] = {
    "actions/checkout": checkout,
    "actions/setup-python": setup_python,
    "astral-sh/setup-uv": setup_uv,
    "aws-actions/configure-aws-credentials": credentials,
    "hashicorp/setup-terraform": terraform,
    "Swatinem/rust-cache": cache,
    "taiki-e/install-action": install,
    "actions/attest": attest,
    "actions/upload-artifact": upload,
    "actions/download-artifact": download,
}


def stand_in(job: Job, uses: str, given: Mapping[str, Any]) -> Outcome:
    """Do what this action does, at its pinned commit, with inputs it has."""
    found = PINNED.fullmatch(uses)
    assert found, f"not pinned by its commit: {uses}"
    name, commit = found["name"], found["commit"]
    assert name in INPUTS, f"no stand-in for {uses}"
    pinned, inputs = INPUTS[name]
    assert commit == pinned, f"{name} is pinned to {commit}, the stand-in is for {pinned}"
    assert set(given) <= inputs, f"{name} has no input {sorted(set(given) - inputs)}"
    return STAND_INS[name](job, given)
