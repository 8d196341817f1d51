"""What two manifests want of a bucket, as one list S3 takes."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.infra.bucket_rules import united_rules


def rule(prefix: str = "", suffix: str = "", *events: str) -> dict[str, Any]:
    return {"events": list(events or ("created",)), "prefix": prefix, "suffix": suffix}


@pytest.mark.parametrize(
    ("new", "old", "both"),
    [
        ([rule("in/")], [rule("in/")], [rule("in/")]),
        ([rule("in/")], [rule("out/")], [rule("in/"), rule("out/")]),
        ([rule("in/", "", "created", "removed")], [rule("in/")], [rule("in/", "", "created", "removed")]),
        ([rule("in/", "", "removed")], [rule("in/")], [rule("in/", "", "removed", "created")]),
        ([rule("in/big/")], [rule("in/")], [rule("in/")]),
        ([rule("in/")], [rule("in/big/", ".jpg")], [rule("in/")]),
        ([rule("in/", ".jpg")], [rule("in/", ".png")], [rule("in/", ".jpg"), rule("in/", ".png")]),
        ([rule("in/", ".jpg")], [rule("", ".big.jpg")], [rule("", ".jpg")]),
        ([rule("a/"), rule("b/")], [rule()], [rule()]),
    ],
)
def test_two_lists_become_one(new: list[Any], old: list[Any], both: list[Any]) -> None:
    assert united_rules(new, old) == both


RULES = st.lists(
    st.builds(
        rule,
        st.sampled_from(["", "a", "ab", "b"]),
        st.sampled_from(["", "x", "yx", "y"]),
        st.sampled_from(["created", "removed"]),
    ),
    max_size=3,
)
KEYS = [f"{head}-{tail}" for head in ("", "a", "ab", "abc", "b") for tail in ("", "x", "yx", "y", "z")]


def told(rules: list[dict[str, Any]], event: str, key: str) -> int:
    """How often S3 would tell of it."""
    return sum(
        event in one["events"] and key.startswith(one["prefix"]) and key.endswith(one["suffix"]) for one in rules
    )


@given(RULES, RULES)
def test_nothing_either_asked_for_is_lost_and_nothing_is_told_twice(new: list[Any], old: list[Any]) -> None:
    both = united_rules(new, old)
    for event in ("created", "removed"):
        for key in KEYS:
            assert told(both, event, key) <= 1
            assert bool(told(new, event, key) or told(old, event, key)) <= bool(told(both, event, key))
        fits = [(one["prefix"], one["suffix"]) for one in both if event in one["events"]]
        assert len(set(fits)) == len(fits)
        for one, other in combinations(fits, 2):
            heads = one[0].startswith(other[0]) or other[0].startswith(one[0])
            tails = one[1].endswith(other[1]) or other[1].endswith(one[1])
            assert not (heads and tails)
    assert united_rules(new, both) == both or set(map(str, united_rules(new, both))) == set(map(str, both))
