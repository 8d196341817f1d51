"""Moves and destructions that find something else than they expect; states by hand, so that no Terraform runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from release_kit import walking
from stand_kit import Stand

from pipeline import local
from pipeline.deploying.moving import move
from pipeline.errors import ConflictError, TerraformError
from pipeline.infra import locks, stack_directory
from pipeline.infra.root import state_key
from pipeline.release.ledger.records import Released, ServiceRecord, StackRecord

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def here(
    embedded: local.Running,  # noqa: ARG001
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stand:
    made = Stand.make(tmp_path / "repository", namespace[:18].rstrip("-"), a="new", b="new")
    monkeypatch.chdir(made.root)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return made


def stands(here: Stand, stack: str, *services: str) -> None:
    """A record of a stack, with a fingerprint nobody can have."""
    calls: dict[str, Any] = {
        name: ({"name": name, "module": "x", "arguments": {}, "outputs": {}},) for name in services
    }
    here.engine.ledger.save_stack(StackRecord(stack, "", {}, services, 0.0, "c0ffee", calls))


def state(here: Stand, stack: str, *identities: str) -> bytes:
    """A state in which service `a` has things of these identities."""
    instances = [{"index_key": one, "attributes": {"id": one}} for one in identities]
    resource = {"module": "module.a", "mode": "managed", "type": "aws_x", "name": "this", "instances": instances}
    body = {"version": 4, "serial": 3, "lineage": stack, "outputs": {}, "resources": [resource]}
    here.engine.objects.put(state_key(stack), json.dumps(body).encode())
    return json.dumps(body).encode()


def test_a_service_whose_first_apply_made_nothing_has_only_its_record_moved(here: Stand) -> None:
    stands(here, "old", "a")
    done = move(here.engine, here.setting(), "a", "new", print)
    assert (done.source, done.resources, done.emptied) == ("old", 0, True)
    record = here.engine.ledger.stack("new")
    assert record is not None
    assert (record.services, record.fingerprint) == (("a",), "")
    assert here.engine.ledger.stacks() == ("new",)


def test_what_both_states_have_otherwise_is_touched_in_neither(here: Stand) -> None:
    stands(here, "old", "a")
    before = [state(here, "old", "1", "2"), state(here, "new", "1")]
    with pytest.raises(ConflictError, match="both have parts of `a`, and not the same ones"):
        move(here.engine, here.setting(), "a", "new", print)
    after = [here.engine.objects.get(state_key(stack)) for stack in ("old", "new")]
    assert [one.body for one in after if one is not None] == before
    assert [locks.held(here.engine.objects, stack) for stack in ("old", "new")] == [None, None]


def test_a_state_that_cannot_be_read_is_left_alone(here: Stand) -> None:
    stands(here, "old", "a")
    here.engine.objects.put(state_key("old"), b'{"encrypted_data": "x"}')
    with pytest.raises(TerraformError, match="the state of stack `old` cannot be read"):
        move(here.engine, here.setting(), "a", "new", print)
    assert locks.held(here.engine.objects, "old") is None
    assert here.engine.ledger.stack("new") is None


def test_a_state_that_was_left_on_this_machine_is_saved_first(here: Stand) -> None:
    stands(here, "old", "a")
    left = stack_directory(here.root, here.env, "old") / "errored.tfstate"
    left.parent.mkdir(parents=True)
    left.write_text("{}")
    with pytest.raises(ConflictError, match="the last run of stack `old` could not save its state"):
        move(here.engine, here.setting(), "a", "new", print)


def test_a_service_that_stands_nowhere_is_not_moved_but_forgotten(here: Stand, capsys: Captured) -> None:
    code, _, err = here.crabwalk(capsys, "move", "a", "--stack", "new")
    assert (code, err.splitlines()) == (
        2,
        [
            "error: `a` stands in no stack of `local`: there is nothing to move",
            "  next: crabwalk deploy a --env local makes it in the stack `new`",
        ],
    )
    promoted = Released("20260101T000000-000001", "7", "c0ffee", "a" * 64, "c", 0.0)
    here.engine.ledger.save(ServiceRecord("gone", promoted=promoted))
    code, out, err = here.crabwalk(capsys, "destroy", "gone", "--yes", "gone", "--output", "json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["stack"], found["done"], found["resources"]) == (None, True, [])
    assert here.engine.ledger.service("gone").etag is None
    assert [one.outcome for one in here.engine.ledger.history("gone", 2)] == ["destroyed"]
    assert here.crabwalk(capsys, "destroy", "gone", "--yes", "gone")[0] == 2


def test_a_release_under_way_is_not_destroyed(here: Stand, capsys: Captured) -> None:
    stands(here, "old", "gone")
    rollout = replace(walking(), service="gone", function=f"{here.project}-local-gone")
    here.engine.ledger.save(ServiceRecord("gone", rollout=rollout))
    code, _, err = here.crabwalk(capsys, "destroy", "gone", "--yes", "gone")
    assert code == 5
    assert f"release {rollout.release_id} of `gone` is under way at 10 %" in err
    assert "next: crabwalk abort gone --env local" in err
    assert here.engine.ledger.service("gone").under_way is not None
