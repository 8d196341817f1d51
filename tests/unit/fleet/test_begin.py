"""Whether a deploy of a fleet goes on with what the record has, or begins anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.fleet.begin import Asked, Scene, begin, goes_on
from pipeline.fleet.plan import FleetRelease
from pipeline.fleet.record import Kept
from pipeline.manifest.fleets import Fleet, Wave

RELEASE = FleetRelease("prod", "r1", "c0ffee", "", "arn", None, 0.0, {"a": {"hello": "ab"}})
ASKED = Asked("c0ffee", "", (), retry=False, claimed_actor=None)


@pytest.mark.parametrize(
    ("kept", "asked", "on"),
    [
        (None, ASKED, False),
        (RELEASE, ASKED, True),
        (replace(RELEASE, phase="baking"), replace(ASKED, retry=True), True),
        (RELEASE, replace(ASKED, commit="beef"), False),
        (RELEASE, replace(ASKED, only=("hello",)), False),
        (replace(RELEASE, phase="stopped"), ASKED, True),
        (replace(RELEASE, phase="stopped"), replace(ASKED, retry=True), False),
        (replace(RELEASE, phase="done"), ASKED, False),
        (replace(RELEASE, phase="superseded"), ASKED, False),
    ],
)
def test_what_was_stopped_stays_so_and_what_is_done_is_looked_at_anew(
    kept: FleetRelease | None, asked: Asked, *, on: bool
) -> None:
    assert goes_on(kept, asked) is on


def test_what_goes_back_is_built_for_no_target_any_more() -> None:
    """A compiler that fails, or a commit that is too old by now, keeps nobody from going back."""
    kept = Kept(replace(RELEASE, phase="going-back", finished=("a",)), "etag")
    ledger: Any = type("Ledger", (), {"read": lambda _: kept})()
    nothing: Any = None
    fleet = Fleet("prod", (Wave("one", ("a", "b")),))
    assert begin(Scene(fleet, {}, nothing, nothing), ledger, ASKED) is kept
    other = Fleet("prod", (Wave("one", ("b",)),))
    with pytest.raises(UsageError, match="the waves of `prod` are not those"):
        begin(Scene(other, {}, nothing, nothing), ledger, ASKED)
