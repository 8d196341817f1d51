"""The safety net with nobody's controller alive: real Terraform makes it, real failures of a real alias ring it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bus_kit
import edge_kit as kit
import engine_kit
import pytest
from engine_kit import World, rollout_of, until
from shop_kit import PATIENCE_S, Shop

from pipeline import local
from pipeline.aws import client, subprocess_environment
from pipeline.aws.alarms import Alarms
from pipeline.aws.functions import AliasMoved, AliasState
from pipeline.infra import provider
from pipeline.infra.binary import find_binary
from pipeline.infra.root import LOCK
from pipeline.release.decide.standing import head_of
from pipeline.release.ledger.head import Head, fresh_nonce, trusted
from pipeline.release.rollback.record import Note, record_rollback
from pipeline.release.rollback.rollback import roll_back
from pipeline.release.walk.walk import tick

MODULES = Path(__file__).parents[2] / "modules"
BUS = "undone"
BUS_ARN = f"arn:aws:events:us-east-1:000000000000:event-bus/{BUS}"
FAILS_AS_2 = """
def handle(event, arn):
    if VERSION == "2" and event.get("real"):
        raise ValueError("version 2 is bad")
    return {"version": VERSION}
def after(event): pass
"""


@dataclass
class Net:
    """A function with versions 1 (good) and 2 (fails), its alias, and the module's resources around them."""

    world: World
    directory: Path
    variables: dict[str, str]
    machine: str = ""
    alarm: str = ""

    def terraform(self, *arguments: str) -> tuple[int, str]:
        run = subprocess.run(
            [find_binary(os.environ), *arguments, "-no-color"],
            cwd=self.directory,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return run.returncode, run.stdout + run.stderr

    def describe(self, head: Head | str) -> AliasState:
        """Put the alias where this head says, or to version 1 with this text."""
        found = head if isinstance(head, Head) else None
        return self.world.meddle(
            found.primary if found else "1", dict(found.weights) if found else {"2": 0.5}, Description=str(head)
        )

    def executions(self) -> set[str]:
        """Every time the state machine was started."""
        found = client(self.world.env, "stepfunctions").list_executions(stateMachineArn=self.machine)["executions"]
        return {one["executionArn"] for one in found}

    def ended(self, execution: str) -> Any:
        """An execution, once it is over."""
        machines = client(self.world.env, "stepfunctions")
        until(lambda: machines.describe_execution(executionArn=execution)["status"] != "RUNNING")
        return machines.describe_execution(executionArn=execution)

    def said(self, execution: str) -> dict[str, Any]:
        """What an execution that came to an end says."""
        ended = self.ended(execution)
        assert ended["status"] == "SUCCEEDED", ended
        return dict(json.loads(ended["output"]))

    def start(self) -> str:
        """Start the state machine by hand."""
        machines = client(self.world.env, "stepfunctions")
        return str(machines.start_execution(stateMachineArn=self.machine)["executionArn"])

    def quiet(self) -> None:
        """Wait until the alarm has nothing to say: only a change of its state starts anything."""
        metrics = client(self.world.env, "cloudwatch")

        def state() -> str:
            return str(metrics.describe_alarms(AlarmNames=[self.alarm])["MetricAlarms"][0]["StateValue"])

        until(lambda: state() == "OK")

    @contextmanager
    def traffic(self) -> Iterator[None]:
        """Requests through the alias from four clients, until the block ends."""
        over = threading.Event()

        def call() -> None:
            while not over.is_set():
                kit.invoke(self.world.raw, self.world.function, {"real": True}, Qualifier="live")

        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(call) for _ in range(4)]
            try:
                yield
            finally:
                over.set()
        for one in calls:
            one.result()

    def rings(self) -> dict[str, Any]:
        """Send traffic until the state machine has run once more; what it said."""
        self.quiet()
        before = self.executions()
        with self.traffic():
            until(lambda: self.executions() - before)
            return self.said((self.executions() - before).pop())


@pytest.fixture(scope="module")
def net(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    name = "safety-net"
    raw = kit.client(embedded, "lambda")
    kit.create(raw, name, kit.package(FAILS_AS_2))
    raw.publish_version(FunctionName=name)
    raw.update_function_code(FunctionName=name, ZipFile=kit.package(FAILS_AS_2, salt="second"))
    kit.settle(raw, name)
    raw.publish_version(FunctionName=name)
    raw.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    arn = raw.get_function_configuration(FunctionName=name)["FunctionArn"]
    world = World(engine_kit.environment(embedded), name, raw, name)

    directory = tmp_path_factory.mktemp("net")
    shutil.copytree(MODULES / "rollback-net", directory / "rollback-net", ignore=shutil.ignore_patterns(".terraform*"))
    shutil.copy(MODULES / LOCK, directory / LOCK)
    call = {
        "source": "./rollback-net",
        "function_name": name,
        "function_arn": arn,
        "period_s": 1,
        "min_requests": 5,
        "bad_periods": 1,
        "periods": 2,
        "tags": {"team": "crabs"},
        "event": {"bus_arn": BUS_ARN, "project": "shop", "environment": "local", "service": name},
    }
    output = {one: {"value": f"${{module.net.{one}}}"} for one in ("alarm_name", "state_machine_arn")}
    (directory / "main.tf.json").write_text(json.dumps({"module": {"net": call}, "output": output}))
    made = Net(
        world,
        directory,
        provider.configure(subprocess_environment(world.env), directory, (MODULES / LOCK).read_bytes()),
    )
    with provider.alone(made.variables):
        code, said = made.terraform("init", "-input=false", "-lockfile=readonly")
    assert code == 0, said
    code, said = made.terraform("apply", "-input=false", "-auto-approve")
    assert code == 0, said
    outputs = json.loads(made.terraform("output", "-json")[1])
    made.machine, made.alarm = outputs["state_machine_arn"]["value"], outputs["alarm_name"]["value"]
    yield made
    client(world.env, "cloudwatch").delete_alarms(AlarmNames=[made.alarm])  # the rest rests


def walking(world: World) -> Head:
    """The head of a release of version 2 at half of the traffic."""
    return head_of(replace(world.rollout, phase="walking", step=1, stable="1", candidate="2"), 1, fresh_nonce())


def test_terraform_has_nothing_more_to_do(net: Net) -> None:
    code, said = net.terraform("plan", "-input=false", "-detailed-exitcode")
    assert code == 0, said


def test_a_walk_whose_controller_died_is_ended_and_the_next_controller_records_it(
    net: Net, embedded: local.Running
) -> None:
    world = net.world
    record = world.walking(1)  # recorded, at 50 %; and nobody ticks
    with bus_kit.hearing(embedded, BUS) as bus:
        said = net.rings()
        (told,) = bus.events(1)
    assert (said["undone"], said["why"]) == (True, "version 2 loses its share, version 1 has all traffic")
    assert said["alarm"] == net.alarm
    alias = world.alias()
    assert (alias.version, dict(alias.weights)) == ("1", {})
    head = trusted(alias)
    assert head is not None
    assert (head.state, head.release, head.origin) == ("back", rollout_of(world).release_id, "2")
    detail = told["detail"]
    assert (detail["id"], detail["cause"]) == (f"{head.release}/rollback/{head.nonce}", "safety net")
    assert (detail["version"], detail["stable"], detail["commit"]) == ("2", "1", head.commit)
    assert detail["sentence"] == f"{said['why']} (alarm {net.alarm})"

    with world.lease() as lease:
        (over,) = tick(world.engine, [world.walk(record, lease)])
    assert over.decision is not None
    assert over.decision.kind == "undone"
    assert rollout_of(world).phase == "rolled-back"
    assert world.alias() == alias, "what the safety net wrote stays"
    (entry,) = world.engine.ledger.history(world.service, 5)
    assert (entry.outcome, entry.candidate) == ("rolled-back", "2")


def test_what_was_promoted_goes_back_within_its_time_and_the_rollback_verb_records_it(net: Net) -> None:
    world = net.world
    live = Head(
        "live", "20261121T200000-abc123", "2", None, 0.0, "1", None, fresh_nonce(), until=int(time.time()) + 600
    )
    net.describe(live)
    said = net.rings()
    assert (said["undone"], said["why"]) == (True, "version 1 has all traffic, version 2 has none")
    head = trusted(world.alias())
    assert head is not None
    assert (head.state, head.primary, head.origin, head.previous, head.until) == ("back", "1", "2", None, None)

    done = roll_back(world.engine.functions, world.function, "live", None)
    assert done.plan.target is None
    note = Note(
        service=world.service,
        environment="local",
        function=world.function,
        head=done.after.description,
        moved=False,
        sentence=done.plan.sentence,
        actor="on-call",
        claimed_actor=None,
        reason="",
        at=time.time(),
    )
    assert record_rollback(world.engine.ledger, note, pause=lambda _: None).written
    entry = world.engine.ledger.history(world.service, 1)[0]
    assert (entry.kind, entry.stable, entry.candidate) == ("rollback", "1", "2")
    assert (entry.actor, entry.reason) == ("unknown", "safety net")
    assert world.record().frozen is None, "no person did it"


@pytest.mark.parametrize("of", ["a promotion whose time is over", "somebody else", "weights nobody described"])
def test_nothing_is_written_that_is_not_ours_to_undo(net: Net, of: str) -> None:
    live = Head("live", "20261121T200000-abc123", "2", None, 0.0, "1", None, fresh_nonce(), until=int(time.time()) - 1)
    before = net.describe({"a promotion whose time is over": live}.get(of, "moved by hand"))
    if of == "weights nobody described":
        before = net.world.meddle("1", {"2": 0.6}, Description=str(walking(net.world)))
    said = net.said(net.start())
    assert (said["undone"], said["alarm"]) == (False, "started by hand")
    assert said["why"].startswith(
        {
            "a promotion whose time is over": "the time in which version 2 may be undone ended at ",
            "somebody else": "the alias's description is not crabwalk's",
            "weights nobody described": "the alias's description does not agree with its traffic",
        }[of]
    )
    assert net.world.alias() == before


def test_it_reads_again_when_somebody_was_faster(net: Net) -> None:
    functions, machines = net.world.engine.functions, client(net.world.env, "stepfunctions")
    net.describe(walking(net.world))
    execution = net.start()

    def lost() -> bool:
        events = machines.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return any(event["type"] == "TaskFailed" for event in events)

    deadline = time.monotonic() + PATIENCE_S
    while not lost():  # a controller that fences without a pause, until it was faster once
        assert time.monotonic() < deadline
        for _ in range(5):
            alias = net.world.alias()
            if (head := trusted(alias)) is None or head.state != "walk":
                net.describe(walking(net.world))
                execution = net.start()
                break
            with suppress(AliasMoved):
                functions.write_alias(alias, head.primary, head.weights, str(replace(head, nonce=fresh_nonce())))
    said = net.said(execution)
    assert said["undone"] is True
    assert said["attempts"] > 1
    head = trusted(net.world.alias())
    assert head is not None
    assert (head.state, head.primary, head.origin) == ("back", "1", "2")


def test_what_cannot_be_written_is_tried_for_a_while_and_then_fails_for_all_to_see(net: Net) -> None:
    live = Head(
        "live", "20261121T200000-abc123", "2", None, 0.0, "9", None, fresh_nonce(), until=int(time.time()) + 600
    )
    before = net.describe(live)
    with no_waits(net.world):
        ended = net.ended(net.start())
    assert (ended["status"], ended["error"]) == ("FAILED", "NotUndone")
    assert ended["cause"].startswith(
        "the alias could not be written in 20 attempts; the last one: Lambda.ResourceNotFound"
    )
    assert net.world.alias() == before


@contextmanager
def no_waits(world: World) -> Iterator[None]:
    """Let the embedded Step Functions wait for nothing."""

    def scale(factor: str) -> None:
        settings = json.dumps({"stepfunctions._SFN_WAIT_SCALE": factor}).encode()
        urllib.request.urlopen(f"{world.env.endpoint}/_ministack/config", settings).read()  # noqa: S310

    scale("0")
    try:
        yield
    finally:
        scale("1")


MANIFEST = "services/hello/service.yaml"


def caught(shop: Shop, subject: str) -> str:
    """Declare a safety net for what the repository has now, and commit it."""
    shop.replace(MANIFEST, "release: {steps", "release: {safety_net: {over: 1 %, at_least: 20}, steps")
    return shop.commit(subject)


@pytest.mark.usefixtures("traffic")
def test_a_declared_net_catches_a_killed_deploy_and_a_release_that_nobody_watches_any_more(shop: Shop) -> None:
    stable = shop.alias()["FunctionVersion"]
    alarm = f"{shop.function()}-live-net"
    shop.break_hello()
    caught(shop, "hello: refuse some names, with a net")
    verb = shop.start("deploy", "--env", "local", "--retry")
    candidate = shop.until_walking(verb)
    assert verb.signal(signal.SIGKILL).code == -signal.SIGKILL

    until(lambda: shop.weights() == {})
    left = shop.status()
    assert (left["state"], left["traffic"]) == ("rolled-back", {stable: 1.0})
    assert left["doing"].endswith(" was rolled back, its end is not recorded yet")
    done = shop.deploy()
    assert done.code == 3, done.said
    entry = shop.history()[0]
    assert (entry["kind"], entry["outcome"], entry["candidate"]) == ("release", "rolled-back", candidate)

    shop.break_hello("")  # all at once: nobody compares it with anything
    caught(shop, "hello: refuse some names, all at once")
    alone = shop.deploy("--retry")
    assert alone.code == 0, alone.said
    bad = shop.history()[0]["candidate"]
    until(lambda: shop.alias()["FunctionVersion"] == stable)
    after = shop.status()
    assert (after["state"], after["traffic"]) == ("rolled-back", {stable: 1.0})
    stays = shop.deploy()
    assert stays.code == 0, stays.said
    assert shop.alias()["FunctionVersion"] == stable, "what the net took back is not tried again"
    recorded = shop.crabwalk("rollback", "hello", "--output", "json")
    assert (recorded.code, recorded.json["changed"], recorded.json["recorded"]) == (0, False, True)
    assert (shop.history()[0]["kind"], shop.history()[0]["candidate"]) == ("rollback", bad)

    shop.change("")
    gone = shop.deploy("--retry")
    assert gone.code == 0, gone.said
    assert Alarms(shop.env).states([alarm]) == {alarm: "missing"}
