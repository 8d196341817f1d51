"""What can go wrong around Terraform, each with real Terraform on the embedded AWS, and what a person is told.

Most roots here hold only what is built into Terraform, because a process with the AWS provider costs five seconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from faulty_kit import Answer, Asked, Faulty

from pipeline import local
from pipeline.aws.objects import Objects
from pipeline.errors import ConflictError, TerraformError
from pipeline.infra import InfraPlan, Root, apply_infra, locks, plan_infra, stack_directory
from pipeline.infra.events import StalePlanError, StateLockedError
from pipeline.infra.root import LOCK, MAIN, terraform_block
from pipeline.infra.workdir import PLAN
from pipeline.manifest.environments import Environment

MODULES = Path(__file__).parents[2] / "modules"
WAITS = {"terraform_data": {"one": {"input": "1"}, "slow": {"depends_on": ["terraform_data.one"]}}}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.infra.drive.LOCK_TIMEOUT", "0s")
    for name in ("TF_CLI_CONFIG_FILE", "CRABWALK_PROVIDER_MIRROR"):
        monkeypatch.delenv(name, raising=False)


def root_of(env: Environment, stack: str = "web", **more: Any) -> Root:
    """A root of this stack; without the AWS provider unless `more` asks for it."""
    terraform = terraform_block(env, stack)
    main = {"terraform": terraform, **more}
    if "provider" not in more:
        del terraform["required_providers"]
    files = {LOCK: (MODULES / LOCK).read_bytes(), MAIN: json.dumps(main).encode()}
    return Root(stack, files, "fingerprint", {})


class Work:
    """A stack that is planned and applied, and what was said meanwhile."""

    def __init__(self, env: Environment, folder: Path) -> None:
        self.env, self.folder = env, folder
        self.said: list[str] = []

    def directory(self, stack: str = "web") -> Path:
        return stack_directory(self.folder, self.env, stack)

    def plan(self, **more: Any) -> InfraPlan:
        root = root_of(self.env, **more)
        return plan_infra(root, self.env, self.directory(root.stack), self.said.append)

    def apply(self, plan: InfraPlan) -> None:
        apply_infra(plan, self.env, self.said.append)

    def behind(self, faulty: Faulty) -> Work:
        """The same where AWS answers as a test wants it."""
        return Work(replace(self.env, endpoint=faulty.endpoint), self.folder)


@pytest.fixture
def work(env: Environment, tmp_path: Path) -> Work:
    return Work(env, tmp_path)


def denied(code: str, message: str = "no", status: int = 403) -> Answer:
    return Answer(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>", "application/xml")


# before anything is done


def test_a_provider_that_cannot_be_had(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "cli.tfrc"
    (tmp_path / "empty").mkdir()
    config.write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{tmp_path}/empty"\n  }}\n  direct {{\n'
        '    exclude = ["registry.terraform.io/hashicorp/aws", "registry.opentofu.org/hashicorp/aws"]\n  }\n}\n'
    )
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(config))
    with pytest.raises(TerraformError, match=r"(?s)terraform init failed: .*hashicorp/aws") as caught:
        work.plan(provider={"aws": {"region": "us-east-1"}})
    assert caught.value.hint == (
        "the provider's registry cannot be reached; CRABWALK_PROVIDER_MIRROR=DIR names a filesystem mirror to use"
    )


def test_a_bucket_that_is_not_there(work: Work) -> None:
    nowhere = Work(replace(work.env, bucket="there-is-none-of-this-name"), work.folder)
    with pytest.raises(TerraformError, match="does not exist") as caught:
        nowhere.plan(resource=WAITS)
    assert caught.value.hint == "crabwalk bootstrap ENVIRONMENT creates the bucket"


def test_a_state_that_may_not_be_read(work: Work, embedded: local.Running) -> None:
    faulty = Faulty(embedded, lambda one: denied("AccessDenied") if ".tfstate" in one.path else None)
    with faulty, pytest.raises(TerraformError, match="StatusCode: 403") as caught:
        work.behind(faulty).plan(resource=WAITS)
    assert caught.value.hint == "the role that deploys lacks this permission"


def test_a_module_that_is_gone(work: Work) -> None:
    with pytest.raises(TerraformError, match="terraform init failed: ") as caught:
        work.plan(module={"gone": {"source": "./modules/gone"}})
    assert "Unreadable module directory" in caught.value.what
    assert caught.value.hint == (
        "a module's source cannot be read: look at `source` in the service's infra/*.tf, and whether it is still there"
    )


# somebody else


def held(env: Environment, **told: str) -> None:
    lock = {"ID": "4fbb", "Operation": "OperationTypeApply", "Who": "ci@runner-7", "Created": "2026-11-21T13:00:01Z"}
    Objects(env).put(locks.lock_key("web"), json.dumps({**lock, **told}).encode())


def test_a_lock_that_is_held_says_by_whom_and_what_frees_it(work: Work) -> None:
    held(work.env)
    with pytest.raises(StateLockedError) as caught:
        work.plan(resource=WAITS)
    assert caught.value.what.startswith("the state is locked: ci@runner-7 runs Apply since 2026-11-21")
    assert caught.value.what.endswith("(lock 4fbb)")
    assert caught.value.hint == (
        "wait for it to end; if its process is dead, `crabwalk unlock web --env local` frees it"
    )
    lock = locks.held(Objects(work.env), "web")
    assert lock is not None
    found = locks.looked_at(Objects(work.env), lock, [work.directory()])
    assert (found.dead, found.why) == (False, "it was taken on `runner-7`, which cannot be looked at from here")


def test_a_lock_that_changed_hands_is_not_freed(work: Work) -> None:
    held(work.env)
    lock = locks.held(Objects(work.env), "web")
    assert lock is not None
    held(work.env, ID="another")
    with pytest.raises(ConflictError, match="not the one any more"):
        locks.free(Objects(work.env), lock)
    assert locks.locked(Objects(work.env)) == ("web",)


def test_a_plan_of_another_terraform_is_not_applied(work: Work) -> None:
    plan = work.plan(resource={"terraform_data": {"one": {"input": "1"}}})
    saved = plan.directory / PLAN
    with zipfile.ZipFile(saved) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    version = json.loads(subprocess.run([binary(), "version", "-json"], capture_output=True, check=True).stdout)
    here = version["terraform_version"].encode()
    other = here[:-1] + (b"0" if here[-1:] != b"0" else b"9")
    assert here in parts["tfplan"]
    with zipfile.ZipFile(saved, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content.replace(here, other) if name == "tfplan" else content)
    from hashlib import sha256

    with pytest.raises(StalePlanError, match=r"plan file was created by .*Terraform") as caught:
        work.apply(replace(plan, plan_sha256=sha256(saved.read_bytes()).hexdigest()))
    assert caught.value.hint == "plan again: the same command makes a new plan"


def binary() -> str:
    from pipeline.infra.binary import find_binary

    return find_binary(os.environ)


# in the middle


def slow(seconds: int = 60) -> dict[str, Any]:
    provisioner = [{"local-exec": {"command": f"sleep {seconds}"}}]
    return {
        "terraform_data": {
            **WAITS["terraform_data"],
            "slow": {**WAITS["terraform_data"]["slow"], "provisioner": provisioner},
        }
    }


def test_a_terraform_that_was_killed_leaves_a_lock_that_unlock_proves_dead(work: Work) -> None:
    plan = work.plan(resource=slow())
    there, failed = threading.Event(), []

    def said(text: str) -> None:
        if text.startswith("terraform_data.one created"):
            there.set()

    def apply() -> None:
        try:
            apply_infra(plan, work.env, said)
        except TerraformError as error:
            failed.append(error)

    thread = threading.Thread(target=apply)
    thread.start()
    assert there.wait(30)
    (run,) = locks.own_runs(work.directory())
    lock = locks.held(Objects(work.env), "web")
    assert lock is not None
    verdict = locks.looked_at(Objects(work.env), lock, [work.directory()])
    assert (verdict.dead, verdict.why) == (False, f"process {run.pid} (terraform apply) is alive and ends by itself")
    os.killpg(run.pid, signal.SIGKILL)
    thread.join(30)
    assert failed[0].what.startswith("terraform apply was ended by signal 9")
    assert failed[0].hint == (
        "crabwalk unlock web --env local tells whether it left the lock of its state, and frees it"
    )

    with pytest.raises(StateLockedError, match=r"the state is locked: .* runs Apply since ") as caught:
        work.plan(resource=slow())
    assert "`crabwalk unlock web --env local` frees it" in str(caught.value.hint)
    lock = locks.held(Objects(work.env), "web")
    assert lock is not None
    verdict = locks.looked_at(Objects(work.env), lock, [work.directory()])
    assert (verdict.dead, verdict.why) == (True, f"process {run.pid} (terraform apply) on this machine is gone")
    locks.free(Objects(work.env), lock)
    assert work.plan(resource=WAITS).pending
    assert locks.own_runs(work.directory()) == ()


def test_a_killed_crabwalk_leaves_its_terraform_to_its_end(work: Work) -> None:
    """Nobody reads what Terraform says any more, and yet it saves the state and gives its lock back."""
    plan = work.plan(resource=slow(2))
    program = f"""
import pickle, sys
from pipeline.infra import apply_infra
plan, env = pickle.loads(bytes.fromhex({_pickled(plan, work.env)!r}))
apply_infra(plan, env, lambda text: print(text, flush=True))
"""
    ours = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert ours.stdout is not None
    assert any(line.startswith("terraform_data.one created") for line in ours.stdout)
    ours.kill()
    ours.communicate()
    (run,) = locks.own_runs(work.directory())
    deadline = time.monotonic() + 120
    while locks.alive(run):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert locks.held(Objects(work.env), "web") is None
    assert not work.plan(resource=slow(2)).pending, "all of it is in the state"


def _pickled(*values: object) -> str:
    import pickle

    return pickle.dumps(values).hex()


def test_a_state_that_cannot_be_saved_is_saved_by_the_next_run(work: Work, embedded: local.Running) -> None:
    """Credentials that run out in the middle: what was made is in a file here, and nothing is made twice."""

    def expired(one: Asked) -> Answer | None:
        saves = one.method == "PUT" and one.path.split("?")[0].endswith(".tfstate")
        return denied("ExpiredToken", "The provided token has expired.", 400) if saves else None

    plan = work.plan(resource=WAITS)
    with Faulty(embedded, expired) as faulty, pytest.raises(TerraformError, match="ExpiredToken") as caught:
        work.behind(faulty).apply(plan)
    assert "2 changes were carried out before it" in caught.value.what
    assert "but the state could not be saved" in caught.value.what
    assert caught.value.hint == (
        "the credentials have expired: sign in again; then run the same command again, in this directory: "
        "it saves it first"
    )
    assert not work.plan(resource=WAITS).pending, "nothing is left to do"
    assert not (work.directory() / "errored.tfstate").exists()


# with the AWS provider


PROVIDER = {"aws": {"region": "us-east-1"}}


@pytest.mark.exhaustive
def test_credentials_that_run_out_in_the_middle_of_an_apply(
    work: Work, embedded: local.Running, namespace: str
) -> None:
    queues = {
        "first": {"name": f"{namespace}-first"},
        "second": {"name": f"{namespace}-second", "depends_on": ["aws_sqs_queue.first"]},
    }
    plan = work.plan(resource={"aws_sqs_queue": queues}, provider=PROVIDER)

    def expired(one: Asked) -> Answer | None:
        if one.target == "AmazonSQS.CreateQueue" and b"-second" in one.body:
            told = {"__type": "ExpiredTokenException", "message": "The security token in the request is expired"}
            return Answer(403, json.dumps(told), "application/x-amz-json-1.0")
        return None

    faulty = Faulty(embedded, expired)
    with faulty, pytest.raises(TerraformError, match="ExpiredToken") as caught:
        work.behind(faulty).apply(plan)
    assert "1 change was carried out before it (aws_sqs_queue.first); the state is saved" in caught.value.what
    assert caught.value.hint == (
        "the credentials have expired: sign in again; then run the same command again: it goes on from there"
    )
    left = work.plan(resource={"aws_sqs_queue": queues}, provider=PROVIDER)
    assert [(one.action, one.address) for one in left.changes] == [("create", "aws_sqs_queue.second")]
