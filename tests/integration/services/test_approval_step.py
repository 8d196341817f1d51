"""The approval's state machine: decisions, what is asked again, and what ends it at once."""

from __future__ import annotations

import json

import pytest
from callers.approval_step import Machine
from catalogue_kit import Catalogue, until


@pytest.fixture
def machine(catalogue: Catalogue) -> Machine:
    made = Machine(catalogue)
    made.approver("grace", 500_000)
    made.approver("idle", 500_000, active=False)
    return made


def test_a_decision_is_an_answer_also_when_it_is_no(machine: Machine) -> None:
    approved = machine.end(machine.start(id="p-1"))
    assert approved == {"decision": "approved", "id": "p-1", "approver": "grace"}
    for changed, reason in (
        ({"amountCents": 500_001}, "over-limit"),
        ({"approver": "idle"}, "inactive"),
        ({"approver": "Ada"}, "own-request"),
        ({"expires": "2026-01-01T00:00:00Z"}, "expired"),
    ):
        execution = machine.start(id="p-2", **changed)
        assert machine.end(execution) == {"decision": "rejected", "id": "p-2", "reason": reason}
        assert machine.failures(execution) == []


def test_what_may_help_is_tried_again(machine: Machine) -> None:
    never, execution = machine.start(id="p-3", approver="nobody"), machine.start(approver="new-here")
    until("it was tried twice", lambda: len(machine.failures(execution)) >= 2, 60)
    machine.approver("new-here", 200_000)
    assert machine.end(execution)["decision"] == "approved"
    assert set(machine.failures(execution)) == {"ApproverUnknown"}
    assert machine.end(never) == {"decision": "rejected", "id": "p-3", "reason": "unknown-approver"}
    assert machine.failures(never) == ["ApproverUnknown"] * 4


def test_what_never_helps_ends_the_execution_at_once(machine: Machine) -> None:
    for changed, name in (({"amountCents": 0}, "InvalidRequest"), ({"amount": 3}, "NoSuchEvent")):
        execution = machine.start(**changed)
        ended = machine.end(execution)
        assert (ended["status"], ended["error"]) == ("FAILED", "InvalidRequest")
        assert json.loads(ended["cause"])["errorType"] == name
        assert machine.failures(execution) == [name]


def test_a_broken_directory_is_a_persons_work(machine: Machine) -> None:
    item = {"name": {"S": "half"}, "limit_cents": {"S": "much"}}
    machine.approvers.put_item(TableName=machine.table, Item=item)
    execution = machine.start(approver="half")
    ended = machine.end(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "Undecided")
    assert ended["cause"].startswith("Broken: ")
    assert machine.failures(execution) == ["Broken"]


def test_the_machine_invokes_the_alias(catalogue: Catalogue, machine: Machine) -> None:
    definition = json.loads(machine.states.describe_state_machine(stateMachineArn=machine.arn)["definition"])
    check = definition["States"]["Check"]
    assert check["Arguments"]["FunctionName"].endswith(f":{catalogue.function('approval-step')}:live")
    assert [one["ErrorEquals"] for one in check["Catch"]][-1] == ["States.ALL"]
    before = catalogue.invoked("approval-step").total()
    machine.end(machine.start())
    until("the alias was invoked", lambda: catalogue.invoked("approval-step").total() > before, 60)
