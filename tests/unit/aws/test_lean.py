"""The client of `rollback` means the same as botocore's: addresses, credentials, signatures, answers, faults."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from answer_kit import ALIAS, CERTIFICATE, Answering, Asked, answering
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from pipeline.aws import AccessError, TransientError, lean, lean_aliases
from pipeline.aws.aliases import Aliases, AliasMoved, AliasState, AliasUncertain, NotFoundError
from pipeline.aws.functions import Functions
from pipeline.errors import AwsError, CrabwalkError
from pipeline.manifest.environments import Environment

KEYS = ("AKIDEXAMPLE", "secret")
PAIR = "aws_access_key_id = p\naws_secret_access_key = q\n"
WAYS = ["endpoint_url = http://x", "ca_bundle = /x", "use_fips_endpoint = true", "services = s"]
SEEN = AliasState("f", "live", "arn", "2", {}, "", "revision")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any AWS setting; its home."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy") or name == "REQUESTS_CA_BUNDLE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


@pytest.fixture
def aws() -> Iterator[Answering]:
    with answering() as told:
        yield told


@pytest.fixture
def opened() -> Iterator[Callable[..., lean_aliases.LeanAliases]]:
    """Opens the client; closes what was opened."""
    found: list[lean_aliases.LeanAliases] = []

    def make(endpoint: str | None = None, credentials: tuple[str, str] | None = None) -> lean_aliases.LeanAliases:
        made = lean_aliases.aliases("eu-west-1", endpoint, credentials)
        assert made is not None
        found.append(made)
        return made

    yield make
    for one in found:
        one.close()


@pytest.fixture
def both(opened: Any) -> Callable[[str], dict[str, Aliases]]:
    """Both clients of an address."""

    def make(url: str) -> dict[str, Aliases]:
        other = Functions(Environment("e", "1" * 12, "eu-west-1", "b", url, KEYS))
        return {"lean": opened(url, KEYS), "botocore": other}

    return make


def outcome(act: Callable[[], Any]) -> tuple[type[BaseException], str, str | None]:
    with pytest.raises((CrabwalkError, AliasMoved, AliasUncertain)) as fault:
        act()
    return (
        fault.type,
        re.sub(r" \(reached max retries: \d+\)", "", str(fault.value)),
        getattr(fault.value, "hint", None),
    )


# where


@pytest.mark.parametrize("service", ["lambda", "events"])
@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_region_has_the_address_botocore_knows(partition: str, service: str) -> None:
    session = botocore.session.Session()
    regions = session.get_available_regions(service, partition)
    assert regions
    for region in regions:
        client = session.create_client(service, region, aws_access_key_id="a", aws_secret_access_key="b")
        target = lean.plain_target(region, None, None, {}, service)
        assert target is not None
        assert target.url == client.meta.endpoint_url


@pytest.mark.parametrize(
    "region", ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1", "nowhere", "eu-west-1.example"]
)
def test_a_partition_whose_addresses_are_not_known_is_left_to_botocore(region: str) -> None:
    assert lean.plain_target(region, None, None, {}, "lambda") is None


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "https://lambda.eu-west-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL": "http://10.0.0.1:4566/"}, "http://10.0.0.1:4566"),
        (
            {"AWS_ENDPOINT_URL_LAMBDA": "https://vpce.example", "AWS_ENDPOINT_URL": "http://other"},
            "https://vpce.example",
        ),
        ({"AWS_ENDPOINT_URL": "https://gateway.example/lambda"}, None),
        ({"AWS_ENDPOINT_URL": "ftp://x"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, None),
        ({"https_proxy": "http://proxy:3128", "NO_PROXY": "amazonaws.com"}, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "https://lambda.eu-west-1.amazonaws.com"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, None),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, None),
        ({"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_ENDPOINT_URL": "http://x"}, None),
    ],
)
def test_what_the_environment_says_of_the_way(environ: dict[str, str], url: str | None) -> None:
    target = lean.plain_target("eu-west-1", None, None, environ, "lambda")
    assert (target.url if target else None) == url


def test_with_static_credentials_nothing_of_the_machine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://real")
    target = lean.plain_target("eu-west-1", "http://127.0.0.1:9", KEYS, os.environ, "lambda")
    assert target == lean.Target("http://127.0.0.1:9", "eu-west-1")


# who


@pytest.mark.parametrize(
    ("environ", "keys"),
    [
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, lean.Keys("a", "b")),
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "t"}, lean.Keys("a", "b", "t")),
        ({"AWS_ACCESS_KEY_ID": "a"}, None),
        ({}, None),
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_PROFILE": "p"}, None),
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_CREDENTIAL_EXPIRATION": "2026"}, None),
    ],
)
def test_credentials_of_the_environment(environ: dict[str, str], keys: lean.Keys | None) -> None:
    assert lean.environment_keys(environ) == keys


def test_a_configuration_file_is_botocores_to_read(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = bare / ".aws" / "config"
    config.parent.mkdir()
    config.write_text(
        "[default]\nregion = eu-west-1\n[profile on-call]\naws_access_key_id = p\naws_secret_access_key = q\n"
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    assert lean.environment_keys(os.environ) is None
    assert lean._chain_keys() == lean.Keys("a", "b")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_PROFILE", "on-call")
    assert lean._chain_keys() == lean.Keys("p", "q")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert lean._chain_keys() is None, "botocore's client says which profile does not exist"


@pytest.mark.parametrize(
    "line", ["endpoint_url = http://x", "ca_bundle = /x", "use_fips_endpoint = true", "services = s"]
)
def test_a_configuration_file_that_changes_the_way_is_left_to_botocore(bare: Path, line: str) -> None:
    config = bare / ".aws" / "config"
    config.parent.mkdir()
    config.write_text(f"[default]\n{PAIR}{line}\n")
    assert lean_aliases.aliases("eu-west-1", None, None) is None


def test_without_credentials_botocore_says_so() -> None:
    assert lean._chain_keys() is None


# what is sent


def signature(asked: Asked, url: str, keys: lean.Keys) -> str:
    """The signature botocore would give to what arrived."""
    signed = re.search(r"SignedHeaders=([^,]+), Signature=", asked.headers["authorization"])
    assert signed is not None
    headers = {name: asked.headers[name] for name in signed[1].split(";") if name != "host"}
    request = AWSRequest(method=asked.method, url=url + asked.path, data=asked.body, headers=headers)
    request.context["timestamp"] = asked.headers["x-amz-date"]
    signer = SigV4Auth(keys, "lambda", "eu-west-1")
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


@pytest.mark.parametrize("function", ["f", "arn:aws:lambda:eu-west-1:111122223333:function:f"])
def test_what_arrives_is_what_was_signed(aws: Answering, opened: Any, monkeypatch: Any, function: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    quick = opened()
    quick.write_alias(quick.alias(function, "live"), "1", {}, "ü")
    assert [one.method for one in aws.asked] == ["GET", "PUT"]
    for asked in aws.asked:
        assert asked.headers["host"] == aws.url.removeprefix("http://")
        assert asked.headers["x-amz-security-token"] == "t"
        assert asked.headers["authorization"].endswith(signature(asked, aws.url, lean.Keys("a", "b", "t")))


def test_both_send_and_read_the_same(both: Any, aws: Answering) -> None:
    answers = []
    for client in both(aws.url).values():
        seen = client.alias("f", "live")
        answers.append((seen, client.write_alias(seen, "1", {}, "words")))
    assert answers[0] == answers[1]
    assert answers[0][0] == AliasState("f", "live", ALIAS["AliasArn"], "2", {"3": 0.25}, "d", "revision")  # type: ignore[arg-type]
    first, second = aws.asked[:2], aws.asked[2:]
    assert [(one.method, one.path) for one in first] == [(one.method, one.path) for one in second]
    assert eval(first[1].body) == eval(second[1].body)  # noqa: S307


# what comes back

FAULTS = [
    (400, "InvalidParameterValueException", AwsError),
    (403, "AccessDeniedException", AccessError),
    (403, "ExpiredTokenException", AccessError),
    (403, "InvalidSignatureException:http://internal.amazon.com/", AccessError),
    (404, "ResourceNotFoundException", NotFoundError),
    (409, "ResourceConflictException", TransientError),
    (429, "TooManyRequestsException", TransientError),
]


@pytest.mark.parametrize(("status", "code", "kind"), FAULTS)
def test_an_error_means_the_same(both: Any, aws: Answering, status: int, code: str, kind: type[CrabwalkError]) -> None:
    aws.says(status, code)
    for act in (lambda one: one.alias("f", "live"), lambda one: one.write_alias(SEEN, "1", {}, "")):
        found = {name: outcome(lambda one=one, act=act: act(one)) for name, one in both(aws.url).items()}
        assert found["lean"] == found["botocore"]
        assert found["lean"][0] is kind
        assert f"told {code}" in found["lean"][1]


@pytest.mark.parametrize(
    ("status", "code", "body"), [(500, "ServiceException", None), (502, "", b"<html>no"), (503, "", b"")]
)
def test_an_unclear_answer_means_the_same(
    both: Any, aws: Answering, status: int, code: str, body: bytes | None
) -> None:
    aws.says(status, code, body)
    found = {name: outcome(lambda one=one: one.write_alias(SEEN, "1", {}, "")) for name, one in both(aws.url).items()}
    assert found["lean"] == found["botocore"]
    assert found["lean"][0] is AliasUncertain
    assert outcome(lambda: both(aws.url)["lean"].alias("f", "live"))[0] is TransientError


def test_a_moved_alias_means_the_same(both: Any, aws: Answering) -> None:
    aws.says(412, "PreconditionFailedException")
    found = [outcome(lambda one=one: one.write_alias(SEEN, "1", {}, "")) for one in both(aws.url).values()]
    assert found[0] == found[1]
    assert found[0][0] is AliasMoved


@pytest.mark.parametrize("how", [0, -1])
def test_a_write_that_got_no_answer_may_have_happened(both: Any, aws: Answering, how: int) -> None:
    aws.status = how
    for client in both(aws.url).values():
        assert outcome(lambda client=client: client.write_alias(SEEN, "1", {}, ""))[0] is AliasUncertain
    assert outcome(lambda: both(aws.url)["lean"].alias("f", "live"))[0] is TransientError


def test_a_silent_server_is_waited_for_only_so_long(both: Any, aws: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean, "READ_TIMEOUT_S", 0.05)
    aws.status = -2
    quick = both(aws.url)["lean"]
    assert outcome(lambda: quick.write_alias(SEEN, "1", {}, ""))[0] is AliasUncertain
    aws.free.set()
    aws.says(200)
    assert quick.alias("f", "live").version == "2", "it connects anew after trouble"


def test_an_address_where_nobody_listens_was_never_written_to(both: Any) -> None:
    with answering() as gone:
        pass
    for client in both(gone.url).values():
        kind, what, hint = outcome(lambda client=client: client.write_alias(SEEN, "1", {}, ""))
        assert (kind, hint) == (TransientError, "check the network; for `local`, see `crabwalk local status`")
        assert "AWS cannot be reached" in what


# certificates


def test_a_certificate_is_checked(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with answering(tls=True) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        kind, what, _ = outcome(lambda: opened().alias("f", "live"))
        assert kind is TransientError
        assert "certificate verify failed" in what
        for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            with monkeypatch.context() as patch:
                patch.setenv(name, str(CERTIFICATE))
                known = opened()
                assert known.write_alias(known.alias("f", "live"), "1", {}, "").version == "2"
        assert len(aws.asked) == 4
