"""What `status` offers a person, by who walks the release and when they were heard of last."""

from __future__ import annotations

import pytest
from release_kit import own_alias, walking

from pipeline.release.ledger.lease import GRACE_S, Holder
from pipeline.release.ledger.records import Entry, ServiceRecord
from pipeline.release.verbs.status import ServiceStatus, absent, describe

TTL_S = 60.0


def told(age_s: float) -> ServiceStatus:
    """A walk whose holder renewed the lease this long ago."""
    rollout = walking(0)
    holder = Holder("n", "anna@ci (process 7)", "a deploy", age_s, TTL_S)
    return describe(
        ServiceRecord("hello", rollout=rollout), own_alias(rollout), holder, env="prod", now=rollout.started
    )


@pytest.mark.parametrize("age_s", [0.0, TTL_S / 2 + GRACE_S])
def test_who_renews_the_lease_in_time_is_steered(age_s: float) -> None:
    assert told(age_s).next.startswith("`crabwalk promote hello --env prod` takes the next step now")


def test_of_a_lease_that_was_not_renewed_in_time_it_is_said_when_it_runs_out() -> None:
    age_s = TTL_S / 2 + GRACE_S + 1
    found = told(age_s)
    assert found.walker == "anna@ci (process 7)"
    assert found.next == (
        "`crabwalk rollback hello --env prod` ends it; if that process is gone, `crabwalk deploy --env prod` goes on "
        f"with it once its lease has run out, in {TTL_S + GRACE_S - age_s:.0f} s"
    )


def test_a_lease_that_ran_out_is_nobody_s() -> None:
    found = told(TTL_S + GRACE_S + 1)
    assert (found.walker, found.doing.rpartition(", ")[2]) == (None, "and nobody walks it: its controller ended")


def ended(kind: str, reason: str = "nobody calls it") -> Entry:
    actor = "arn:aws:sts::111122223333:assumed-role/release/anna"
    return Entry(
        kind, "r-9", "hello", "prod", "destroyed", "4", None, "c0ffee", "", None, actor, "ada", 0.0, 0.0, reason, ""
    )


def test_of_a_service_that_was_destroyed_it_is_said_when_and_by_whom() -> None:
    found = absent("hello", ended("destroy"), "prod")
    assert (found.state, found.traffic, found.release) == ("absent", {}, None)
    assert (
        found.doing
        == "destroyed on 1970-01-01 00:00 UTC by assumed-role/release/anna (GitHub says ada): nobody calls it"
    )
    assert found.next == "crabwalk deploy hello --env prod makes it anew"
    found = absent("hello", ended("destroy", ""), "prod", declared=False)
    assert found.doing.endswith(" (GitHub says ada)")
    assert found.next.endswith(", once its manifest is back")


@pytest.mark.parametrize("last", [None, ended("release")])
def test_a_service_that_is_not_there_is_not_deployed(last: Entry | None) -> None:
    found = absent("hello", last, "prod")
    assert (found.doing, found.next) == ("not deployed", "crabwalk deploy hello --env prod")
