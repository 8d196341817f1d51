"""Which releases a deploy would pass over because of another's, as the plan tells it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipeline.deploying.offering import configuration
from pipeline.deploying.planning import DeployPlan
from pipeline.deploying.setting import Setting
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import Release, Service
from pipeline.manifest.project import Project
from pipeline.plans.passed import passed_over
from pipeline.release.ledger.records import Frozen, Rejected, Released, ServiceRecord
from pipeline.workspace.affected import Affected, Reason

ROOT = Path(__file__).parents[3]
LOCAL = Environment("local", "000000000000", "us-east-1", "bucket", embedded=True)
ZIPS = {name: name * 64 for name in "abcd"}
MARK = Frozen("r-9", "c0ffee", "5", "arn:aws:iam::0:user/ada", None, "", 0.0)


def service(name: str, *needs: str, stack: str = "", together: str | None = None) -> Service:
    return Service(
        name=name,
        stack=stack or name,
        environment={f"TO_{one.upper()}": f"${{services.{one}.function.name}}" for one in needs},
        release=Release(together=together),
        directory=ROOT,
        file=ROOT / "x",
    )


def over(
    *services: Service,
    rejected: str = "",
    live: str = "",
    frozen: str = "",
    changing: tuple[str, ...] = (),
    marked: bool = True,
) -> dict[str, str]:
    at = Setting(Project("p", ROOT), LOCAL, "c0ffee", "s", services, {}, {})
    records = {}
    for one in services:
        made_of = (ZIPS[one.name], configuration(at, one))
        promoted = Released("r-4", "4", "c0ffee", *(made_of if one.name in live else ("old", "old")), 0.0)
        bad = (Rejected("r-9", "c0ffee", *made_of),) if one.name in rejected else ()
        records[one.name] = ServiceRecord(one.name, promoted=promoted, rejected=bad)
    at = Setting(Project("p", ROOT), LOCAL, "c0ffee", "s", services, records, {})
    affected = tuple(Affected(one.name, None, (Reason("file", "it changed"),)) for one in services)
    stacks: Any = tuple(SimpleNamespace(stack=one, terraform=True) for one in changing)
    build: Any = None
    plan = DeployPlan(at, affected, build, stacks, dict.fromkeys(frozen, MARK))
    return passed_over(plan, ZIPS, (), lambda _: marked, retry=False)


BACK = "release r-9 of the same artifact and configuration was rolled back; crabwalk retry a --env local"


def test_who_refers_to_what_is_not_released_is_not_either_and_so_on() -> None:
    found = over(service("a"), service("b", "a"), service("c", "b"), service("d"), rejected="a")
    assert found == {
        "a": BACK,
        "b": "it refers to `a`, which does not get to what this commit says",
        "c": "it refers to `b`, which does not get to what this commit says",
    }


def test_what_is_live_already_keeps_nobody_back() -> None:
    assert over(service("a"), service("b", "a"), live="a") == {"a": "version 4 is what this commit builds"}


def test_a_group_is_released_as_one() -> None:
    group = [service(name, together="shop") for name in "ab"]
    assert over(*group, service("c", "b"), rejected="a") == {
        "a": BACK,
        "b": "it goes together with `a`, which is not released",
        "c": "it refers to `b`, which does not get to what this commit says",
    }
    assert over(*group, live="a") == {"a": "version 4 is what this commit builds"}


def test_what_a_person_rolled_back_is_not_released_nor_what_its_stack_would_change_with() -> None:
    services = (service("a", stack="web"), service("b", stack="web"), service("c", "a"))
    frozen = "frozen since 1970-01-01 00:00 UTC: user/ada rolled back version 5; crabwalk resume a --env local"
    refers = "it refers to `a`, which does not get to what this commit says"
    assert over(*services, frozen="a") == {"a": frozen, "c": refers}
    assert over(*services, frozen="a", changing=("web",)) == {
        "a": frozen,
        "b": "its stack `web` has to change, and `a` there is frozen",
        "c": refers,
    }
    assert over(*services, frozen="a", marked=False) == {}
