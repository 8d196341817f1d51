"""Lays one commit's artifacts into every target's bucket before the first wave, and looks at what arrived."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pipeline.abreast import abreast
from pipeline.aws.objects import Objects
from pipeline.errors import ConflictError

AT_ONCE = 8  # uploads


class Packed(Protocol):
    """A zip on this machine, whose SHA-256 is known."""

    @property
    def service(self) -> str: ...
    @property
    def path(self) -> Path: ...
    @property
    def key(self) -> str: ...
    @property
    def sha256(self) -> str: ...


def copy(buckets: Mapping[str, Objects], artifacts: Mapping[str, Sequence[Packed]], say: Callable[[str], None]) -> None:
    """The artifacts of each target, into its bucket; what lies there already is looked at as well.

    Raises ConflictError when what is there is not what was built, and AwsError.
    """
    todo = {(target, one.key): one for target, some in artifacts.items() for one in some}
    written = abreast(lambda at: _lay(buckets[at[0]], todo[at]), todo, AT_ONCE)
    for target in artifacts:
        mine = [made for (where, _), made in zip(todo, written, strict=True) if where == target]
        if mine:
            count = f"{len(mine)} zip{'' if len(mine) == 1 else 's'}"
            say(f"{target}: {count} in its bucket, with the SHA-256 of the build; {sum(mine)} new")


def _lay(objects: Objects, one: Packed) -> bool:
    """Whether it was not there before."""
    found = objects.sha256(one.key)
    written = found is None and objects.upload(one.key, one.path)
    if found is None:
        found = objects.sha256(one.key)
    if found != one.sha256:
        what = f"its SHA-256 is {(found or 'not known')[:12]}, and {one.service} was built as {one.sha256[:12]}"
        raise ConflictError(
            f"the artifact in the bucket is not the one that was built: {what}",
            where=f"s3://{objects.bucket}/{one.key}",
            hint="find out who wrote it, then delete the object and deploy again; this deploy released to no target",
        )
    return written
