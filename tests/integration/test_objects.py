"""Uploads to the bucket: written once, never over another one, checked by S3."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.aws import client
from pipeline.aws.objects import Objects
from pipeline.errors import ConflictError
from pipeline.manifest.environments import Environment

KEY = "artifacts/some.zip"


@pytest.fixture
def objects(env: Environment) -> Objects:
    return Objects(env)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def make(content: bytes) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.zip"
        path.write_bytes(content)
        return path

    return make


def content(objects: Objects) -> bytes:
    stored = objects.get(KEY)
    assert stored is not None
    return stored.body


def test_a_file_is_written_once(objects: Objects, env: Environment, file: Callable[[bytes], Path]) -> None:
    assert objects.upload(KEY, file(b"one"))
    before = client(env, "s3").head_object(Bucket=env.bucket, Key=KEY, ChecksumMode="ENABLED")
    assert not objects.upload(KEY, file(b"one"))
    after = client(env, "s3").head_object(Bucket=env.bucket, Key=KEY)
    assert after["LastModified"] == before["LastModified"]
    assert before["ContentType"] == "application/zip"
    assert before["ChecksumSHA256"] == "dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0="


def test_another_content_is_never_overwritten(objects: Objects, file: Callable[[bytes], Path]) -> None:
    objects.upload(KEY, file(b"one"))
    with pytest.raises(ConflictError, match="another content") as caught:
        objects.upload(KEY, file(b"two"))
    assert caught.value.exit_code == 5
    assert content(objects) == b"one"


def test_what_has_no_checksum_is_compared_by_its_content(
    objects: Objects, env: Environment, file: Callable[[bytes], Path]
) -> None:
    """As an older crabwalk, or a person, has uploaded it."""
    client(env, "s3").put_object(Bucket=env.bucket, Key=KEY, Body=b"one")
    assert not objects.upload(KEY, file(b"one"))
    with pytest.raises(ConflictError):
        objects.upload(KEY, file(b"two"))


def test_a_companion_has_its_own_type(objects: Objects, env: Environment, file: Callable[[bytes], Path]) -> None:
    objects.upload(KEY, file(b"{}"), "application/json")
    assert client(env, "s3").head_object(Bucket=env.bucket, Key=KEY)["ContentType"] == "application/json"


def test_of_racing_uploads_one_writes(env: Environment, file: Callable[[bytes], Path]) -> None:
    path, start = file(b"x" * 200_000), threading.Barrier(8)

    def upload(_: int) -> bool:
        one = Objects(env)
        start.wait()
        return one.upload(KEY, path)

    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(upload, range(8)))
    assert sorted(written) == [False] * 7 + [True]


def test_of_racing_uploads_of_two_contents_the_first_stays(env: Environment, file: Callable[[bytes], Path]) -> None:
    paths, start = [file(b"a" * 200_000), file(b"b" * 200_000)], threading.Barrier(2)

    def upload(path: Path) -> bool | None:
        one = Objects(env)
        start.wait()
        try:
            return one.upload(KEY, path)
        except ConflictError:
            return None

    with ThreadPoolExecutor(2) as pool:
        written = list(pool.map(upload, paths))
    assert sorted(written, key=str) == [None, True]
    assert content(Objects(env)) == paths[written.index(True)].read_bytes()


def test_fifty_megabytes_arrive(objects: Objects, file: Callable[[bytes], Path]) -> None:
    large = b"0123456789" * 5_000_000
    assert objects.upload(KEY, file(large))
    assert content(objects) == large


def test_s3_refuses_what_does_not_arrive_as_it_was_sent(env: Environment) -> None:
    with pytest.raises(ClientError, match="did not match"):
        client(env, "s3").put_object(Bucket=env.bucket, Key=KEY, Body=b"one", ChecksumSHA256="A" * 43 + "=")


class Busy:
    """Answers a conditional write as S3 does while another one is under way, a number of times."""

    def __init__(self, real: Any, times: int) -> None:
        self._real = real
        self.left = times

    def put_object(self, **wanted: Any) -> Any:
        if self.left:
            self.left -= 1
            answer = {
                "Error": {"Code": "ConditionalRequestConflict"},
                "ResponseMetadata": {"HTTPStatusCode": 409},
            }
            raise ClientError(answer, "PutObject")  # type: ignore[arg-type]
        return self._real.put_object(**wanted)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.aws.objects._UPLOAD_PAUSE_S", 0)


@pytest.mark.usefixtures("hurried")
def test_a_write_that_met_another_one_is_tried_again(objects: Objects, file: Callable[[bytes], Path]) -> None:
    objects._reader = Busy(objects._reader, 2)
    assert objects.upload(KEY, file(b"one"))
    assert content(objects) == b"one"


@pytest.mark.usefixtures("hurried")
def test_the_tries_have_an_end(objects: Objects, file: Callable[[bytes], Path]) -> None:
    objects._reader = Busy(objects._reader, 99)
    with pytest.raises(ConflictError, match="again and again"):
        objects.upload(KEY, file(b"one"))
    assert objects._reader.left == 94
    assert not objects.exists(KEY)
