"""How the end of a release is told."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from pipeline.release.judge.judge import Counts
from pipeline.release.walk.view import ReleaseResult
from pipeline.report.console import Console
from pipeline.report.release import result_lines, show_result

ROLLED_BACK = ReleaseResult(
    service="hello",
    environment="staging",
    release_id="r-1",
    outcome="rolled-back",
    stable="11",
    candidate="12",
    commit="3f2a91c0deadbeef",
    duration_s=65,
    sentence=(
        "of 812 requests to version 12, 9 failed; of 7,300 to version 11 in the same time, 3 did; "
        "that is not chance (at most 1 in 4 million)"
    ),
    check="errors",
    canary=Counts(812, 9),
    baseline=Counts(7300, 3),
    next="fix the commit and deploy again",
    url="https://example.invalid/",
)


def test_rolled_back_says_check_numbers_failures_and_what_to_do() -> None:
    assert result_lines(ROLLED_BACK) == [
        ("hello (staging, 3f2a91c): version 12 rolled back after 1 min 5 s, version 11 has all the traffic again"),
        "  check   errors",
        (
            "  numbers of 812 requests to version 12, 9 failed; of 7,300 to version 11 in the same time, 3 did; "
            "that is not chance (at most 1 in 4 million)"
        ),
        "  failed  9 of 812 requests to version 12 (1.11 %); 3 of 7,300 requests to version 11 (0.04 %)",
        "  answers https://example.invalid/",
        "  next    fix the commit and deploy again",
    ]


def test_rejected_claims_no_traffic() -> None:
    (head, *_) = result_lines(replace(ROLLED_BACK, outcome="rejected", check="smoke", canary=None, baseline=None))
    assert head == "hello (staging, 3f2a91c): version 12 rejected after 1 min 5 s, no traffic was moved"


def test_skipped_says_why() -> None:
    skipped = replace(
        ROLLED_BACK,
        outcome="skipped",
        candidate=None,
        canary=None,
        baseline=None,
        check=None,
        url=None,
        sentence="frozen since\nyesterday",
        next="crabwalk resume hello",
    )
    assert result_lines(skipped) == [
        "hello (staging, 3f2a91c): skipped",
        "  why     frozen since\n          yesterday",
        "  next    crabwalk resume hello",
    ]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("promoted", "version 12 promoted after 1 min 5 s, it has all the traffic"),
        ("held", "version 12 held after 1 min 5 s, the traffic stays where it is"),
        ("conflict", "conflict after 1 min 5 s, nothing more was changed"),
        ("no-op", "nothing to release, version 11 is what this commit builds"),
        ("failed", "failed after 1 min 5 s"),
    ],
)
def test_headlines(outcome: str, said: str) -> None:
    head, *_ = result_lines(replace(ROLLED_BACK, outcome=outcome))
    assert head == f"hello (staging, 3f2a91c): {said}"


def test_first_release_has_nothing_to_compare() -> None:
    first = replace(ROLLED_BACK, outcome="promoted", stable=None, canary=Counts(0, 0), baseline=None)
    assert "  failed  0 of 0 requests to version 12" in result_lines(first)


def test_colour_of_the_outcome_on_a_terminal() -> None:
    out = io.StringIO()
    environ = {"TERM": "xterm-256color"}
    console = Console(stdout=out, stderr=io.StringIO(), environ=environ, terminal=True, width=200)
    show_result(console, ROLLED_BACK)
    first, second, *_ = out.getvalue().splitlines()
    assert first.startswith("\x1b[1;31mhello (staging, 3f2a91c): version 12 rolled back")
    assert second == "  check   errors"
