"""The head fits, is read back as it was written, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from release_kit import COMMIT, NONCE, alias, described

from pipeline.release.ledger.head import LIMIT, Head, fresh_nonce, parse, same_weights, trusted

PROPERTY = settings(derandomize=True, max_examples=100, database=None)
LONGEST = Head(
    state="walk",
    release="r" * 40,
    primary="1" * 20,
    extra="2" * 20,
    weight=0.123456,
    previous="3" * 20,
    origin="4" * 20,
    commit=COMMIT,
    nonce=NONCE,
    until=999_999_999_999,
)
WALK = Head("walk", "20260102T030405-abc123", "7", "8", 0.1, "6", "c0ffeec0ffee", NONCE)

versions = st.integers(1, 10**20 - 1).map(str)
shares = st.integers(1, 999_999).map(lambda millionths: millionths / 1e6)


@st.composite
def heads(draw: st.DrawFn) -> Head:
    split = draw(st.booleans())
    return Head(
        state=draw(st.sampled_from(["walk", "live", "back"])),
        release=draw(st.from_regex(r"[0-9A-Za-z-]{1,40}", fullmatch=True)),
        primary=draw(versions),
        extra=draw(versions) if split else None,
        weight=draw(shares) if split else 0.0,
        previous=draw(st.none() | versions),
        origin=draw(st.none() | versions),
        commit=draw(st.none() | st.from_regex(r"[0-9a-f]{7,12}", fullmatch=True)),
        nonce=draw(st.from_regex(r"[0-9a-f]{16}", fullmatch=True)),
        until=draw(st.none() | st.integers(0, 10**12 - 1)),
    )


def test_the_longest_head_fits_a_description() -> None:
    assert len(str(LONGEST)) <= LIMIT
    assert parse(str(LONGEST)) == replace(LONGEST, commit=COMMIT[:12])


def test_a_head_that_does_not_fit_is_never_written() -> None:
    with pytest.raises(ValueError, match="characters"):
        str(replace(LONGEST, release="r" * 200))


def test_the_written_form() -> None:
    assert str(WALK) == (
        "crabwalk/1 walk r=20260102T030405-abc123 v=7/8@0.1 p=6 f=- c=c0ffeec0ffee n=0123456789abcdef u=-"
    )


@PROPERTY
@given(heads())
def test_what_was_written_is_read_back(head: Head) -> None:
    assert len(str(head)) <= LIMIT
    assert parse(str(head)) == head
    assert trusted(described(head)) == head


@PROPERTY
@given(st.text(max_size=300))
@example("")
@example("crabwalk/1")
@example(str(WALK) + "\n")
@example(" " + str(WALK))
@example(str(WALK).replace("crabwalk/1", "crabwalk/2"))
@example(str(WALK).replace("walk r", "stop r"))
@example(str(WALK).replace("@0.1", "@1.5"))
@example(str(WALK).replace("@0.1", "@0"))
@example(str(WALK).replace("/8@", "/-@"))
@example(str(WALK).replace("v=7", "v=$LATEST"))
@example(str(WALK).replace("v=7", "v=\u0667"))
def test_garbage_is_no_head(text: str) -> None:
    assert parse(text) is None


@PROPERTY
@given(heads(), st.integers(0, 120), st.characters())
def test_a_damaged_head_never_raises(head: Head, at: int, character: str) -> None:
    text = str(head)
    damaged = text[:at] + character + text[at + 1 :]
    found = parse(damaged)
    assert found is None or found != head or damaged == text


@pytest.mark.parametrize(
    ("version", "weights"),
    [("8", {}), ("7", {}), ("7", {"8": 0.2}), ("7", {"9": 0.1}), ("8", {"7": 0.1}), ("7", {"8": 0.1, "9": 0.1})],
)
def test_a_head_that_disagrees_with_the_traffic_is_not_trusted(version: str, weights: dict[str, float]) -> None:
    assert trusted(alias(version, weights, WALK)) is None


def test_weights_are_equal_as_far_as_a_head_can_say() -> None:
    assert same_weights({"8": 1 / 3}, {"8": 0.333333})
    assert same_weights({"8": 0.0}, {})
    assert not same_weights({"8": 0.1}, {"8": 0.100002})
    third = replace(WALK, weight=1 / 3)
    assert trusted(alias("7", {"8": 1 / 3}, third)) == replace(third, weight=0.333333)


def test_nonces_differ() -> None:
    assert len({fresh_nonce() for _ in range(100)}) == 100
