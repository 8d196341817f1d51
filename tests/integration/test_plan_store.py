"""Saved plans in the bucket: whole or not there, used once, gone when they are too old."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.aws.objects import Objects
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import StackPlan
from pipeline.errors import ConflictError
from pipeline.infra.events import StalePlanError
from pipeline.infra.model import Change, InfraPlan, Root
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import Project
from pipeline.plans.reviewed import Reviewed
from pipeline.plans.saved import LIFE_S, SavedPlan, SavedStack, StateSeen, Tools
from pipeline.plans.store import PlanStore, Use
from pipeline.release.walk.act import Engine

ADA, BOB = Use("arn:aws:iam::1:user/ada", "ada", 0.0), Use("arn:aws:iam::1:user/bob", None, 60.0)
MADE = 1_767_225_600.0  # 2026-01-01T00:00:00Z
FILE = b"what Terraform made"
ROUTE = Change("module.a_http.aws_apigatewayv2_route.this", "aws_apigatewayv2_route", "a", "create", "at-once")


@pytest.fixture
def store(env: Environment) -> PlanStore:
    return PlanStore(Objects(env))


def plan(plan_id: str = "20260101T000000-abcdef", then: Sequence[Change] = ()) -> SavedPlan:
    sha = hashlib.sha256(FILE).hexdigest()
    stack = SavedStack("f", sha, pending=True, state=StateSeen(), changes=(), then=tuple(then))
    return SavedPlan(
        id=plan_id,
        created=MADE,
        actor="me",
        environment="local",
        account="000000000000",
        commit="c" * 40,
        manifests="m",
        tools=Tools("0.1.0", "1.11.4", "5.100.0"),
        only=(),
        base=None,
        retry=False,
        allow_destroy=(),
        stacks={"web": stack},
    )


def test_a_plan_is_read_as_it_was_saved(store: PlanStore) -> None:
    store.save(plan(), {"web": FILE})
    assert store.load(plan().id) == plan()
    assert store.file(plan(), "web") == FILE


@pytest.mark.parametrize("plan_id", ["20260101T000000-000000", "", "../state", "a/b"])
def test_what_is_not_there_is_said(store: PlanStore, plan_id: str) -> None:
    with pytest.raises(ConflictError, match="there is no saved plan"):
        store.load(plan_id)


def test_a_plan_or_a_file_that_was_changed_is_not_applied(store: PlanStore, env: Environment) -> None:
    store.save(plan(), {"web": b"something else"})
    with pytest.raises(ConflictError, match="not the one that was saved"):
        store.file(plan(), "web")
    Objects(env).put(f"plans/{plan().id}/plan.json", b'{"format": 2}')
    with pytest.raises(ConflictError, match="its format is not 1"):
        store.load(plan().id)


def test_of_many_at_once_one_applies_it_and_the_others_learn_who(store: PlanStore) -> None:
    store.save(plan(), {"web": FILE})
    assert store.used(plan().id) is None
    lost: list[str] = []

    def use(by: Use) -> None:
        try:
            store.claim(plan().id, by)
        except ConflictError as error:
            lost.append(error.what)

    threads = [threading.Thread(target=use, args=(replace(ADA, at=float(number)),)) for number in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(lost) == 5
    with pytest.raises(
        ConflictError, match=r"was applied by arn:aws:iam::1:user/ada \(ada\) at 1970-01-01 00:00:0\d UTC"
    ):
        store.claim(plan().id, BOB)


def test_old_plans_go_and_what_is_none_stays(store: PlanStore, env: Environment) -> None:
    old, new = plan(), plan("20260108T000000-abcdef")
    for one in (old, new):
        store.save(one, {"web": FILE})
    Objects(env).put("plans/notes/readme", b"mine")
    assert store.expired(MADE + LIFE_S) == ()
    assert store.expired(MADE + LIFE_S + 1) == (old.id,)
    store.delete(old.id)
    assert list(Objects(env).keys("plans/")) == [
        f"plans/{new.id}/plan.json", f"plans/{new.id}/web.tfplan", "plans/notes/readme",
    ]  # fmt: skip


class TestTheSecondPhase:
    """Planned when the first release is done; what nobody reviewed stops there."""

    @pytest.fixture
    def reviewed(self, env: Environment) -> Reviewed:
        found = plan(then=(ROUTE,))
        stack = replace(found.stacks["web"], plan_sha256="")  # the function stands already
        return Reviewed(Engine(env), replace(found, stacks={"web": stack}))

    def infra(
        self,
        reviewed: Reviewed,
        env: Environment,
        stack: str,
        changes: Sequence[Change],
        monkeypatch: pytest.MonkeyPatch,
    ) -> InfraPlan:
        root = Root(stack, {}, "f", {})
        made = InfraPlan(root, Path(), tuple(changes))
        monkeypatch.setattr("pipeline.infra.drive.plan_infra", lambda *_, **__: made)
        setting = Setting(Project("p", Path()), env, "c" * 40, "", (), {}, {})
        return reviewed.infra(StackPlan(stack, root, None), setting, Path(), lambda _: None)

    def test_what_was_reviewed_is_done(
        self, reviewed: Reviewed, env: Environment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.infra(reviewed, env, "web", [ROUTE], monkeypatch).changes == (ROUTE,)
        assert self.infra(reviewed, env, "web", [], monkeypatch).changes == ()

    def test_another_action_is_refused_by_name(
        self, reviewed: Reviewed, env: Environment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = replace(ROUTE, address="module.a_http.aws_lambda_permission.other")
        with pytest.raises(ConflictError, match=r"stops at stack web: nobody reviewed create module\.a_http") as caught:
            self.infra(reviewed, env, "web", [ROUTE, other], monkeypatch)
        assert "without what should have followed" in caught.value.what

    def test_a_state_that_moves_in_the_last_moment_ends_it(self, reviewed: Reviewed) -> None:
        with pytest.raises(ConflictError, match="its state moved meanwhile: Saved plan is stale") as caught:  # noqa: SIM117
            with reviewed.applying("web"):
                raise StalePlanError("Saved plan is stale")
        assert "crabwalk plan --save" in str(caught.value.hint)

    def test_another_stack_is_refused(
        self, reviewed: Reviewed, env: Environment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ConflictError, match="Terraform has something to do there now"):
            self.infra(reviewed, env, "other", [], monkeypatch)


def test_the_body_of_a_use_names_nobody_else(store: PlanStore, env: Environment) -> None:
    store.claim("20260101T000000-abcdef", BOB)
    stored = Objects(env).get("plans/20260101T000000-abcdef/used.json")
    assert stored is not None
    assert json.loads(stored.body) == {"actor": BOB.actor, "claimed_actor": None, "at": 60.0}
