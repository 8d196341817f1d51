"""An entry told in a key: what the figures need of it comes back, and what cannot be told is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from release_kit import walking

from pipeline.release.ledger.digest import digest_of, read, told
from pipeline.release.ledger.records import Entry
from pipeline.release.ledger.story import entry_of

ENTRY = entry_of(replace(walking(1), phase="promoted", ended=1_000_060.125, committed=999_000.0), {})
TIMES = st.floats(0, 4e9).map(lambda at: round(at, 3))


@given(
    TIMES,
    TIMES,
    st.none() | TIMES,
    st.none() | TIMES,
    st.sampled_from(["promoted", "rolled-back", "aborted", "superseded"]),
    st.none() | st.integers(1, 10**9).map(str),
    st.none() | st.sampled_from(["c0ffee" * 6 + "c0de", "abc1234"]),
)
def test_what_is_told_is_read_back(  # noqa: PLR0917
    started: float,
    ended: float,
    first: float | None,
    committed: float | None,
    outcome: str,
    candidate: str | None,
    commit: str | None,
) -> None:
    steps: Any = () if first is None else ({"traffic": 0.1, "started": first}, {"traffic": 1.0, "started": first + 9})
    entry = replace(ENTRY, started=started, ended=ended, committed=committed, outcome=outcome, steps=steps)
    entry = replace(entry, candidate=candidate, commit=commit)
    digest = digest_of(entry)
    name = told(digest)
    assert name is not None
    assert len(name.encode()) < 255
    assert read(entry.service, f"crabwalk/services/{entry.service}/digest/{name}") == digest


@pytest.mark.parametrize(
    "change", [{"candidate": "$LATEST"}, {"outcome": "new outcome"}, {"commit": "HEAD"}, {"started": -1.0}]
)
def test_what_has_no_place_in_a_key_is_not_told(change: dict[str, Any]) -> None:
    entry: Entry = replace(ENTRY, **change)
    assert told(digest_of(entry)) is None


@pytest.mark.parametrize("name", ["", "20260102T030405-abc123", "20260102T030405-abc123_release_promoted"])
def test_what_is_no_digest_tells_nothing(name: str) -> None:
    assert read("hello", f"crabwalk/services/hello/digest/{name}") is None
