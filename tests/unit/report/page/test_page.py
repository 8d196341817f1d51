"""What pages are made of: foreign text stays text, the policy fits the page, the same values give the same bytes."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import page_kit
import pytest
from hypothesis import given
from hypothesis import strategies as st
from release_kit import START

from pipeline.release.ledger.digest import digest_of
from pipeline.release.verbs.overview import first_of_all, weekly
from pipeline.report.page import environment
from pipeline.report.page.charts import MOST_POINTS, MOST_ROWS, Chart, Line, draw, elapsed, nice, numbers, thinned
from pipeline.report.page.curves import charts, joined
from pipeline.report.page.html import Safe, el, table, text
from pipeline.report.page.release import Package, markup
from pipeline.report.text import clean

ACCOUNT = page_kit.account()
PAGE = markup(ACCOUNT, page_kit.PACKAGE, "1.2.3")
LIVE, WALKS, overview = page_kit.LIVE, page_kit.WALKS, page_kit.overview


class Read(HTMLParser):
    """Tags in order, and that each is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: str) -> Read:
    found = Read()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


@given(st.text())
def test_any_text_is_text(value: str) -> None:
    found = read(el("p", value, title=value, data_x=value))
    assert [tag for tag, _ in found.tags] == ["p"]
    assert "".join(found.words) == clean(value).replace("\r", "\n")
    assert set(found.tags[0][1]) == {"title", "data-x"}


def test_markup_made_here_stays_and_nothing_is_left_out_of_a_table() -> None:
    assert el("p", None, "a&b", el("b", 1), hidden=False, class_="x") == '<p class="x">a&amp;b<b>1</b></p>'
    assert text(Safe("<b>")) == "<b>"
    assert read(table("c", ("a", "b"), [("1", "<2>")])).words == ["c", "a", "b", "1", "<2>"]


@pytest.mark.parametrize(
    "page",
    [
        PAGE,
        markup(page_kit.account(curves=(), latency=(), missing=("gone",)), Package({}, {}, fault="no"), "1"),
        environment.markup(overview(), "1", refresh_s=10, fault=page_kit.HOSTILE),
        environment.markup(overview(statuses=(), recent=(), whole=None), "1", refresh_s=None, linked=False),
        environment.nothing("x", page_kit.HOSTILE, None),
    ],
)
def test_a_page_is_whole_and_its_policy_lets_nothing_in(page: str) -> None:
    found = read(page.removeprefix("<!doctype html>\n"))
    tags = {tag for tag, _ in found.tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "link", "form", "base", "audio", "video"}
    assert not any(name.startswith("on") or name == "style" for _, named in found.tags for name in named)
    policy = next(
        str(named["content"]) for _, named in found.tags if named.get("http-equiv") == "Content-Security-Policy"
    )
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    named = [str(one["id"]) for _, one in found.tags if "id" in one]
    assert len(named) == len(set(named))
    pointed = [str(one[key]) for _, one in found.tags for key in ("aria-labelledby", "aria-describedby") if key in one]
    pointed += [str(one["href"])[1:] for tag, one in found.tags if tag == "a" and str(one["href"]).startswith("#")]
    assert set(pointed) <= set(named)
    assert "@import" not in style[1]
    assert "url(" not in style[1]


def test_the_same_values_give_the_same_bytes() -> None:
    assert markup(page_kit.account(), page_kit.PACKAGE, "1.2.3") == PAGE


def test_the_page_tells_everything() -> None:
    said = " ".join(read(PAGE.removeprefix("<!doctype html>\n")).words)
    for words in (
        "rolled back", "1 → 2", "c0ffeec0ffee", "version 2 got 50 % of the traffic", "asked for the next step",
        "ada (GitHub says ada)", "rolled back by hand", "bob", "FAIL (worse)", "4,321", "1,440", "10 %", "2 min",
        "a" * 64, "1,234,567 B", "aarch64-unknown-linux-musl", "rustc 1.96.0", "the commit was made",
    ):  # fmt: skip
        assert words in said, words
    assert [one.key for one in charts(ACCOUNT)] == [
        "weights", "requests", "rate-errors", "evidence-errors", "rate-slow", "evidence-slow", "latency",
    ]  # fmt: skip


def test_the_judges_band_holds_the_new_versions_rate_and_the_evidence_passes_its_limit() -> None:
    rate = next(one for one in charts(ACCOUNT) if one.key == "rate-errors")
    new = dict(rate.lines[0].points)
    inside = [low <= 0.2 <= high for t, low, high in rate.band if t >= START + 10]
    assert new
    assert len(inside) > 20
    assert sum(inside) > 0.9 * len(inside)
    evidence = next(one for one in charts(ACCOUNT) if one.key == "evidence-errors")
    assert max(value for _, value in evidence.lines[0].points) > evidence.lines[1].points[0][1]


@pytest.mark.parametrize(
    ("largest", "top"), [(0.0, 1.0), (float("nan"), 1.0), (1.0, 1.0), (1.2, 2.0), (23, 25), (7e6, 1e7)]
)
def test_scales_end_at_round_numbers(largest: float, top: float) -> None:
    assert nice(largest) == top


@given(st.floats(1e-9, 1e12))
def test_a_scale_holds_its_largest_value(largest: float) -> None:
    assert largest * 0.999 <= nice(largest) <= largest * 2.51


def test_a_long_walk_is_thinned_and_its_peak_stays() -> None:
    points = tuple((float(t), 100.0 if t == 7_777 else 1.0) for t in range(10_000))
    few = thinned(points)
    assert len(few) <= MOST_POINTS
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert max(value for _, value in few) == 100.0
    chart = Chart("k", "t", "d", 0.0, 10_000.0, (Line("x", "new", points),), lambda value: f"{value:g}")
    assert numbers(chart).count("<tr>") <= MOST_ROWS + 1
    assert len(draw(chart)) < 20_000


def test_neighbours_of_one_step_are_added_up() -> None:
    curve = ACCOUNT.curves[0]
    many = tuple(replace(look, t=START + number) for number, look in enumerate(curve.looks * 20))
    few, each = joined(many)
    assert each == 3
    assert sum(one.canary.n for one in few) == sum(one.canary.n for one in many)
    assert joined(curve.looks) == (list(curve.looks), 1)


def test_elapsed_is_as_on_a_watch() -> None:
    assert [elapsed(one) for one in (0, 59.6, 61, 3_600, -30)] == ["0:00", "1:00", "1:01", "1:00:00", "-0:30"]


def test_a_dashboard_shows_what_wants_an_eye_first_and_commands_to_copy() -> None:
    assert [one.service for one in first_of_all((LIVE, WALKS))] == ["todos", "hello"]
    page = environment.markup(overview(), "1", refresh_s=10)
    assert page.index("Under way") < page.index("todos")
    for verb in ("promote", "pause", "abort", "rollback"):
        assert f'value="crabwalk {verb} todos --env staging"' in page
    assert page.count('readonly=""') == 6
    assert 'href="/release/20260102T030405-abc123"' in page
    assert "http-equiv" in page
    still = environment.markup(overview(), "1", refresh_s=None, linked=False)
    assert 'http-equiv="refresh"' not in still
    assert "/release/" not in still


def test_weeks_are_whole_and_end_now() -> None:
    weeks = weekly([digest_of(replace(ACCOUNT.entry, committed=START - 600))], START + 3600)
    assert len(weeks) == 12
    assert weeks[-1].until == START + 3600
    assert [one.figures.failures for one in weeks] == [0] * 11 + [1]
