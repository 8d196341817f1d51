"""`crabwalk prune` on real functions: what it shows is what it does, and what is needed is still there afterwards."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import edge_kit
import pytest
import release_kit as values
import verb_kit

from pipeline import local
from pipeline.aws.functions import Functions
from pipeline.aws.objects import Objects
from pipeline.aws.versions import Versions
from pipeline.cli import run
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import environment, load_project
from pipeline.plans.saved import SavedArtifact, SavedPlan, SavedService, Tools
from pipeline.plans.store import PlanStore
from pipeline.release.ledger.head import Head
from pipeline.release.ledger.lease import Lease
from pipeline.release.ledger.ledger import Ledger
from pipeline.release.ledger.records import Entry, Released
from pipeline.release.verbs.clean import Cleaner
from pipeline.release.walk.act import Engine
from pipeline.release.words import ALIAS

VERSIONS = 4


class Service:
    """`hello` with four promoted versions, the zip of each in the bucket, the newest live."""

    def __init__(self, running: local.Running, root: Path, project: str) -> None:
        self.place = verb_kit.place(root, project)
        self.function = self.place.function
        self.raw = edge_kit.client(running, "lambda")
        self.s3 = edge_kit.client(running, "s3")
        self.env: Environment = environment(load_project(root), "local")
        self.s3.create_bucket(Bucket=self.env.bucket)
        self.ledger = Ledger(Objects(self.env))
        self.zips = [self._version(number) for number in range(1, VERSIONS + 1)]
        self.raw.create_alias(FunctionName=self.function, Name=ALIAS, FunctionVersion="4")
        self.live()
        self.ledger.save(replace(self.ledger.service("hello"), promoted=self._released()))

    def _version(self, number: int) -> str:
        code = edge_kit.package(salt=f"{self.function} {number}")
        if number == 1:
            edge_kit.create(self.raw, self.function, code)
        else:
            self.raw.update_function_code(FunctionName=self.function, ZipFile=code)
            edge_kit.settle(self.raw, self.function)
        made = self.raw.publish_version(FunctionName=self.function)
        sha = base64.b64decode(made["CodeSha256"]).hex()
        self.s3.put_object(Bucket=self.env.bucket, Key=f"artifacts/{sha}.zip", Body=code)
        self.s3.put_object(Bucket=self.env.bucket, Key=f"artifacts/{sha}/sbom-0.json", Body=b"{}")
        self.ledger.append(
            Entry(
                kind="release",
                release_id=f"2026010{number}T030405-abc123",
                service="hello",
                environment="local",
                outcome="promoted",
                stable=str(number - 1),
                candidate=str(number),
                commit=values.COMMIT,
                subject="",
                artifact=sha,
                actor="me",
                claimed_actor=None,
                started=0,
                ended=0,
                reason="",
                sentence="",
            )
        )
        return sha

    def _released(self) -> Released:
        return Released("r", "4", values.COMMIT, self.zips[3], "c", 0.0)

    def live(self, version: str = "4", previous: str = "3") -> None:
        functions = Functions(self.env)
        head = Head("live", "r", version, None, 0.0, previous, None, values.NONCE)
        functions.write_alias(functions.alias(self.function, ALIAS), version, {}, str(head))

    def numbers(self) -> list[str]:
        return [one.number for one in Versions(self.env).published(self.function)]

    def stored(self) -> set[int]:
        """The zips that are there, by their version."""
        keys = set(Objects(self.env).keys("artifacts/"))
        return {number for number, sha in enumerate(self.zips, 1) if f"artifacts/{sha}.zip" in keys}

    def lease(self) -> Lease:
        return Lease(Objects(self.env), "hello", ttl_s=8, doing="deploy").acquire(lambda _: None)


@pytest.fixture
def hello(
    embedded: local.Running, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    monkeypatch.chdir(tmp_path)
    found = Service(embedded, tmp_path, namespace[:20].rstrip("-"))
    yield found
    found.raw.delete_function(FunctionName=found.function)


def prune(*arguments: str) -> int:
    return run(["prune", *arguments, "--env", "local"])


def test_what_it_shows_is_what_it_does(hello: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert prune("hello", "--keep", "1", "--dry-run") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"hello ({hello.function})"
    assert [re.split("  +", line) for line in shown[2:6]] == [
        ["version 1", "would go", "not among the last 1 promoted"],
        ["version 2", "would go", "not among the last 1 promoted"],
        ["version 3", "stays", "`rollback` goes back to it (alias `live`)"],
        ["version 4", "stays", "alias `live` sends it 100 %"],
    ]
    assert sorted(line.split()[1] for line in shown[6:8]) == sorted(sha[:12] for sha in hello.zips[:2])
    assert shown[8] == "hello: 2 of 4 versions would be deleted (0.0 MB), 2 zips"
    assert (hello.numbers(), hello.stored()) == (["1", "2", "3", "4"], {1, 2, 3, 4})

    assert prune("hello", "--keep", "1", "--output", "json") == 0
    (told,) = json.loads(capsys.readouterr().out)["services"]
    assert [one["name"] for one in told["versions"] if not one["keep"]] == ["1", "2"]
    assert (hello.numbers(), hello.stored()) == (["3", "4"], {3, 4})
    evidence = [key for key in Objects(hello.env).keys("artifacts/") if key.endswith("sbom-0.json")]
    assert len(evidence) == VERSIONS, "the history points at it"

    old = "20200101T000000-abcdef"
    Objects(hello.env).put(f"plans/{old}/plan.json", b"{}")
    assert prune("--keep", "1") == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "hello: 0 of 2 versions were deleted (0.0 MB), 0 zips",
        f"saved plan {old}: was deleted, it expired",
    ]
    assert list(Objects(hello.env).keys("plans/")) == []


def test_what_a_saved_plan_needs_stays(hello: Service, capsys: pytest.CaptureFixture[str]) -> None:
    artifact = SavedArtifact(hello.zips[0], "", 1, 1, "x86_64", "", "")
    tools, now = Tools("", "", ""), time.time()
    made = time.strftime("%Y%m%dT%H%M%S-abcdef", time.gmtime(now))
    saved = SavedPlan(
        id=made, created=now, actor="", environment="local", account="", commit="", manifests="", tools=tools,
        only=(), base=None, retry=False, allow_destroy=(), services={"hello": SavedService(artifact, None)},
    )  # fmt: skip
    PlanStore(Objects(hello.env)).save(saved, {})
    assert prune("hello", "--keep", "1", "--output", "json") == 0
    (told,) = json.loads(capsys.readouterr().out)["services"]
    assert [one["why"] for one in told["artifacts"] if one["name"] == hello.zips[0]] == [f"saved plan {made} needs it"]
    assert hello.stored() == {1, 3, 4}
    assert run(["rollback", "hello", "--env", "local"]) == 0
    assert hello.raw.get_alias(FunctionName=hello.function, Name=ALIAS)["FunctionVersion"] == "3"


def test_what_a_terraform_state_names_stays(hello: Service) -> None:
    instance = {"attributes": {"s3_key": f"artifacts/{hello.zips[0]}.zip"}}
    state = {"resources": [{"type": "aws_lambda_function", "instances": [instance]}]}
    Objects(hello.env).put("terraform/hello.tfstate", json.dumps(state).encode())
    assert prune("--keep", "1") == 0
    assert (hello.numbers(), hello.stored()) == (["3", "4"], {1, 3, 4})


def test_a_state_that_cannot_be_read_stops_it(hello: Service, capsys: pytest.CaptureFixture[str]) -> None:
    Objects(hello.env).put("terraform/hello.tfstate", b"<html>")
    assert prune("--keep", "1") == 1
    assert "a Terraform state in s3://" in capsys.readouterr().err
    assert (hello.numbers(), hello.stored()) == (["1", "2", "3", "4"], {1, 2, 3, 4})


def test_a_service_somebody_works_on_is_left_alone(hello: Service, capsys: pytest.CaptureFixture[str]) -> None:
    with hello.lease():
        assert prune("--keep", "1") == 5
    assert "warning: hello is left alone: `hello` is being worked on: deploy by " in capsys.readouterr().err
    assert hello.numbers() == ["1", "2", "3", "4"]
    assert prune("nobody") == 2
    assert capsys.readouterr().err.splitlines()[0] == "error: no service `nobody` was released to `local`"


def test_a_version_an_alias_is_moved_to_meanwhile_stays_with_its_zip(hello: Service) -> None:
    """Somebody rolls back far between the plan and the deletion: no alias ever names a version that is gone."""
    cleaner = Cleaner(hello.env, Engine(hello.env), lambda _: hello.function)
    said: list[str] = []
    facts = cleaner.facts()
    delete = cleaner._delete

    def far_back(plan: Any, version: str, say: Any) -> bool:
        if version == "1":
            hello.live("2", "1")
        return delete(plan, version, say)

    cleaner._delete = far_back  # type: ignore[method-assign]
    cleaner.execute(cleaner.plan("hello", facts, 1), facts, 1, said.append)
    assert said == ["version 2 stays: alias `live` was moved to it meanwhile"]
    assert (hello.numbers(), hello.stored()) == (["2", "3", "4"], {1, 2, 3, 4})


def test_a_plan_is_made_anew_under_the_lease(hello: Service) -> None:
    cleaner = Cleaner(hello.env, Engine(hello.env), lambda _: hello.function)
    facts = cleaner.facts()
    planned = cleaner.plan("hello", facts, 1)
    hello.live("2", "1")
    done = cleaner.execute(planned, facts, 1, lambda _: None)
    assert done.deletes == ("3",)
    assert hello.numbers() == ["1", "2", "4"]


def test_a_service_without_a_function_is_passed_over(hello: Service) -> None:
    hello.ledger.save(hello.ledger.service("gone"))
    assert prune("--keep", "4") == 0
    assert hello.numbers() == ["1", "2", "3", "4"]
