"""S3 objects of the environment's one bucket, read and written conditionally.

A conditional write is answered 412 when the object is not what was named, and 409 when two conditional writes met;
both are `PreconditionFailed` here: the caller reads again (AWS, "Conditional requests" in the S3 user guide).
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from pipeline.aws import aws_errors, client, error_code, http_status
from pipeline.errors import AwsError, ConflictError
from pipeline.manifest.environments import Environment

CLOCK_TOLERANCE_S = 2.0  # a Date header has whole seconds, and an answer takes its time

_UPLOAD_TRIES = 5
_UPLOAD_PAUSE_S = 0.2


class PreconditionFailed(Exception):  # noqa: N818 - AWS's own name for it
    """The object changed between our read and our write; nothing was written."""


@dataclass(frozen=True)
class Stored:
    """An object as read; `age_s` is by the server's clock alone, so the reader's clock does not matter."""

    key: str
    body: bytes
    etag: str
    age_s: float


class Objects:
    """Objects of one environment's bucket."""

    def __init__(self, env: Environment, clock: Callable[[], float] | None = None) -> None:
        self._env = env
        self._clock = clock or time.time
        self._offset = 0.0  # of AWS's clock, where this machine's is wrong
        self._bucket = env.bucket
        # One attempt a write: a repeated conditional write reports a conflict with itself.
        self._writer = client(env, "s3", retries=False)
        self._reader = client(env, "s3")

    def now(self) -> float:
        """Epoch seconds: this machine's, corrected by what AWS said last where that is more than a rounding apart."""
        return self._clock() + self._offset

    def get(self, key: str) -> Stored | None:
        """Return the object or None; AwsError when the bucket is missing or cannot be read."""
        from botocore.exceptions import ClientError

        with self._in_bucket(f"read s3://{self._bucket}/{key}"):
            try:
                answer = self._reader.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if error_code(error) in {"NoSuchKey", "404"}:
                    return None
                raise
            self._heed(answer)
            return Stored(key, answer["Body"].read(), answer["ETag"], _age(answer))

    def put(self, key: str, body: bytes, *, if_match: str | None = None, if_absent: bool = False) -> str:
        """Write the object and return its ETag; raises PreconditionFailed when the condition does not hold."""
        from botocore.exceptions import ClientError

        condition: dict[str, str] = {}
        if if_match is not None:
            condition["IfMatch"] = if_match
        if if_absent:
            condition["IfNoneMatch"] = "*"
        with self._in_bucket(f"write s3://{self._bucket}/{key}"):
            try:
                answer = self._writer.put_object(Bucket=self._bucket, Key=key, Body=body, **condition)
            except ClientError as error:
                # 404 under If-Match: the object was deleted meanwhile.
                if condition and (http_status(error) in {409, 412} or error_code(error) == "NoSuchKey"):
                    raise PreconditionFailed(key) from error
                raise
            self._heed(answer)
            return str(answer["ETag"])

    def exists(self, key: str) -> bool:
        """Whether the object is there."""
        from botocore.exceptions import ClientError

        with aws_errors(f"look for s3://{self._bucket}/{key}"):
            try:
                self._reader.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if http_status(error) == 404:
                    return False
                raise
            return True

    def upload(self, key: str, path: Path, content_type: str = "application/zip") -> bool:
        """Upload a file unless it is there; True when this call wrote it.

        S3 refuses what does not arrive as it was sent, and never replaces an object: two uploads of a key cannot
        overwrite each other. ConflictError when something else lies under the key.
        """
        body = path.read_bytes()
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        with self._in_bucket(f"upload {path.name} to s3://{self._bucket}/{key}"):
            for attempt in range(_UPLOAD_TRIES):
                time.sleep(attempt * _UPLOAD_PAUSE_S)
                if self._created(key, body, checksum, content_type):
                    return True
                found = self._checksum(key)
                if found == checksum:
                    return False
                if found is not None:
                    raise ConflictError(
                        f"s3://{self._bucket}/{key} is there with another content than {path.name}",
                        hint="nothing was overwritten; find out who wrote it, then delete the object and try again",
                    )
        raise ConflictError(f"s3://{self._bucket}/{key} is being written by others again and again", hint="try again")

    def _created(self, key: str, body: bytes, checksum: str, content_type: str) -> bool:
        """Whether the object is ours now; False where another one was there or was being written."""
        from botocore.exceptions import ClientError

        try:
            self._reader.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ChecksumSHA256=checksum,
                IfNoneMatch="*",
            )
        except ClientError as error:
            if http_status(error) in {409, 412}:
                return False
            raise
        return True

    def _checksum(self, key: str) -> str | None:
        """The SHA-256 of an object's content in base64, read from the content where S3 does not know it."""
        from botocore.exceptions import ClientError

        try:
            known = self._reader.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED").get("ChecksumSHA256")
        except ClientError as error:
            if http_status(error) == 404:
                return None
            raise
        if known and "-" not in known:  # with a dash: a checksum of checksums, of an upload in parts
            return str(known)
        stored = self.get(key)
        return None if stored is None else base64.b64encode(hashlib.sha256(stored.body).digest()).decode()

    def sha256(self, key: str) -> str | None:
        """The SHA-256 of an object's content in hexadecimal, None where there is no object."""
        with self._in_bucket(f"read the checksum of s3://{self._bucket}/{key}"):
            found = self._checksum(key)
        return None if found is None else base64.b64decode(found).hex()

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    def delete(self, key: str, *, if_match: str | None = None) -> None:
        """Delete an object; one that is not there is as good as deleted.

        Raises PreconditionFailed when it is not the one with the ETag `if_match`.
        """
        from botocore.exceptions import ClientError

        condition = {} if if_match is None else {"IfMatch": if_match}
        with self._in_bucket(f"delete s3://{self._bucket}/{key}"):
            try:
                self._reader.delete_object(Bucket=self._bucket, Key=key, **condition)
            except ClientError as error:
                if condition and http_status(error) in {409, 412}:
                    raise PreconditionFailed(key) from error
                if not (condition and http_status(error) == 404):
                    raise

    def keys(self, prefix: str, after: str = "") -> Iterator[str]:
        """Keys under a prefix in order, those beyond `after` where it is given; listed as they are asked for."""
        beyond = {"StartAfter": after} if after else {}
        pages = self._reader.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix, **beyond)
        with self._in_bucket(f"list s3://{self._bucket}/{prefix}"):
            for page in pages:
                yield from (str(item["Key"]) for item in page.get("Contents", ()))

    def folders(self, prefix: str) -> tuple[str, ...]:
        """Names of the folders right below a prefix that ends in `/`, in order."""
        pages = self._list(Prefix=prefix, Delimiter="/")
        found = [str(item["Prefix"]) for page in pages for item in page.get("CommonPrefixes", ())]
        return tuple(sorted(name[len(prefix) :].rstrip("/") for name in found))

    def _list(self, **wanted: str) -> list[dict[str, Any]]:
        with self._in_bucket(f"list s3://{self._bucket}/{wanted['Prefix']}"):
            return list(self._reader.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, **wanted))

    @contextmanager
    def _in_bucket(self, doing: str) -> Iterator[None]:
        """Like aws_errors; a bucket that is not there is said with how to make it."""
        from botocore.exceptions import ClientError

        with aws_errors(doing):
            try:
                yield
            except ClientError as error:
                if error_code(error) == "NoSuchBucket":
                    raise self._no_bucket() from error
                raise

    def _heed(self, answer: dict[str, Any]) -> None:
        """Compare the clocks; small differences are the header's, so they change nothing."""
        date = _date(answer)
        if date is None:
            return
        offset = date.timestamp() + 0.5 - self._clock()
        if abs(offset - self._offset) > CLOCK_TOLERANCE_S:
            self._offset = offset if abs(offset) > CLOCK_TOLERANCE_S else 0.0

    def _no_bucket(self) -> AwsError:
        return AwsError(
            f"the environment `{self._env.name}` has no bucket `{self._bucket}`",
            hint=f"crabwalk bootstrap {self._env.name}",
        )


def _age(answer: dict[str, Any]) -> float:
    modified: datetime = answer["LastModified"]
    date = _date(answer)
    return 0.0 if date is None else max(0.0, (date - modified).total_seconds())


def _date(answer: dict[str, Any]) -> datetime | None:
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date) if date else None
