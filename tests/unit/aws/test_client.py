"""With static credentials nothing of the machine's AWS settings is looked at."""

from __future__ import annotations

import pytest

from pipeline.aws import client, subprocess_environment
from pipeline.manifest.environments import Environment

LOCAL = Environment("local", "0" * 12, "eu-north-1", "b", endpoint="http://127.0.0.1:9", credentials=("test", "test"))


def test_a_profile_of_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    made = client(LOCAL, "logs", read_timeout_s=29)
    assert made._request_signer._credentials.access_key == "test"
    assert made.meta.endpoint_url == "http://127.0.0.1:9"


def test_nor_does_it_reach_a_subprocess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    found = subprocess_environment(LOCAL)
    assert found["AWS_ACCESS_KEY_ID"] == "test"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(found)
