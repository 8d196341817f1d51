from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import edge_kit
import pytest
import verb_kit

from pipeline import aws, local
from pipeline.aws import client, probing
from pipeline.cli import VERBS, run
from pipeline.doctor import ROLES, needs
from pipeline.doctor import aws as at_aws
from pipeline.doctor.rights import rights
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import load_project

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
AUTHOR = ("-c", "user.name=n", "-c", "user.email=n@example.com")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A project in git with one service; the embedded AWS is up where a test asks for it."""
    if "embedded" not in request.fixturenames:
        monkeypatch.setenv("CRABWALK_LOCAL_DIR", str(tmp_path / "down"))
    folder = tmp_path / "project"
    verb_kit.place(folder, "ward").events(hello={})
    for words in (("init", "-q"), ("add", "-A"), (*AUTHOR, "commit", "-qm", "one")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    for name in ("GITHUB_ACTIONS", "CI", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return folder


@pytest.fixture
def fresh() -> Iterator[None]:
    """Clients made anew: credentials change between these tests, as they do not within a process."""

    def forget() -> None:
        aws._client.cache_clear()
        aws._session.cache_clear()

    forget()
    yield
    forget()


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the findings by their subjects."""
    code = run(["doctor", "--output", "json", *arguments])
    out, err = capsys.readouterr()
    assert SECRET not in out + err
    said = json.loads(out)
    assert said["ok"] == (code == 0)
    for one in said["findings"]:
        assert one["needed"], one
        assert one["fix"] or one["status"] != "missing", one
    return code, {one["subject"]: one for one in said["findings"]}


def test_everything_this_machine_needs_is_here(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, seen = found(capsys)
    assert code == 0
    tools = {name: one["status"] for name, one in seen.items() if one["part"] == "tools"}
    assert {"python", "git", "cargo-lambda", "terraform", "provider", "embedded AWS"} <= tools.keys()
    assert tools["aarch64-unknown-linux-musl"] in {"ok", "unsure"}
    assert seen["manifests"]["found"] == f"1 manifest in {root}"


def test_what_people_read(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "services/hello/service.yaml").write_text("crabwalk: 1\nname: hello\nmemori: 3\n")
    monkeypatch.setattr("platform.python_version", lambda: "3.13.1")
    monkeypatch.setattr("sys.executable", "/usr/bin/python3")
    assert run(["doctor", "--verb", "rollback"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "tools",
        "  ok      python: 3.13.1 at /usr/bin/python3",
        "project",
        "  MISSING manifests: 1 problem in the manifests",
        "          needed: a crabwalk.yaml and valid manifests",
        "          fix: crabwalk check",
        "environment",
        "  -       AWS: no --env, and the embedded AWS is down",
        "1 missing: manifests",
    ]


def test_a_machine_with_nothing_on_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(root / "none"))
    monkeypatch.setattr("pipeline.build.toolchain._directories", lambda: ())
    monkeypatch.setattr("sys.executable", str(root / "none" / "python"))
    monkeypatch.setattr("pipeline.infra.binary._launcher", lambda _: None)
    monkeypatch.setattr("pipeline.doctor.tools.find_spec", lambda _: None)
    code, seen = found(capsys)
    assert code == 1
    lacking = {name: one["fix"] for name, one in seen.items() if one["status"] == "missing"}
    assert lacking["git"].startswith("install git")
    assert "rustup target add aarch64-unknown-linux-musl" in lacking["aarch64-unknown-linux-musl"]
    assert "install Terraform or OpenTofu 1.10" in lacking["terraform"]
    assert seen["embedded AWS"]["fix"] == "pip install 'crabwalk[local]'"
    assert "git repository" in lacking


@pytest.mark.parametrize(
    ("program", "says"),
    [("git", "git version 1.8.3"), ("terraform", '{"terraform_version": "1.5.7"}')],
)
def test_old_versions(
    root: Path,
    program: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = root.parent / "bin" / program
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")
    monkeypatch.setenv("TERRAFORM", "terraform")
    code, seen = found(capsys)
    assert (code, seen[program]["status"]) == (1, "missing")


@pytest.mark.usefixtures("root")
def test_the_embedded_aws_is_down(capsys: pytest.CaptureFixture[str]) -> None:
    code, seen = found(capsys, "--env", "local", "--role", "read")
    assert (code, seen["embedded AWS"]["fix"]) == (1, "crabwalk local up")


def test_outside_of_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, seen = found(capsys, "--env", "staging", "--role", "read")
    assert (code, seen["project file"]["fix"]) == (1, "crabwalk init")
    assert seen["AWS"]["found"] == "there is no project"


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("fault", [PermissionError(13, "Permission denied", "/somewhere"), ValueError("odd bytes")])
def test_what_goes_wrong_while_it_looks_is_a_finding(
    fault: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr("pipeline.doctor.tools.find_binary", fail)
    code, seen = found(capsys)
    assert (code, seen["terraform"]["status"]) == (0, "unsure")
    assert seen["terraform"]["found"].startswith("it cannot be looked at: ")
    assert seen["git repository"]["status"] == "ok", "the rest is looked at"


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--env", "stagin"], "no environment `stagin` in crabwalk.yaml"),
        (["--verb", "new"], "`new` needs nothing that is looked for by verb"),
        (["--verb", "plan", "--role", "read"], "`plan` is a verb of the role plan, not of read"),
    ],
)
def test_what_cannot_be_asked(arguments: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", *arguments]) == 2
    assert f"error: {said}" in capsys.readouterr().err


def test_every_verb_it_knows_is_one() -> None:
    assert needs.VERBS.keys() <= VERBS.keys()
    assert set(needs.VERBS.values()) <= set(ROLES) == needs.TOOLS.keys() - {None}


@pytest.mark.parametrize("shape", ["none", "empty", "shallow"])
def test_a_repository_nothing_can_be_released_from(
    root: Path, shape: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if shape == "shallow":
        subprocess.run(["git", *AUTHOR, "commit", "-q", "--allow-empty", "-m", "two"], cwd=root, check=True)
        place = root.parent / "clone"
        subprocess.run(["git", "clone", "-q", "--depth", "1", root.as_uri(), place], check=True)
    else:
        place = root.parent / "bare"
        verb_kit.place(place, "ward").events(hello={})
        if shape == "empty":
            subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    monkeypatch.chdir(place)
    code, seen = found(capsys, "--role", "build")
    fix = {"none": "git init", "empty": "git add --all", "shallow": "git fetch --unshallow"}[shape]
    assert code == 1
    assert seen["git repository"]["fix"].startswith(fix)
    assert found(capsys, "--role", "rollback")[0] == 0, "a rollback needs no commit"


@pytest.mark.usefixtures("root", "fresh")
def test_no_credentials_in_a_job_of_github(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "ACTIONS_ID_TOKEN_REQUEST_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    code, seen = found(capsys, "--env", "staging", "--role", "read")
    assert code == 1
    assert "no AWS credentials were found" in seen["credentials"]["found"]
    assert seen["OIDC token"]["fix"].startswith("permissions: {id-token: write")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "https://example.com")
    assert "configure-aws-credentials" in found(capsys, "--env", "staging", "--role", "read")[1]["OIDC token"]["fix"]


@pytest.mark.usefixtures("root")
def test_the_embedded_aws(embedded: local.Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert embedded.endpoint
    code, seen = found(capsys, "--env", "local")
    assert (code, seen["bucket"]["fix"]) == (1, "crabwalk bootstrap local")
    assert (seen["credentials"]["status"], seen["clock"]["status"]) == ("ok", "ok")
    assert (seen["roles"]["status"], seen["all"]["status"]) == ("skipped", "skipped")
    assert seen["qemu"]["status"] == "ok", "hello is arm64 here, which this machine emulates"


def test_what_releases_are_told_with(
    root: Path, embedded: local.Running, namespace: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    path = root / "crabwalk.yaml"
    said = f"local: {{events: {namespace}, github: {{repository: acme/shop, token: {namespace}}}}}, "
    path.write_text(path.read_text().replace("environments: {", f"environments: {{{said}"))
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    _, seen = found(capsys, "--env", "local")
    names = ("event bus", "GitHub's token")
    assert {name: seen[name]["found"] for name in names} == {
        "event bus": f"there is no {namespace}",
        "GitHub's token": f"there is no secret {namespace}",
    }
    edge_kit.client(embedded, "events").create_event_bus(Name=namespace)
    edge_kit.client(embedded, "secretsmanager").create_secret(Name=namespace, SecretString=SECRET)
    _, seen = found(capsys, "--env", "local")
    assert [seen[name]["status"] for name in names] == ["ok", "ok"]
    assert seen["GitHub's token"]["found"] == f"in the secret {namespace}"
    monkeypatch.setenv("GITHUB_TOKEN", SECRET)
    assert found(capsys, "--env", "local")[1]["GitHub's token"]["found"] == "GITHUB_TOKEN of this process"


def test_the_bus_is_among_the_rights_of_who_moves_traffic(account: Environment, root: Path) -> None:
    project, telling = load_project(root), replace(account, events="releases")
    bus = "arn:aws:events:us-east-1:000000000000:event-bus/releases"
    asked = {role: [one.resource for one in rights(project, telling, role) if "bus" in one.use] for role in ROLES}
    assert asked == {"plan": [], "build": [], "deploy": [bus], "rollback": [bus], "read": []}


@pytest.fixture
def account(root: Path, embedded: local.Running, monkeypatch: pytest.MonkeyPatch, fresh: None) -> Environment:  # noqa: ARG001
    """`staging`, in an account behind the embedded AWS's endpoint, which enforces nothing but simulates."""
    text = (
        (root / "crabwalk.yaml").read_text().replace("111122223333", "000000000000").replace("eu-west-1", "us-east-1")
    )
    (root / "crabwalk.yaml").write_text(text)
    for name, value in {
        "ACCESS_KEY_ID": "test",
        "SECRET_ACCESS_KEY": SECRET,
        "ENDPOINT_URL": embedded.endpoint,
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return load_project(root).environments[0]


def test_what_a_role_may_do_is_simulated(
    account: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client(account, "s3").create_bucket(Bucket=account.bucket)
    name, iam = "github-ward-staging-rollback", client(account, "iam")
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}
    # Without the path below which the real one lies: the emulator's simulation does not find it there.
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    granted = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "lambda:GetAlias"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": granted, "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
    arn = iam.get_role(RoleName=name)["Role"]["Arn"]
    session = client(account, "sts").assume_role(RoleArn=arn, RoleSessionName="job")["Credentials"]
    for variable, key in {"ACCESS_KEY_ID": "AccessKeyId", "SESSION_TOKEN": "SessionToken"}.items():
        monkeypatch.setenv(f"AWS_{variable}", session[key])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", session["SecretAccessKey"])
    aws._client.cache_clear()
    aws._session.cache_clear()
    code, seen = found(capsys, "--env", "staging")
    assert name in seen["credentials"]["found"]
    assert seen["bucket"]["status"] == "ok"
    assert seen["roles"]["fix"] == "crabwalk bootstrap staging --github ORG/REPO"
    permissions = {subject: one for subject, one in seen.items() if one["part"] == "permissions"}
    assert {one["how"] for one in permissions.values()} == {"simulated by IAM"}
    assert {subject: one["status"] for subject, one in permissions.items()} == {
        "list the bucket": "ok",
        "read the ledger": "ok",
        "move traffic": "missing",
        "write the ledger": "ok",
    }
    assert permissions["move traffic"]["found"] == "denied: lambda:UpdateAlias"
    assert code == 1


def test_where_nobody_may_simulate_reads_are_tried(
    account: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise AwsError("could not simulate: AccessDenied")

    monkeypatch.setattr(probing, "simulate", refuse)
    who = probing.Caller("000000000000", "arn:aws:iam::000000000000:user/ann", 400.0)
    monkeypatch.setattr(probing, "caller", lambda _: who)
    code, seen = found(capsys, "--env", "staging", "--role", "read")
    how = {subject: (one["status"], one["how"]) for subject, one in seen.items() if one["part"] == "permissions"}
    assert set(how.values()) == {("ok", "tried by a read")}
    assert (code, seen["clock"]["found"]) == (1, "400 s behind")
    how = {
        subject: one["how"]
        for subject, one in found(capsys, "--env", "staging", "--role", "rollback")[1].items()
        if one["part"] == "permissions"
    }
    assert how == {
        "list the bucket": "tried by a read",
        "read the ledger": "tried by a read",
        "move traffic": "not asked",
        "write the ledger": "not asked",
    }
    assert account.name == "staging"


def test_another_account(
    account: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    who = probing.Caller("999988887777", "arn:aws:iam::999988887777:user/ann", 0.0)
    monkeypatch.setattr(probing, "caller", lambda _: who)
    code, seen = found(capsys, "--env", account.name, "--role", "read")
    assert (code, seen["credentials"]["status"]) == (1, "missing")
    assert "account 999988887777" in seen["credentials"]["found"]
    assert "bucket" not in seen, "in an account that is not meant nothing more is asked"


@pytest.mark.parametrize(
    ("who", "source"),
    [
        ("iam::000000000000:user/team/ann", "iam::000000000000:user/team/ann"),
        ("sts::000000000000:assumed-role/admin/ann", "iam::000000000000:role/admin"),
        (
            "sts::000000000000:assumed-role/github-ward-staging-read/job",
            "iam::000000000000:role/crabwalk/github-ward-staging-read",
        ),
        ("sts::000000000000:federated-user/ann", None),
    ],
)
def test_whom_iam_simulates(
    account: Environment, who: str, source: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AwsError("could not look for the caller's role: AccessDenied")

    monkeypatch.setattr(probing, "client", refuse)
    found = probing.principal(account, f"arn:aws:{who}", at_aws.role_arns(load_project(Path.cwd()), account))
    assert found == (f"arn:aws:{source}" if source else None)


def test_the_role_of_a_job_is_known_by_its_name(account: Environment, root: Path) -> None:
    project = load_project(root)
    session = "arn:aws:sts::000000000000:assumed-role/github-ward-staging-{}/job"
    assert [at_aws.role_of(session.format(role), project, account) for role in ROLES] == list(ROLES)
    assert at_aws.role_of("arn:aws:iam::000000000000:user/ann", project, account) == "deploy"
    assert all(rights(project, account, role) for role in ROLES)
