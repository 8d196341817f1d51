"""The exact output of `cost`: from figures given, from what CloudWatch measured, and without any traffic."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import verb_kit
from verb_kit import Place

from pipeline import local
from pipeline.cli import run

Captured = pytest.CaptureFixture[str]
GIVEN = ("--duration", "10 ms", "--cold-share", "20 %", "--init", "55 ms")
CALLS = 12
NOT_IN_IT = "free tier, volume tiers, savings plans, data transfer, what the function calls"


@pytest.fixture
def place(tmp_path: Path, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return verb_kit.place(tmp_path, namespace)


def said(capsys: Captured, *arguments: str, code: int = 0) -> list[str]:
    assert run(["cost", *arguments]) == code
    out, err = capsys.readouterr()
    return (out if code == 0 else err).splitlines()


@pytest.mark.usefixtures("place")
def test_from_figures_that_were_given(capsys: Captured) -> None:
    assert said(capsys, "hello", "--env", "staging", "--region", "us-east-1", *GIVEN) == [
        "hello: 1.24 $ a month in us-east-1, 128 MB on arm64",
        "  1,000,000 requests a month of 10 ms, 20 % cold with 55 ms of init; as given",
        "   0.20 $  requests     1,000,000 x 0.20 $ a million",
        "  0.017 $  duration     1,000,000 x 10 ms x 128 MB x 0.0000133334 $ a GB-s",
        "  0.018 $  cold starts  200,000 x 55 ms of init x 128 MB x 0.0000133334 $ a GB-s",
        "   1.00 $  API Gateway  1,000,000 x 1.00 $ a million, of 512 KB at most",
        "  on x86_64: 1.24 $, if it is as fast there",
        f"  not in it: log ingestion: how much an invocation logs; {NOT_IN_IT}",
        "  prices: price-list of 2026-09-19",
    ]


@pytest.mark.usefixtures("place")
def test_prices_that_could_not_be_looked_up_again_are_marked(capsys: Captured) -> None:
    found = said(capsys, "hello", "--env", "staging", *GIVEN, "--requests", "2M")
    assert "   2.22 $  API Gateway  2,000,000 x 1.11 $ a million, of 512 KB at most  (price not confirmed)" in found
    prices = "calculator of 2024-08-22; remembered of 2025-12-31, not confirmed"
    assert found[-1] == f"  prices: {prices}"


def test_size_and_architecture_can_be_tried(place: Place, capsys: Captured) -> None:
    manifest = (
        "crabwalk: 1\nname: hello\nmemory: 256 MB\nephemeral_storage: 1 GB\narchitecture: x86_64\n"
        "triggers: [{function-url: {stream: true}}]\n"
    )
    (place.root / "services/hello/service.yaml").write_text(manifest)
    found = said(capsys, "--env", "staging", "--region", "us-east-1", "--duration", "1 s")
    assert found == [
        "hello: 4.38 $ a month in us-east-1, 256 MB on x86_64",
        "  1,000,000 requests a month of 1,000 ms; as given",
        "   0.20 $  requests           1,000,000 x 0.20 $ a million",
        "   4.17 $  duration           1,000,000 x 1,000 ms x 256 MB x 0.0000166667 $ a GB-s",
        "  0.015 $  ephemeral storage  1,000,000 s x 512 MB beyond 512 x 0.0000000309 $ a GB-s",
        "   0.00 $  function URL       no price of its own",
        "  on arm64: 3.55 $, if it is as fast there",
        (
            "  not in it: cold starts: their share and how long they take; "
            "streamed bytes: how many an answer has beyond 6 MB; "
            f"log ingestion: how much an invocation logs; {NOT_IN_IT}"
        ),
        "  prices: price-list of 2026-09-19",
    ]
    tried = ("--memory", "1 GB", "--architecture", "arm64", "--streamed", "10 MB", "--requests", "50k")
    found = said(capsys, "--env", "staging", "--region", "us-east-1", "--duration", "1 s", *tried)
    assert found[0] == "hello: 2.06 $ a month in us-east-1, 1,024 MB on arm64"
    assert "     1.38 $  streamed bytes     50,000 x 3.537 MB beyond 6 x 0.008 $ a GB" in found


@pytest.mark.usefixtures("place")
def test_the_projects_own_prices(capsys: Captured) -> None:
    own = {"format": 1, "currency": "USD", "sources": {"contract": {"from": "us", "date": "2026-11-01"}}}
    requests = {"requests": {"unit": "a million", "contract": {"us-east-1": "0.10"}}}
    Path("crabwalk.prices.json").write_text(json.dumps({**own, "prices": requests}))
    where = ("hello", "--env", "staging", "--region", "us-east-1", *GIVEN)
    found = said(capsys, *where)
    assert "   0.10 $  requests     1,000,000 x 0.10 $ a million" in found
    assert found[-1] == "  prices: contract of 2026-11-01; price-list of 2026-09-19"
    Path("other.json").write_text("{}")
    assert said(capsys, *where, "--prices", "other.json", code=2) == [
        "error: this is no table of prices: it does not begin with `format: 1` and `currency: USD`",
        "  at other.json",
        "  next: docs/cost.md shows the form",
    ]


@pytest.mark.usefixtures("embedded", "place")
def test_without_traffic_the_formula_is_shown(capsys: Captured) -> None:
    assert said(capsys, "hello", "--env", "local") == [
        "hello: no traffic in the last 168 h, so there is nothing to multiply",
        "  a million requests at 128 MB on arm64 in us-east-1:",
        "    0.20 $ + 0.0017 $ for each ms billed of every one of them",
        "    + (cold share x ms of init) x the same; --duration 20ms computes it",
    ]


def test_what_cloudwatch_measured(embedded: local.Running, place: Place, capsys: Captured) -> None:
    functions = verb_kit.deployed(embedded, place.function)
    for _ in range(CALLS):
        functions.invoke(FunctionName=place.function, Qualifier="live", Payload=b"{}")
    found = said(capsys, "hello", "--env", "local")
    head = r"  52 requests a month of [\d.]+ ms, [\d.]+ ms billed, 8.33 % cold with [\d.]+ ms of init; "
    assert re.fullmatch(head + rf"measured: {CALLS} requests in 168 h, {CALLS} REPORT lines", found[1]), found[1]
    assert re.fullmatch(r" +0.00001 \$  requests +52 x 0.20 \$ a million", found[2]), found[2]
    assert run(["cost", "hello", "--env", "local", "--output", "json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["services"]
    assert list(one) == [
        "service",
        "region",
        "work",
        "measured",
        "sample",
        "monthly",
        "lines",
        "not_in_it",
        "other_architecture",
        "other_monthly",
        "million_requests",
        "million_milliseconds",
        "sources",
    ]
    assert (one["measured"]["requests"], one["sample"]["number"], one["sample"]["cold"]) == (CALLS, CALLS, 1)
    assert one["monthly"] == pytest.approx(sum(line["monthly"] for line in one["lines"]))
    assert one["lines"][0] == {
        "what": "requests",
        "monthly": pytest.approx(one["work"]["requests"] / 1e6 * 0.2),
        "how": "52 x 0.20 $ a million",
        "price": 0.2,
        "unit": "a million",
        "source": "price-list",
        "confirmed": True,
    }


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("helo", "--duration", "1ms"), "there is no service `helo`"),
        (("--region", "xx-moon-1"), "there are no prices for `xx-moon-1`"),
        (("--memory", "64 MB"), "`64 MB` is no memory size of Lambda's: 128 MB to 10240 MB"),
        (("--memory", "512"), "`512` has no unit: write `512 MB`"),
        (("--duration", "5"), "`5` has no unit: write `5 ms`"),
        (("--cold-share", "120 %"), "`120 %` is more than all: at most `100 %`"),
        (("--requests", "many"), "`many` is no number: write for example `250000`, `50k` or `2M`"),
        (("--since", "0d"), "there is nothing in no time"),
    ],
)
def test_what_cannot_be_meant(arguments: tuple[str, ...], what: str, capsys: Captured) -> None:
    assert what in "\n".join(said(capsys, "--env", "staging", *arguments, code=2))


def test_several_services_and_their_sum(place: Place, capsys: Captured) -> None:
    other = place.root / "services/other"
    (other / "src").mkdir(parents=True)
    (other / "Cargo.toml").write_text('[package]\nname = "other"\nversion = "0.1.0"\nedition = "2024"\n')
    (other / "src/main.rs").write_text("fn main() {}\n")
    (other / "service.yaml").write_text("crabwalk: 1\nname: other\n")
    found = said(capsys, "--all", "--env", "staging", "--region", "us-east-1", *GIVEN)
    assert [line for line in found if not line.startswith(" ")] == [
        "hello: 1.24 $ a month in us-east-1, 128 MB on arm64",
        "other: 0.24 $ a month in us-east-1, 128 MB on arm64",
        "2 services: 1.47 $ a month",
    ]
    assert said(capsys, "other", "--env", "staging", *GIVEN)[0].startswith("other: ")
