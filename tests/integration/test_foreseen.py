"""`plan` says what a deploy would refuse or pass over, and asks nothing of a service that was never released."""

from __future__ import annotations

from dataclasses import replace

import pytest
from offer_kit import CONFIGURATION, service

from pipeline.errors import AwsError
from pipeline.manifest.models_hooks import Hook, Hooks
from pipeline.release.ledger.head import Head
from pipeline.release.model import ALIAS
from pipeline.release.walk.foreseen import warnings


@pytest.fixture
def declared(world, tmp_path):
    """The service as its manifest has it, and what is said of it."""

    def said(**around):
        one = service(tmp_path, CONFIGURATION, **around)
        one.name = world.service
        return warnings(world.engine, one, world.function, world.record())

    return said


def test_where_nothing_is_in_the_way_nothing_is_said(declared):
    assert declared() == ()


def test_what_was_never_released_has_nothing_to_be_looked_at(world, tmp_path):
    one = service(tmp_path, CONFIGURATION)
    one.name = "another"
    assert warnings(world.engine, one, "nobody-made-it", replace(world.record(), service="another")) == ()


def test_an_alarm_that_does_not_exist_and_a_hook_without_an_address_are_said(declared, world):
    hook = Hooks(before=(Hook(webhook="env:NOT_SET_ANYWHERE"),))
    alarm, webhook = declared(alarms=("absent",), hooks=hook)
    assert alarm == (
        f"`{world.service}` looks at the alarm `absent`, which does not exist; "
        "make it, or take it out of `release.checks.alarms`"
    )
    assert "NOT_SET_ANYWHERE" in webhook


def test_an_alias_that_cannot_be_split_is_split_already_or_frozen_is_said(declared, world):
    world.raw.put_provisioned_concurrency_config(
        FunctionName=world.function, Qualifier=ALIAS, ProvisionedConcurrentExecutions=1
    )
    (provisioned,) = declared()
    world.raw.delete_provisioned_concurrency_config(FunctionName=world.function, Qualifier=ALIAS)
    assert provisioned.startswith(f"`{world.service}` cannot be walked: its alias has provisioned concurrency")
    assert "all-at-once" in provisioned
    world.raw.update_alias(
        FunctionName=world.function, Name=ALIAS, RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}
    )
    (split,) = declared()
    assert split.startswith("its alias is split although no release is under way; `crabwalk rollback ")
    head = Head("frozen", "release-1", "1", None, 0.0, None, "c0ffeec0ffee", "0" * 16, "2")
    world.engine.functions.write_alias(world.alias(), "1", {}, str(head))
    (frozen,) = declared()
    assert frozen == (
        f"frozen: a person rolled it back; `crabwalk resume {world.service} --env local` lets it be deployed again"
    )


def test_what_cannot_be_read_is_said(declared, world, monkeypatch):
    def denied(*_):
        raise AwsError("could not read alarms: AccessDenied")

    monkeypatch.setattr(world.engine, "alarms", type("Denied", (), {"states": denied})())
    assert declared(alarms=("loud",)) == ("not looked at: could not read alarms: AccessDenied",)
