"""Whether a deploy of a fleet goes on with what the record has, or begins anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.fleet.begin import Asked, goes_on
from pipeline.fleet.plan import FleetRelease

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
