"""Which metrics a log line makes, and that no line does harm."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.local.edge.emf import MAX_LINE, Datum, Extractor, read
from pipeline.local.edge.metric_store import MetricStore

NOW = 1_800_000_000.0


def line(
    *, at: Any = NOW * 1000, namespace: Any = "shop", sets: Any = None, metrics: Any = None, **members: Any
) -> str:
    directive = {
        "Namespace": namespace,
        "Dimensions": [["service"]] if sets is None else sets,
        "Metrics": [{"Name": "orders", "Unit": "Count"}] if metrics is None else metrics,
    }
    header = {"Timestamp": at, "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": header, "service": "hello", "orders": 3, **members})


def only(text: str) -> Datum:
    (datum,) = read(text, NOW)
    return datum


def test_a_metric_of_a_line() -> None:
    assert only(line()) == Datum("shop", "orders", "Count", ((("service", "hello"),),), NOW, ((3.0, 1.0),))


def test_every_dimension_set_is_a_series_of_its_own_whatever_the_order_of_its_names() -> None:
    sets = [["service", "alias"], ["alias", "service"], ["service"], []]
    found = only(line(sets=sets, alias="live")).dimensions
    assert found == ((("alias", "live"), ("service", "hello")), (("service", "hello"),), ())


def test_values_may_be_an_array() -> None:
    assert only(line(orders=[1, 2.5, 1])).values == ((1.0, 2.0), (2.5, 1.0))
    assert read(line(orders=[]), NOW) == ()
    assert len(only(line(orders=list(range(100)))).values) == 100
    assert read(line(orders=list(range(101))), NOW) == ()


def test_several_directives_and_metrics() -> None:
    document = json.loads(line())
    document["_aws"]["CloudWatchMetrics"] += [
        {"Namespace": "other", "Dimensions": [[]], "Metrics": [{"Name": "orders"}, {"Name": "took"}]}
    ]
    found = read(json.dumps({**document, "took": 0.25}), NOW)
    assert [(one.namespace, one.metric, one.unit, one.values) for one in found] == [
        ("shop", "orders", "Count", ((3.0, 1.0),)),
        ("other", "orders", "None", ((3.0, 1.0),)),
        ("other", "took", "None", ((0.25, 1.0),)),
    ]


def test_lambda_may_put_words_before_the_document() -> None:
    assert only("2026-11-21T20:00:00Z\t8476a536-e9f4\tINFO\t" + line()).metric == "orders"


@pytest.mark.parametrize(("age_s", "taken"), [(0, 1), (14 * 86_400, 1), (14 * 86_400 + 1, 0), (-7200, 1), (-7201, 0)])
def test_the_stamp_may_be_two_weeks_old_and_two_hours_ahead(age_s: int, taken: int) -> None:
    assert len(read(line(at=(NOW - age_s) * 1000), NOW)) == taken


def test_limits() -> None:
    names = [f"d{index}" for index in range(31)]
    members = dict.fromkeys(names, "v")
    assert len(only(line(sets=[names[:30]], **members)).dimensions[0]) == 30
    assert read(line(sets=[names], **members), NOW) == ()
    metrics = [{"Name": f"m{index}"} for index in range(101)]
    counts = {f"m{index}": index for index in range(101)}
    assert len(read(line(metrics=metrics[:100], **counts), NOW)) == 100
    assert read(line(metrics=metrics, **counts), NOW) == ()
    assert only(line(orders=2**360)).values == ((2.0**360, 1.0),)
    assert read(line(orders=2**361), NOW) == ()


def test_a_member_that_breaks_the_rules_takes_no_other_with_it() -> None:
    metrics = [{"Name": "wrong"}, {"Name": "missing"}, {"Nome": "orders"}, "orders", {"Name": "orders"}]
    found = only(line(metrics=metrics, wrong="3", sets=[["service"], ["absent"], ["number"], "service"], number=7))
    assert (found.metric, found.dimensions) == ("orders", ((("service", "hello"),),))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words",
        '"_aws"',
        '{"_aws"',
        '{"_aws": 1}',
        '["_aws"]',
        '{"_aws": {"Timestamp": 1800000000000}}',
        '{"_aws": {"Timestamp": 1800000000000, "CloudWatchMetrics": {}}}',
        '{"_aws": {"Timestamp": 1800000000000, "CloudWatchMetrics": [[], null, 7]}}',
        line(at="now"),
        line(at=None),
        line(at=True),
        line(at=-1),
        line(at=10**400),
        line(namespace=7),
        line(namespace=""),
        line(namespace=":colon"),
        line(namespace="x" * 1025),
        line(sets={}),
        line(sets=[]),
        line(sets=[["a", 7]]),
        line(sets=[None]),
        line(metrics={"Name": "orders"}),
        line(service=7),
        line(service=""),
        line(service=" "),
        line(service="two\nlines"),
        line(service="\x00"),
        line(service="\ud800"),
        line(service="Zürich"),
        line(orders="3"),
        line(orders=None),
        line(orders=True),
        line(orders={}),
        line(orders=[[1]]),
        line(orders=[1, "2"]),
        line(orders=float("nan")),
        line(orders=float("inf")),
        line().replace("3}", "1e999}"),
        line().replace("3}", "9" * 5000 + "}"),
        '{"_aws": ' + "[" * 100_000,
        '{"_aws": ' + '{"a":' * 100_000,
        line(filler="x" * MAX_LINE),
        line(
            sets=[[f"d{index}"] for index in range(300)], orders=list(range(100)), **{f"d{i}": "v" for i in range(300)}
        ),
    ],
)
def test_what_is_no_metric_makes_none(text: str) -> None:
    assert read(text, NOW) == ()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("orders"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Name", "orders", "x"]), inner),
    max_leaves=6,
)


@settings(derandomize=True, max_examples=400, database=None)
@given(
    members=st.fixed_dictionaries({}, optional=dict.fromkeys(["namespace", "sets", "metrics", "orders", "at"], _JSON)),
    service=_JSON,
    cut=st.integers(1, 400),
)
def test_no_line_raises(members: dict[str, Any], service: Any, cut: int) -> None:
    text = line(**members, service=service)
    assert isinstance(read(text, NOW), tuple)
    assert isinstance(read(text[:-cut], NOW), tuple)


def test_the_metrics_of_a_functions_lines_are_booked_at_their_stamp() -> None:
    store, now = MetricStore(), int(time.time())
    lines = ["said", line(at=(now - 60) * 1000), line(at=(now - 60) * 1000, orders=[4, 5]), "{"]
    Extractor(store).take("0", "us-east-1", lines)
    key = ("0", "us-east-1", "shop", "orders", (("service", "hello"),))
    assert store.query(key, now - 60, now - 59, 1, "Sum") == [(now - 60, 12.0)]
    assert store.query(key, now - 60, now - 59, 1, "TC(3:)") == [(now - 60, 2.0)]
    assert store.unit(key) == "Count"


def test_lines_without_metrics_are_not_even_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(json, "loads", lambda text, **_: parsed.append(text))
    Extractor(MetricStore()).take("0", "us-east-1", ['{"event":"request","duration_ms":0.5}', "words"])
    assert parsed == []
