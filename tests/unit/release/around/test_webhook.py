from __future__ import annotations

import socket

import pytest
from listener_kit import listening

from pipeline.release.around.webhook import WebhookError, check_address, post

SECRETS = ("T0K3N", "s3cret", "hidden")


@pytest.fixture
def paused() -> list[float]:
    return []


def test_json_is_posted_once(monkeypatch, paused) -> None:
    with listening((204, "")) as there:
        monkeypatch.setenv("GATE", there.url)
        answer = post("GATE", {"a": "ä"}, timeout_s=5, pause=paused.append)
    assert (answer.good, answer.status, there.came, paused) == (True, 204, [{"a": "ä"}], [])
    assert there.headers[0]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("answers", "came", "status"),
    [((503, 200), 2, 200), ((500, 502), 2, 502), ((404,), 1, 404), ((429,), 1, 429)],
)
def test_only_a_5xx_is_asked_once_more(monkeypatch, paused, answers, came, status) -> None:
    with listening(*answers) as there:
        monkeypatch.setenv("GATE", there.url)
        answer = post("GATE", {}, timeout_s=5, pause=paused.append)
    assert (answer.status, len(there.came), len(paused)) == (status, came, came - 1)


def test_a_redirect_is_an_answer_and_is_not_followed(monkeypatch) -> None:
    with listening() as elsewhere, listening((307, elsewhere.url)) as there:
        monkeypatch.setenv("GATE", there.url)
        answer = post("GATE", {"secret": "x"}, timeout_s=5)
    assert (answer.status, answer.good, elsewhere.came) == (307, False, [])


def test_what_does_not_answer_is_asked_once_more_and_then_said_without_its_address(monkeypatch, paused) -> None:
    with listening() as there:
        there.hold.clear()
        monkeypatch.setenv("GATE", there.url)
        with pytest.raises(WebhookError) as caught:
            post("GATE", {}, timeout_s=0.2, pause=paused.append)
        assert len(there.until(2)) == 2
    assert caught.value.what == "the webhook of GATE did not answer within 0.2 s"
    assert caught.value.__cause__ is None


def test_nobody_there(monkeypatch, paused) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GATE", f"http://127.0.0.1:{taken.getsockname()[1]}/s3cret")
        with pytest.raises(WebhookError, match=r"the webhook of GATE cannot be reached \(Connection refused\)"):
            post("GATE", {}, timeout_s=1, pause=paused.append)
    monkeypatch.setenv("GATE", "https://nowhere.invalid/s3cret")
    with pytest.raises(WebhookError, match="the webhook of GATE cannot be reached"):
        post("GATE", {}, timeout_s=5, pause=paused.append)


def test_what_does_not_speak_tls_is_not_spoken_to(monkeypatch, paused) -> None:
    with listening() as there:
        monkeypatch.setenv("GATE", there.url.replace("http://", "https://"))
        with pytest.raises(WebhookError, match="the webhook of GATE does not speak TLS"):
            post("GATE", {}, timeout_s=2, pause=paused.append)
    assert there.came == []


def test_an_answer_that_repeats_the_address_does_not_show_it(monkeypatch) -> None:
    with listening() as there:
        there.answers.append((403, f"no: {there.url} and /T0K3N/s3cret"))
        monkeypatch.setenv("GATE", there.url)
        answer = post("GATE", {}, timeout_s=5)
    assert answer.text == "no: … and …"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://hooks.example.org/s3cret",
        "http://localhost.example.org/s3cret",
        "ftp://127.0.0.1/s3cret",
        "file:///etc/passwd",
        "hooks.example.org/s3cret",
        "https://",
        "https://[s3cret/",
        "https://example.org:port/s3cret",
        "https://example.org/s3 cret",
    ],
)
def test_an_address_must_be_https_and_is_never_shown(monkeypatch, address: str) -> None:
    monkeypatch.setenv("GATE", address)
    with pytest.raises(WebhookError) as caught:
        check_address("GATE")
    said = f"{caught.value.what} {caught.value.hint}"
    assert "GATE" in said
    assert not any(secret in said for secret in SECRETS)


@pytest.mark.parametrize("address", ["https://hooks.example.org/a", "http://127.0.0.1:8/a", "http://[::1]/a"])
def test_addresses_that_may_be_called(monkeypatch, address: str) -> None:
    monkeypatch.setenv("GATE", address)
    check_address("GATE")
