"""A deploy's summary: worst first, walks drawn, under the limit whatever the number of services."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.cost.changes import Cost, Item
from pipeline.deploying.deployed import Deployed, SizeShown
from pipeline.infra.model import Change
from pipeline.release.judge.judge import Counts
from pipeline.release.judge.verdict import Verdict
from pipeline.release.walk.view import ReleaseResult, WalkView
from pipeline.report.markdown.blocks import SUMMARY, Block, document, in_bytes
from pipeline.report.markdown.release import MARKS, markdown
from pipeline.report.markdown.sizes import size_row
from pipeline.report.markdown.walk import CHARTS, COLOURED, KEPT, POINTS, Track, Tracks, mermaid, sample_of, table

COMMIT = "c0ffee" * 6 + "c0ff"
GOOD = ReleaseResult(
    "hello", "staging", "r-1", "promoted", "6", "7", COMMIT, 720.0, "no worse", None, Counts(90, 1), Counts(810, 8),
    "to go back: crabwalk rollback hello --env staging", "https://api.example.com/live",
)  # fmt: skip
BAD = replace(
    GOOD, service="todos", release_id="r-2", outcome="rolled-back", sentence="20 % failed | was 1 %", check="errors",
    next="look into it", url=None,
)  # fmt: skip
FROZEN = replace(
    GOOD, service="mailer", release_id="", outcome="skipped", candidate=None, url=None,
    sentence="a person rolled it back: ada: 5xx", next="crabwalk resume mailer --env staging",
)  # fmt: skip
VERDICT = Verdict("INCONCLUSIVE", "baking", "x", e_value=1.5, limit=100.0)
VIEW = WalkView(
    "todos", "staging", "r-2", COMMIT, "subject", "6", "7", 0.1, (0.1, 0.5), 0, 60.0, 10.0, Counts(90, 18),
    Counts(810, 8), (), VERDICT, "walking", "next", 30.0, 60,
)  # fmt: skip
DONE = Deployed(
    "shop", "staging", COMMIT, "todos: <b>faster</b> @everybody", (GOOD, FROZEN, BAD),
    affected=(("todos", ("src/main.rs changed",)),),
    sizes=(SizeShown("todos", 1_100_000, 1_000_000), SizeShown("hello", 900_000, None)),
    changed=("web",),
    changes=(
        Change("module.todos.aws_lambda_function.this", "aws_lambda_function", "todos", "update", "walks"),
        Change("module.todos_x.aws_sqs_queue.this", "aws_sqs_queue", "todos", "delete", "destroys"),
    ),
    costs=(("todos", Cost((Item("+1 alarm", 0.1),), ("log lines",))),),
)  # fmt: skip


def walked() -> Tracks:
    tracks = Tracks()
    failed = replace(VERDICT, outcome="FAIL", reason="worse", e_value=140.0)
    for at, share, verdict in ((0.0, 0.1, VERDICT), (30.0, 0.1, VERDICT), (60.0, 0.5, VERDICT), (90.0, 0.5, failed)):
        tracks.update([replace(VIEW, elapsed_s=at, weight=share, verdict=verdict)])
    tracks.update([replace(VIEW, elapsed_s=91.0, weight=0.0, verdict=failed, phase="rolled-back")])
    return tracks


def test_the_summary_says_what_matters_first() -> None:
    text = markdown(DONE, walked())
    lines = text.splitlines()
    assert lines[0] == "## shop on <code>staging</code>: 1 rolled back, 1 promoted, 1 skipped"
    assert lines[2] == "Commit <code>c0ffeec0ffee</code>: todos: &lt;b&gt;faster&lt;/b&gt; @&#8203;everybody"
    order = [text.index(one) for one in ("❌ rolled back", "✅ promoted", "### Left alone", "```mermaid", "Sizes")]
    assert order == sorted(order)
    assert "errors: 20 % failed \\| was 1 %" in text
    assert "[open](<https://api.example.com/live>)" in text
    assert "| <code>mailer</code> | ⏭️ skipped | a person rolled it back: ada: 5xx | crabwalk resume mailer" in text
    assert "| <code>todos</code> | 1,100.0 kB | +100,000 B (+10.0%) |" in text
    assert "| <code>hello</code> | 900.0 kB | nothing to compare with |" in text
    terraform = text.index("Terraform changed <code>web</code>")
    assert (
        terraform < text.index("| destroys |") < text.index("| walks |") < text.index("cost todos: \\+0.10 \\$ a month")
    )


def test_a_size_has_its_share_where_that_is_one() -> None:
    assert size_row("x", 1_000_100, 1_000_000) == "| <code>x</code> | 1,000.1 kB | +100 B |"
    assert size_row("x", 999_000, 1_000_000) == "| <code>x</code> | 999.0 kB | -1,000 B (-0.1%) |"
    assert size_row("x", 5, 5) == "| <code>x</code> | 0.0 kB | none |"
    assert size_row("x", 5, 0) == "| <code>x</code> | 0.0 kB | +5 B |"


def test_the_walk_is_drawn_and_told() -> None:
    track = walked().of("r-2")
    assert track is not None
    drawn = list(mermaid(track))
    assert drawn[:6] == [
        "```mermaid",
        COLOURED,
        "xychart-beta",
        '    title "todos: traffic on version 7"',
        '    x-axis "seconds" 0 --> 91',
        '    y-axis "%" 0 --> 100',
    ]
    points = [float(one) for one in re.findall(r"[\d.]+", drawn[6])]
    assert (len(points), points[0], points[-1], set(points)) == (POINTS, 10.0, 0.0, {10.0, 50.0, 0.0})
    assert list(table(track.samples)) == [
        "| 30 s | 10 % | walking | 18 of 90 failed (20 %) | 8 of 810 failed (0.99 %) | 1.5 of 100 |",
        "| 1 min | 50 % | walking | 18 of 90 failed (20 %) | 8 of 810 failed (0.99 %) | 1.5 of 100 |",
        "| 1 min 30 s | 50 % | FAIL worse | 18 of 90 failed (20 %) | 8 of 810 failed (0.99 %) | 140 of 100 |",
        "| 1 min 31 s | 0 % | FAIL worse | 18 of 90 failed (20 %) | 8 of 810 failed (0.99 %) | 140 of 100 |",
    ]


def test_nothing_to_release_and_an_interruption_are_said() -> None:
    nothing = replace(DONE, results=(), changed=())
    assert markdown(nothing, Tracks()).startswith("## shop on <code>staging</code>: nothing to release\n")
    assert "interrupted; Terraform changed 1 stack" in markdown(replace(DONE, results=(), interrupted=True), Tracks())
    assert "1 skipped, interrupted\n" in markdown(replace(DONE, interrupted=True), Tracks())


def test_every_outcome_has_its_mark() -> None:
    for outcome in MARKS:
        assert MARKS[outcome] in markdown(replace(DONE, results=(replace(BAD, outcome=outcome),)), Tracks())


def test_a_walk_of_a_day_keeps_every_change_and_no_more_than_it_may() -> None:
    track = Track("todos", "r-2", "7", "6")
    for minute in range(5_000):
        share = 0.5 if minute > 4_000 else 0.1
        track.add(replace(sample_of(VIEW), at_s=minute * 60.0, share=share))
    assert len(track.samples) <= KEPT + 1
    shares = [one.share for one in track.samples]
    at = shares.index(0.5)
    assert (track.samples[at - 1].at_s, track.samples[at].at_s) == (240_000.0, 240_060.0)
    assert max(len(line) for line in mermaid(track)) < 1_000


@given(st.text(max_size=80))
def test_no_name_ends_a_diagram(name: str) -> None:
    track = Track(name, "r", name, "6", [sample_of(VIEW), replace(sample_of(VIEW), at_s=90.0)])
    drawn = list(mermaid(track))
    assert len(drawn) == 8
    assert re.fullmatch(r'    title "[A-Za-z0-9 ._:-]*"', drawn[3])
    assert all("\n" not in line for line in drawn)


@pytest.mark.parametrize("number", [1, 40, 5_000])
def test_the_summary_fits_whatever_the_number_of_services(number: int) -> None:
    tracks, results = walked(), []
    for index in range(number):
        results.append(replace(BAD, service=f"s{index}", release_id=f"r-{index}", sentence="ü|" * 500))
        tracks.update([replace(VIEW, service=f"s{index}", release_id=f"r-{index}", elapsed_s=at) for at in (1.0, 2.0)])
    text = markdown(replace(DONE, results=tuple(results), sizes=()), tracks)
    assert in_bytes(text) <= SUMMARY
    assert text.count("```mermaid") <= CHARTS
    assert text.count("```") % 2 == 0
    assert text.count("<details>") == text.count("</details>")
    assert ("left out: " in text) is (number == 5_000)


ROWS = ("| a | b |", f"| ü{'x' * 50} | b |", "| c | d |")
BLOCKS = st.lists(
    st.builds(
        Block,
        st.sampled_from(["", "Releases", "Walk of <code>x</code>"]),
        st.lists(st.sampled_from(ROWS), min_size=1, max_size=40).map(tuple),
        st.just(("x", "y")),
        fold=st.booleans(),
        whole=st.booleans(),
    ),
    max_size=8,
)  # fmt: skip


@given(BLOCKS, st.integers(500, 4_000), st.sampled_from([len, in_bytes]))
def test_no_limit_cuts_a_block_and_nothing_is_lost_unsaid(blocks: list[Block], limit: int, measure: object) -> None:
    assert callable(measure)
    text = document("# x\n\n", blocks, limit=limit, all_of_it="More.", measure=measure)
    assert measure(text) <= limit
    assert text.count("<details>") == text.count("</details>")
    every = sum(len(one.lines) for one in blocks)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    shown = sum(one.type == "tr_open" for one in tokens) - sum(one.type == "thead_open" for one in tokens)
    assert (shown < every) is ("left out: " in text)
