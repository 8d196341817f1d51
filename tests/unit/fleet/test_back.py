"""A target is taken back service by service; one that cannot be keeps no other from it."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import AwsError
from pipeline.fleet import back
from pipeline.fleet.plan import FleetRelease


def test_a_service_that_cannot_go_back_keeps_no_other_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wants = {"a": {"hello": "1", "orders": "2", "zebra": "3"}}
    release = FleetRelease("shop", "r1", "c0ffee", "a change", "arn", None, 1000.0, wants)
    tried, said = list[str](), list[str]()

    def each(_member: Any, service: str, *_: Any) -> None:
        tried.append(service)
        if service != "orders":
            raise AwsError(f"could not read alias `live` of {service}")

    monkeypatch.setattr(back, "_take_back", each)
    with pytest.raises(AwsError, match="of zebra"):
        back.take_back(None, "a", release, "arn", said.append)  # type: ignore[arg-type]
    assert tried == ["zebra", "orders", "hello"]
    assert said == ["zebra: could not read alias `live` of zebra", "hello: could not read alias `live` of hello"]
