"""A secret has the value somebody wrote, and before that none."""

from __future__ import annotations

import edge_kit as kit
import pytest

from pipeline import local


def test_a_secret_without_a_value_cannot_be_read_until_one_is_written(embedded: local.Running, namespace: str) -> None:
    secrets = kit.client(embedded, "secretsmanager")
    assert "VersionId" not in secrets.create_secret(Name=namespace)
    assert not secrets.describe_secret(SecretId=namespace).get("VersionIdsToStages")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException, match="staging label: AWSCURRENT"):
        secrets.get_secret_value(SecretId=namespace)
    for value in ("first", "second"):
        secrets.put_secret_value(SecretId=namespace, SecretString=value)
        assert secrets.get_secret_value(SecretId=namespace)["SecretString"] == value
    assert secrets.get_secret_value(SecretId=namespace, VersionStage="AWSPREVIOUS")["SecretString"] == "first"


def test_a_secret_made_with_a_value_has_it(embedded: local.Running, namespace: str) -> None:
    secrets = kit.client(embedded, "secretsmanager")
    made = secrets.create_secret(Name=namespace, SecretString="value")
    read = secrets.get_secret_value(SecretId=namespace)
    assert (read["SecretString"], read["VersionId"]) == ("value", made["VersionId"])
