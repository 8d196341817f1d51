"""CloudWatch's answers: several pages, and answers that are not the whole answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.stub import Stubber

from pipeline import aws
from pipeline.aws.metrics import Metrics, Series
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment

ENV = Environment(
    "local", "000000000000", "us-east-1", "bucket", endpoint="http://127.0.0.1:9", credentials=("test", "test")
)
SERIES = tuple(Series("shop-hello", "live", "2", metric) for metric in ("Invocations", "Errors"))
START = 1_200_000.0


@pytest.fixture
def cloudwatch() -> Iterator[Stubber]:
    with Stubber(aws.client(ENV, "cloudwatch")) as stub:
        yield stub
        stub.assert_no_pending_responses()


def result(index: int, status: str, *values: float, at: float = START) -> dict[str, Any]:
    stamps = [datetime.fromtimestamp(at + 60 * n, UTC) for n in range(len(values))]
    return {"Id": f"m{index}", "Timestamps": stamps, "Values": list(values), "StatusCode": status}


def read(cloudwatch: Stubber, *pages: list[dict[str, Any]]) -> Any:
    for number, page in enumerate(pages, 1):
        token = {"NextToken": f"page {number}"} if number < len(pages) else {}
        cloudwatch.add_response("get_metric_data", {"MetricDataResults": page, **token})
    return Metrics(ENV).read(SERIES, START, START + 300)


def test_a_series_goes_on_in_the_next_page(cloudwatch: Stubber) -> None:
    first = [result(0, "PartialData", 5, 6), result(1, "Complete", 1)]
    found = read(cloudwatch, first, [result(0, "Complete", 7, at=START + 120)])
    assert found == {SERIES[0]: {START: 5, START + 60: 6, START + 120: 7}, SERIES[1]: {START: 1}}


@pytest.mark.parametrize("status", ["InternalError", "Forbidden", "PartialData", ""])
def test_a_series_that_could_not_be_read_is_an_outage_not_a_series_of_zeros(cloudwatch: Stubber, status: str) -> None:
    with pytest.raises(AwsError, match=f"Errors of shop-hello:live version 2: {status or 'no status'}"):
        read(cloudwatch, [result(0, "Complete", 40), result(1, status)])


def test_a_series_that_was_not_answered_at_all_is_an_outage(cloudwatch: Stubber) -> None:
    with pytest.raises(AwsError, match=re.escape("Errors of shop-hello:live version 2: no answer")):
        read(cloudwatch, [result(0, "Complete", 40)])


def test_a_call_takes_500_series_whatever_namespaces_they_are_of() -> None:
    many = [Series("shop-hello", "live", str(number), "Requests", namespace="crabwalk") for number in range(501)]
    many += [Series("shop-hello", "live", None, "Lost", "Maximum", "shop", (("Queue", "orders"),))]
    asked: list[list[dict[str, Any]]] = []

    def note(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params["MetricDataQueries"]
        asked.append(params["MetricDataQueries"])

    def answer(context: dict[str, Any], **_: Any) -> Any:
        found = [result(index, "Complete", index) for index, _ in enumerate(context["asked"])]
        return AWSResponse("", 200, {}, None), {"MetricDataResults": found}

    events = aws.client(ENV, "cloudwatch").meta.events
    events.register("provide-client-params.cloudwatch.GetMetricData", note)
    events.register("before-call.cloudwatch.GetMetricData", answer)
    try:
        found = Metrics(ENV).read(many, START, START + 300)  # the calls are made side by side
    finally:
        events.unregister("provide-client-params.cloudwatch.GetMetricData", note)
        events.unregister("before-call.cloudwatch.GetMetricData", answer)
    asked.sort(key=len)
    assert [len(one) for one in asked] == [2, 500]
    assert (found[many[499]], found[many[500]], found[many[501]]) == ({START: 499}, {START: 0}, {START: 1})
    version, own = (query["MetricStat"] for query in asked[0])
    assert version["Metric"] == {
        "Namespace": "crabwalk",
        "MetricName": "Requests",
        "Dimensions": [
            {"Name": "FunctionName", "Value": "shop-hello"},
            {"Name": "Resource", "Value": "shop-hello:live"},
            {"Name": "ExecutedVersion", "Value": "500"},
        ],
    }
    assert (own["Stat"], own["Metric"]["Dimensions"]) == ("Maximum", [{"Name": "Queue", "Value": "orders"}])
