"""docs/cost-of-running.md: what a walk asks of AWS is counted again, and its table says what it comes to."""

from __future__ import annotations

import math
from pathlib import Path

from cost_kit import counted

from pipeline.manifest.environments import Environment

PAGE = Path(__file__).parents[3] / "docs" / "cost-of-running.md"
# US dollars a thousand; the page says where from.
METRIC, READ, WRITE = 0.01, 0.0004, 0.005
LEASE_S = Environment("production", "1", "us-east-1", "b").lease_s


def table() -> str:
    calls, seconds = counted()
    lease = 2 + math.floor(seconds / (LEASE_S / 4))
    costs = [
        calls["metrics"] * METRIC / 1000,
        calls["GetObject"] * READ / 1000,
        calls["PutObject"] * WRITE / 1000,
        lease * WRITE / 1000,
    ]
    looks = calls["GetAlias"]
    each = calls["metrics"] // calls["GetMetricData"]
    rows = [
        ("what", "how many", "price", "cost"),
        ("---",) * 4,
        ("minutes until it is promoted", f"{seconds / 60:.1f}", "", ""),
        ("looks", looks, "", ""),
        (
            f"metrics asked of CloudWatch (`GetMetricData`, {each} a look)",
            calls["metrics"],
            "0.01 $ a thousand*",
            f"{costs[0]:.4f} $",
        ),
        ("objects read (`GetObject`)", calls["GetObject"], "0.0004 $ a thousand*", f"{costs[1]:.4f} $"),
        ("objects written (`PutObject`)", calls["PutObject"], "0.005 $ a thousand*", f"{costs[2]:.4f} $"),
        ("the lease: taken, renewed, given back (`PutObject`)", lease, "0.005 $ a thousand*", f"{costs[3]:.4f} $"),
        ("reads and writes of the alias", looks + calls["UpdateAlias"], "nothing", "0 $"),
        ("together", "", "", f"{sum(costs):.4f} $"),
    ]
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    lines[1] = "|---|---|---|---|"
    return "\n".join(lines).replace("|  |", "| |").replace("|  |", "| |")


def test_a_walk_costs_what_the_page_says() -> None:
    said = PAGE.read_text().partition("<!-- counted: walk -->\n")[2].partition("\n<!-- end -->")[0]
    assert said == table()
