"""The quick loader finds what botocore's own finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader

from pipeline.aws import _session
from pipeline.aws.descriptions import described


@pytest.mark.parametrize("service", ["cloudwatch", "iam", "lambda", "logs", "s3", "sns", "sts"])
@pytest.mark.parametrize("kind", ["service-2", "paginators-1", "endpoint-rule-set-1"])
def test_a_description_is_botocores(service: str, kind: str) -> None:
    found, plain = (json.dumps(one.load_service_model(service, kind)) for one in (described(Loader()), Loader()))
    assert found == plain, "in the same order too"


def test_what_a_service_has_no_description_of_is_not_found() -> None:
    with pytest.raises(DataNotFoundError):
        described(Loader()).load_service_model("sts", "waiters-2")


def test_what_is_no_service_stays_unknown() -> None:
    with pytest.raises(UnknownServiceError):
        described(Loader()).load_service_model("lambada", "service-2")


def test_descriptions_of_ones_own_are_found_where_botocore_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "mine" / "2026-01-01"
    own.mkdir(parents=True)
    (own / "service-2.json").write_text('{"metadata": {"apiVersion": "2026-01-01"}}')
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    loader = _session.__wrapped__(("a", "b")).get_component("data_loader")
    assert loader.load_service_model("mine", "service-2") == {"metadata": {"apiVersion": "2026-01-01"}}
    assert "lambda" in loader.list_available_services("service-2")
