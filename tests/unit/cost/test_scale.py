"""docs/scale.md: its tables are the model's, and the model's walk is the one that is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from cost_kit import counted

from pipeline.cost import scale
from pipeline.cost.prices import built_in
from pipeline.cost.scale import SIZES, Fleet, costs, everything, first, remedies, table, uses
from pipeline.manifest.environments import Environment

PAGE = Path(__file__).parents[3] / "docs" / "scale.md"


@pytest.mark.parametrize(
    ("name", "made"), [("month", table(built_in())), ("commit", everything()), ("remedies", remedies())]
)
def test_the_page_has_the_tables_that_the_model_prints(name: str, made: str) -> None:
    assert PAGE.read_text().partition(f"<!-- counted: {name} -->\n")[2].partition("\n<!-- end -->")[0] == made


def test_the_walk_is_the_one_that_is_counted() -> None:
    calls, seconds = counted()
    said = (scale.LOOKS, scale.METRICS, scale.READS, scale.WRITES, scale.MOVES, scale.WALK_S)
    names = ("GetAlias", "metrics", "GetObject", "PutObject", "UpdateAlias")
    assert said[:-1] == tuple(calls[name] for name in names)
    assert pytest.approx(seconds, abs=scale.TICK_S) == scale.WALK_S
    made = Environment("production", "1", "us-east-1", "b")
    assert made.tick_s == scale.TICK_S
    assert 2 + seconds // (made.lease_s / 4) == scale.RENEWALS


@pytest.mark.parametrize(("size", "named", "over"), [(10, "IAM roles", False), (1_000, "IAM roles", True)])
def test_the_first_quota_to_be_reached_is_the_fullest(size: int, named: str, over: bool) -> None:
    fleet = Fleet(size)
    found = first(uses(fleet, fleet.at_once, machine=False))
    assert (found.what, found.share > 1) == (named, over)


def test_looks_of_each_alias_in_each_round_reach_lambdas_quota_at_225_walks_less_what_is_written() -> None:
    def share(walks: int) -> float:
        return next(use.share for use in uses(Fleet(1_000), walks, machine=True) if use.what == "Lambda's calls")

    assert share(200) < 1 < share(225)


@pytest.mark.parametrize("machine", [False, True])
def test_a_month_costs_in_proportion_to_the_services(machine: bool) -> None:
    bills = [sum(costs(Fleet(size), built_in(), machine=machine).values()) for size in SIZES]
    assert bills[0] > 0
    assert [bill / bills[0] for bill in bills] == pytest.approx([size / SIZES[0] for size in SIZES])


def test_everything_that_may_be_first_has_a_remedy() -> None:
    assert {use.what for use in uses(Fleet(10), 10, machine=True)} == set(scale.REMEDIES)


def test_it_prints_its_tables(capsys: pytest.CaptureFixture[str]) -> None:
    scale.main()
    printed = capsys.readouterr().out
    assert all(one in printed for one in (table(built_in()), everything(), remedies()))
