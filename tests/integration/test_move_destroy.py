"""A service moved between stacks and back, with a crash in the middle, and then destroyed beside its neighbour.

One story in order, because each Terraform run costs seconds.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from stand_kit import Stand

from pipeline import local
from pipeline.aws import client
from pipeline.deploying import moving
from pipeline.deploying.stacks import plan_stack
from pipeline.errors import ConflictError
from pipeline.infra import holding, locks, plan_infra, stack_directory
from pipeline.infra.locks import lock_key
from pipeline.infra.root import state_key
from pipeline.release.ledger.lease import Lease

Captured = pytest.CaptureFixture[str]
OWN = """variable "function_name" {}
variable "alias_arn" {}
variable "images_arn" {}
resource "aws_sns_topic" "this" {
  name         = "${var.function_name}-own"
  display_name = substr(var.images_arn, 0, 3)
}
output "alias" {
  value = var.alias_arn
}
"""


def state(here: Stand, stack: str) -> dict[str, Any] | None:
    stored = here.engine.objects.get(state_key(stack))
    return None if stored is None else dict(json.loads(stored.body))


def services_in(here: Stand, stack: str) -> set[str]:
    found = state(here, stack)
    return set() if found is None else {str(one["module"]).split(".")[1].split("_")[0] for one in found["resources"]}


def no_change(here: Stand, stack: str) -> None:
    """Neither by the record nor by Terraform itself."""
    setting = here.setting()
    planned = plan_stack(setting, stack, {})
    assert not planned.terraform
    found = plan_infra(planned.root, here.env, stack_directory(here.root, here.env, stack), print)
    assert (found.changes, found.pending) == ((), False)


@pytest.fixture
def here(
    embedded: local.Running,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stand:
    more = {"old": "resources: {images: {s3: {}}}\n"}
    made = Stand.make(tmp_path / "repository", "standing", more, old="web", new="web")
    made.own("old", OWN)
    made.commit("old has Terraform of its own")
    monkeypatch.chdir(made.root)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_ACTOR", raising=False)
    return made


def test_a_service_is_moved_and_moved_back_and_destroyed(
    here: Stand, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.released("old", "new")
    for name in ("old", "new"):
        here.settle(name)
    refuses_to_make_it_twice(here, capsys)
    refuses_where_somebody_works(here, capsys)
    count = len(resources(here, "web", "old"))
    assert [one["type"] for one in resources(here, "web", "old_infra")] == ["aws_sns_topic"]
    dies_between_the_states(here, monkeypatch)
    is_finished_by_the_next(here, capsys, count)
    is_moved_back(here, capsys, count)
    is_found_without_a_manifest(here, capsys)
    stops_at_a_bucket_that_is_not_empty(here, capsys)
    is_destroyed_beside_its_neighbour(here, capsys)


def resources(here: Stand, stack: str, service: str) -> list[dict[str, Any]]:
    found = state(here, stack) or {"resources": []}
    return [one for one in found["resources"] if str(one["module"]).startswith(f"module.{service}")]


def refuses_to_make_it_twice(here: Stand, capsys: Captured) -> None:
    """The manifest decides where to, and until the move nothing is made a second time."""
    code, out, err = here.crabwalk(capsys, "move", "old", "--stack", "alone")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "error: the manifest of `old` names the stack `web`, not `alone`",
        f"  at {here.root}/services/old/service.yaml",
        "  next: write `stack: alone` there, then run this again",
    ]
    here.declare("old", "alone")
    here.commit("old stands alone")
    for verb in ("deploy", "plan"):
        code, out, err = here.crabwalk(capsys, verb)
        assert (code, out) == (2, "")
        assert "`old` stands in the stack `web`, and its manifest names `alone`" in err
        assert "next: crabwalk move old --stack alone --env local" in err
    assert not plan_stack(here.setting(), "web", {}).terraform, "until then it stays where it stands"


def refuses_where_somebody_works(here: Stand, capsys: Captured) -> None:
    """On the neighbour, or with Terraform."""
    objects = here.engine.objects
    needed = "stack `web`, for the move of `old`, is being worked on at `new`: deploy by "
    with Lease(objects, "new", ttl_s=8, doing="deploy").acquire(print), pytest.raises(ConflictError, match=needed):
        moving.move(here.engine, here.setting(), "old", "alone", print)
    objects.put(lock_key("web"), b'{"ID": "1", "Operation": "OperationTypeApply", "Who": "a@b"}')
    code, _, err = here.crabwalk(capsys, "move", "old", "--stack", "alone")
    assert code == 5
    assert "the state of stack `web` is locked by a@b for apply (lock 1); nothing was moved" in err
    assert locks.held(objects, "alone") is None
    objects.delete(lock_key("web"))


def dies_between_the_states(here: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its locks are left, as by a process that was killed."""
    written: list[str] = []
    put = moving._put

    def dying(objects: Any, one: Any, etag: str | None) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(one.stack)
        put(objects, one, etag)

    with monkeypatch.context() as patch:
        patch.setattr(moving, "_put", dying)
        with pytest.raises(KeyboardInterrupt):
            moving.move(here.engine, here.setting(), "old", "alone", print)
    for stack in ("web", "alone"):
        here.engine.objects.put(lock_key(stack), holding._body(here.env, stack))
    assert (written, services_in(here, "web"), services_in(here, "alone")) == (["alone"], {"old", "new"}, {"old"})
    assert not plan_stack(here.setting(), "alone", {}).terraform, "nobody takes away what is in both"


def is_finished_by_the_next(here: Stand, capsys: Captured, count: int) -> None:
    assert here.crabwalk(capsys, "deploy", "old")[0] == 2
    code, out, err = here.crabwalk(capsys, "move", "old", "--stack", "alone")
    assert code == 0, err
    assert out.splitlines()[-2:] == [
        f"old: {count} resources moved from stack web to alone, the rest of a move that had ended half-way",
        "  next    `crabwalk plan --env local` shows no change of Terraform's for it",
    ]
    assert (services_in(here, "web"), services_in(here, "alone")) == ({"new"}, {"old"})
    assert [locks.held(here.engine.objects, stack) for stack in ("web", "alone")] == [None, None]
    depends = {one["type"]: one["instances"][0].get("dependencies") for one in resources(here, "alone", "old")}
    assert depends["aws_lambda_alias"], "the order to destroy in is known still"
    for stack in ("web", "alone"):
        no_change(here, stack)
    assert here.crabwalk(capsys, "move", "old", "--stack", "alone")[1].endswith("stands in stack alone already\n")


def is_moved_back(here: Stand, capsys: Captured, count: int) -> None:
    """The stack that is empty then is gone."""
    here.declare("old", "web")
    here.commit("old stands with new")
    code, out, err = here.crabwalk(capsys, "move", "old", "--stack", "web", "--output", "json")
    assert code == 0, err
    assert json.loads(out) == {
        "environment": "local",
        "service": "old",
        "source": "alone",
        "target": "web",
        "calls": ["old", "old_http", "old_images", "old_infra"],
        "resources": count,
        "finished": False,
        "emptied": True,
    }
    assert (services_in(here, "web"), state(here, "alone")) == ({"old", "new"}, None)
    assert here.engine.ledger.stacks() == ("web",)
    assert not plan_stack(here.setting(), "web", {}).terraform


def is_found_without_a_manifest(here: Stand, capsys: Captured) -> None:
    code, _, err = here.crabwalk(capsys, "destroy", "old", "--yes", "old")
    assert (code, "`old` has a manifest: the next deploy would make it again" in err) == (2, True)
    assert here.crabwalk(capsys, "destroy", "odl")[2].splitlines()[1] == "  next: did you mean `old`?"
    here.git("rm", "-r", "--quiet", "services/old")
    here.commit("old is not needed any more")
    line = "`old` has no manifest any more; crabwalk destroy old --env local"
    assert here.crabwalk(capsys, "status")[1].splitlines()[-1] == line
    code, out, err = here.crabwalk(capsys, "plan")
    assert (code, line in out + err) == (0, True)
    assert f"warning: {line}" in here.crabwalk(capsys, "deploy")[2]


def stops_at_a_bucket_that_is_not_empty(here: Stand, capsys: Captured) -> None:
    """What was destroyed until then is not made again by the neighbour's next deploy."""
    bucket = "standing-local-old-images-000000000000"
    s3 = client(here.env, "s3")
    s3.put_object(Bucket=bucket, Key="one.jpg", Body=b"x")
    assert here.crabwalk(capsys, "destroy", "old", "--yes", "new")[0] == 2
    with Lease(here.engine.objects, "new", ttl_s=8, doing="deploy").acquire(print):
        code, _, err = here.crabwalk(capsys, "destroy", "old", "--yes", "old")
    assert code == 5
    assert "error: stack `web` of `old` is being worked on at `new`: deploy by " in err
    code, out, err = here.crabwalk(capsys, "destroy", "old", "--yes", "old")
    assert code == 1, out
    assert "BucketNotEmpty" in err
    assert "the function goes with all its versions and the alias: `rollback` has nothing to go back to any more" in err
    assert "  stays   its history: crabwalk history old --env local" in out.splitlines()
    assert "next: what lies in a bucket is not destroyed with its service: empty it, old versions and unfinished" in err
    names = {one["FunctionName"] for one in client(here.env, "lambda").list_functions()["Functions"]}
    assert "standing-local-old" not in names
    topics = [one["TopicArn"] for one in client(here.env, "sns").list_topics()["Topics"]]
    assert not [one for one in topics if "standing-" in one], "its own Terraform went too, without its folder"
    record = here.engine.ledger.stack("web")
    assert record is not None
    assert [one["name"] for one in record.calls["old"]] == ["old_images"]
    assert here.engine.ledger.service("old").promoted is not None
    for version in s3.list_object_versions(Bucket=bucket)["Versions"]:
        s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    order = [one.split(" ")[1] for one in out.splitlines() if " destroyed (" in one]
    assert order.index("old_http.aws_apigatewayv2_api.this") < order.index("old.aws_lambda_function.this")


def is_destroyed_beside_its_neighbour(here: Stand, capsys: Captured) -> None:
    code, out, err = here.crabwalk(capsys, "destroy", "old", "--yes", "old", "--reason", "nobody calls it")
    assert code == 0, out + err
    lines = out.splitlines()
    assert "  delete  module.old_images.aws_s3_bucket.this" in lines
    assert not [one for one in lines if "module.new" in one]
    assert "1 cannot be made again as they are: module.old_images.aws_s3_bucket.this" in err
    assert "  left    its history: crabwalk history old --env local" in lines
    assert lines[-1].startswith("  back    bring its folder back from ")
    assert lines[-1].endswith(", then crabwalk deploy old --env local makes it anew, with nothing stored in it")
    names = {one["FunctionName"] for one in client(here.env, "lambda").list_functions()["Functions"]}
    assert "standing-local-new" in names
    apis = client(here.env, "apigatewayv2").get_apis()["Items"]
    assert [one["Name"] for one in apis if "standing-" in one["Name"]] == ["standing-local-new"]
    assert services_in(here, "web") == {"new"}
    assert here.engine.ledger.service("old").etag is None
    (entry,) = here.engine.ledger.history("old", 5)
    assert (entry.kind, entry.outcome, entry.reason, entry.stable) == ("destroy", "destroyed", "nobody calls it", "1")
    assert "old" not in here.crabwalk(capsys, "status")[1]
    told, now, after = here.crabwalk(capsys, "status", "old")[1].splitlines()
    assert told == "old: absent"
    assert re.fullmatch(r"  now      destroyed on \d{4}-\d\d-\d\d \d\d:\d\d UTC by \S+: nobody calls it", now)
    assert after == "  next     crabwalk deploy old --env local makes it anew, once its manifest is back"
    head = here.crabwalk(capsys, "history", "old")[1].splitlines()[0]
    assert f" old: destroyed, version 1, {str(entry.commit)[:12]}" in head
