"""A Rust service that answers HTTP 500 without an error is rolled back by what rust_shared tells of it."""

from __future__ import annotations

from shop_kit import HELLO, REPOSITORY, Shop

from pipeline.aws.metrics import Metrics, Series
from pipeline.local.traffic import Traffic

# One name in five is answered with 500, and Lambda sees nothing but successes.
REFUSING = (
    ("-> Result<String, Error>", "-> Result<lambda_http::Response<String>, Error>"),
    (
        '    Ok(format!("Hello, {name}!"))',
        (
            "    let status = if name.ends_with(['3', '7']) { 500 } else { 200 };\n"
            '    Ok(lambda_http::Response::builder().status(status).body(format!("Hello, {name}!"))?)'
        ),
    ),
)


def test_answers_of_500_are_rolled_back_although_lambda_sees_no_error(shop: Shop, traffic: Traffic) -> None:
    before = shop.alias()["FunctionVersion"]
    shop.walk_in("hello")
    source = (REPOSITORY / HELLO).read_text()
    for old, new in REFUSING:
        assert old in source
        source = source.replace(old, new)
    shop.write(HELLO, source)
    shop.commit("hello: refuse some names quietly")
    done = shop.deploy()
    assert done.code == 3, done.said
    assert "  check   failures" in done.lines
    assert (shop.alias()["FunctionVersion"], shop.weights()) == (before, {})
    assert traffic.statuses[500] > 0

    (entry,) = (one for one in shop.history()[:1] if one["outcome"] == "rolled-back")
    assert entry["evidence"]["check"] == "failures"
    version, function = entry["candidate"], shop.function()
    spaces = {"Invocations": "AWS/Lambda", "Errors": "AWS/Lambda", "Requests": "crabwalk", "Failures": "crabwalk"}
    wanted = {name: Series(function, "live", version, name, namespace=space) for name, space in spaces.items()}
    found = Metrics(shop.env).read(tuple(wanted.values()), entry["started"] - 60, entry["ended"] + 60)
    counts = {name: sum(found[series].values()) for name, series in wanted.items()}
    assert counts["Errors"] == 0
    assert counts["Requests"] == counts["Invocations"] > 0
    assert 0.05 < counts["Failures"] / counts["Requests"] < 0.5

    logs = shop.crabwalk("logs", "hello", "--version", version)
    assert logs.code == 0
    assert "_aws" not in logs.out
    assert "event=request" in logs.out
    told = shop.crabwalk("logs", "hello", "--version", version, "--metrics", "--output", "json").json["events"]
    assert any('"Failures":1}' in one["message"] for one in told)
