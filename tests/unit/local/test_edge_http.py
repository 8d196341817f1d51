from __future__ import annotations

import pytest

from pipeline.local.edge.http import allowed_host, refusal

DATA_PATH = "/_aws/execute-api/"


def is_data_plane(_host: str, path: str) -> bool:
    return path.startswith(DATA_PATH)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:4566",
        "localhost:80",
        "LOCALHOST",
        "bucket.localhost:4566",
        "bucket.s3.us-east-1.localhost",
        "a1b2c3d4.execute-api.localhost:4566",
        "0123456789abcdef0123456789abcdef.lambda-url.us-east-1.on.aws",
        "a1b2c3d4.execute-api.eu-west-1.amazonaws.com",
    ],
)
def test_loopback_and_aws_shaped_names_get_in(host):
    assert allowed_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:80",
        "notlocalhost",
        "127.0.0.1:80@evil.example",
        "x.lambda-url.us-east-1.on.aws.evil.example",
        "169.254.169.254",
        "0.0.0.0:4566",
        "localhost:80\n",
        "[::ffff:127.0.0.1]",
    ],
)
def test_all_other_names_stay_outside(host):
    assert not allowed_host(host)


def test_an_origin_is_refused_on_management_calls_only():
    headers = [(b"host", b"127.0.0.1:4566"), (b"Origin", b"http://localhost:3000")]
    assert "Origin" in (refusal(headers, "/2015-03-31/functions", is_data_plane) or "")
    assert refusal(headers, DATA_PATH + "a1/$default/", is_data_plane) is None


@pytest.mark.parametrize("site", [b"cross-site", b"same-site"])
def test_a_page_that_sends_no_origin_is_known_by_its_fetch_metadata(site):
    headers = [(b"host", b"127.0.0.1"), (b"sec-fetch-site", site)]
    assert refusal(headers, "/?Action=DeleteQueue", is_data_plane)


def test_a_foreign_host_is_refused_even_on_the_data_plane():
    assert refusal([(b"host", b"evil.example")], DATA_PATH + "a1/$default/", is_data_plane)
    assert refusal([], "/", is_data_plane)
