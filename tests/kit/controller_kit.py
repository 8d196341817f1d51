"""The controller as Terraform makes it on the embedded AWS, and walks that are given to it; nobody's process walks."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import edge_kit as kit
import release_kit as values
from calls_kit import Asked
from engine_kit import until

from pipeline import local
from pipeline.aws import client, subprocess_environment
from pipeline.controller.bundle import bundle
from pipeline.controller.start import Given, Installed, give
from pipeline.infra import provider
from pipeline.infra.binary import find_binary
from pipeline.infra.root import LOCK
from pipeline.manifest.environments import Environment
from pipeline.release.ledger.lease import Holder, Lease, holder
from pipeline.release.ledger.records import ServiceRecord
from pipeline.release.model import ALIAS, Rollout, StepSpec, new_release_id
from pipeline.release.terms import OrderKind
from pipeline.release.verbs.handover import hand_over
from pipeline.release.verbs.steering import Asker, ask
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk

MODULES = Path(__file__).parents[2] / "modules"
LONG = (StepSpec(0.1, 3600), StepSpec(0.5, 3600))  # nothing happens in it by itself
ANNA = Asker("arn:aws:iam::000000000000:user/anna", None, "I looked at it")
PATIENT, BRIEF = "patient", "brief"
# `brief`: goes on as another execution after two or three looks, and gives up after the second that fails in a row.
# `patient`: may tell this topic and this bus, and read this secret.
ARN = "arn:aws:{}:us-east-1:000000000000:{}"
TOLD = "ground-told"
TOPIC, SECRET = ARN.format("sns", TOLD), "ground-token"
WIDER = {
    "topic_arns": [TOPIC],
    "event_bus_arns": [ARN.format("events", f"event-bus/{TOLD}")],
    "secret_arns": [ARN.format("secretsmanager", f"secret:{SECRET}-??????")],
}
CALLS: Mapping[str, Mapping[str, Any]] = {PATIENT: WIDER, BRIEF: {"max_events": 20, "max_failures": 1, "repeats": 0}}


def _asked(resource: str, arguments: Mapping[str, Any]) -> Asked:
    """What IAM is asked for a task: https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html"""
    task = resource.partition(":states:::")[2]
    if task == "lambda:invoke":
        return Asked("lambda:InvokeFunction", arguments["FunctionName"])
    if task == "aws-sdk:sfn:startExecution":
        return Asked("states:StartExecution", arguments["StateMachineArn"])
    assert task == "sqs:sendMessage", task
    return Asked("sqs:SendMessage", ARN.format("sqs", arguments["QueueUrl"].rpartition("/")[2]))


@dataclass
class Ground:
    """An environment with its own bucket, and two controllers."""

    env: Environment
    raw: Any
    machines: Mapping[str, Installed]

    @property
    def engine(self) -> Engine:
        """As any process would have it."""
        return Engine(self.env)

    def walk(self, service: str, steps: tuple[StepSpec, ...] = LONG, **changes: Any) -> Walk:
        """A service with two versions, its release begun here and in its first step, under a lease."""
        kit.two_versions(self.raw, service)
        self.raw.create_alias(FunctionName=service, Name=ALIAS, FunctionVersion="1")
        return self.begun(service, steps, **changes)

    def begun(self, service: str, steps: tuple[StepSpec, ...] = LONG, **changes: Any) -> Walk:
        engine = self.engine
        lease = Lease(engine.objects, service, ttl_s=self.env.lease_s, doing="a deploy").acquire(lambda _: None)
        now = engine.now()
        fresh = replace(values.FRESH, service=service, function=service, started=now, steps=steps, deadline_s=7200)
        rollout = replace(fresh, release_id=new_release_id(now), timeout_s=1, min_requests=20, **changes)
        record = engine.begin(engine.ledger.service(service), rollout)
        assert record.rollout is not None
        (walk,) = hand_over(engine, [Walk(record, record.rollout, lease)], lambda _: None)
        return walk

    def given(self, *walks: Walk, to: str = PATIENT) -> Given:
        """Hand these on; the first's answer."""
        done = give(self.engine, self.machines[to], walks)
        assert not [one.fault for one in done if one.fault]
        return done[0]

    def record(self, service: str) -> ServiceRecord:
        return self.engine.ledger.service(service)

    def rollout(self, service: str) -> Rollout:
        found = self.record(service).rollout
        assert found is not None
        return found

    def lease(self, service: str) -> Holder:
        found = holder(self.engine.objects, service)
        assert found is not None
        return found

    def asks(self, kind: OrderKind, service: str) -> None:
        """A person's word, that nobody but its controller carries out."""
        ask(self.engine, kind, [service], ANNA)

    def ends(self, service: str, phase: str = "promoted") -> Rollout:
        """Wait until its release is over."""
        until(lambda: self.rollout(service).over)
        found = self.rollout(service)
        assert found.phase == phase, found
        return found

    def execution(self, arn: str) -> dict[str, Any]:
        """An execution as it stands."""
        return dict(client(self.env, "stepfunctions").describe_execution(executionArn=arn))

    def over(self, arn: str) -> dict[str, Any]:
        """An execution, once it is over."""
        until(lambda: self.execution(arn)["status"] != "RUNNING")
        return self.execution(arn)

    def looks(self, arn: str) -> int:
        """How many looks an execution has made."""
        pages = client(self.env, "stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [one for page in pages for one in page["events"]]
        return len([one for one in events if one["type"] == "TaskSucceeded"])

    def asked(self, arn: str) -> set[Asked]:
        """What an execution asked of AWS, as its history has it; the function's own calls are not among it."""
        states, found = client(self.env, "stepfunctions"), self.execution(arn)
        machine = found["stateMachineArn"]
        definition = json.loads(states.describe_state_machine(stateMachineArn=machine)["definition"])
        pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
        entered = {
            one["stateEnteredEventDetails"]["name"]
            for page in pages
            for one in page["events"]
            if one["type"] == "TaskStateEntered"
        }
        known = {
            "{% $job.function %}": json.loads(found["input"])["function"],
            "{% $states.context.StateMachine.Id %}": machine,
        }
        tasks = [definition["States"][name] for name in entered]
        return {
            _asked(one["Resource"], {name: known.get(str(said), said) for name, said in one["Arguments"].items()})
            for one in tasks
        }

    def looked(self, arn: str, more: int = 2) -> None:
        """Wait until it has made so many more."""
        before = self.looks(arn)
        until(lambda: self.looks(arn) >= before + more)


@contextmanager
def ground(running: local.Running, directory: Path) -> Iterator[Ground]:
    """Two controllers, made by Terraform in one root."""
    bucket = "controller-ground"
    raw = kit.client(running, "lambda")
    kit.client(running, "s3").create_bucket(Bucket=bucket)
    kit.client(running, "s3").put_object(Bucket=bucket, Key="controller/one.zip", Body=bundle().body)
    env = Environment(
        "local",
        "000000000000",
        "us-east-1",
        bucket,
        running.endpoint,
        credentials=("test", "test"),
        period_s=1,
        lag_s=1,
        lease_s=2,
        tick_s=0.5,
        embedded=True,
    )
    variables = provider.configure(subprocess_environment(env), directory, (MODULES / LOCK).read_bytes())
    module = "canary-controller"
    shutil.copytree(MODULES / module, directory / module, ignore=shutil.ignore_patterns(".terraform*", "tests"))
    shutil.copy(MODULES / LOCK, directory / LOCK)
    call = {
        "source": f"./{module}",
        "package_bucket": bucket,
        "package_key": "controller/one.zip",
        "bucket": bucket,
        "functions": ["arn:aws:lambda:us-east-1:000000000000:function:t*"],  # as a test's namespace begins
        "max_pause_s": 1,
    }
    root = {
        "module": {name: {**call, "name": f"ground-{name}", **more} for name, more in CALLS.items()},
        "output": {name: {"value": f"${{module.{name}}}"} for name in CALLS},
    }
    (directory / "main.tf.json").write_text(json.dumps(root))

    def terraform(*arguments: str) -> str:
        command = [find_binary(os.environ), *arguments, "-no-color"]
        run = subprocess.run(command, cwd=directory, env=variables, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    with provider.alone(variables):
        terraform("init", "-input=false", "-lockfile=readonly")
    terraform("apply", "-input=false", "-auto-approve")
    outputs = json.loads(terraform("output", "-json"))
    made = {
        name: Installed(one["value"]["state_machine_arn"], one["value"]["function_version_arn"], "", "test")
        for name, one in outputs.items()
    }
    yield Ground(env, raw, made)


def packed(files: Mapping[str, str]) -> bytes:
    """The controller's package with other files, beside its own or instead of them."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle().body)) as own, zipfile.ZipFile(made, "w") as archive:
        for name in own.namelist():
            if name not in files:
                archive.writestr(name, own.read(name))
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


def published(ground: Ground, machine: Installed, code: bytes, **settings: Any) -> Installed:
    """The same controller with another version of its function, as a redeployment of it would make."""
    name = machine.function.split(":")[6]
    if settings:
        ground.raw.update_function_configuration(FunctionName=name, **settings)
        kit.settle(ground.raw, name)
    ground.raw.update_function_code(FunctionName=name, ZipFile=code)
    kit.settle(ground.raw, name)
    version = ground.raw.publish_version(FunctionName=name)["Version"]
    return replace(machine, function=f"{machine.function.rpartition(':')[0]}:{version}")


# A handler that is killed in every second look of its life: in the first after one call of AWS, then after two, three …
DYING_EACH = """
import os, signal
from botocore.client import BaseClient
from pipeline.controller.handler import handler as real

FOLDER = {folder!r}
send, left = BaseClient._make_api_call, [0]

def asked(client, operation, params):
    answer = send(client, operation, params)
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

BaseClient._make_api_call = asked

def handler(event, context=None):
    number = len(os.listdir(FOLDER))
    open(os.path.join(FOLDER, str(number)), "w").close()
    left[0] = 0 if number % 2 else 1 + number // 2 % 6
    return real(event, context)
"""
