"""Whether a package is as small as its manifest promises, and as AWS demands."""

from __future__ import annotations

from pipeline.build.model import LAMBDA_UNZIPPED_BYTES, MEGABYTE, Notice, Wanted
from pipeline.errors import BuildError


def check(one: Wanted, zipped: int, unzipped: int, grew: str = "") -> Notice | None:
    """What to say of a package that is large; a BuildError for one that is too large. `grew`: what made it so."""
    why = f" ({grew})" if grew else ""
    if unzipped > LAMBDA_UNZIPPED_BYTES:
        limit = megabytes(LAMBDA_UNZIPPED_BYTES)
        raise BuildError(f"{one.service}: the binary has {megabytes(unzipped)}, Lambda unpacks at most {limit}{why}")
    if zipped > one.fail_bytes:
        raise BuildError(
            f"{one.service}: the zip has {megabytes(zipped)}, its budget ends at {megabytes(one.fail_bytes)}{why}",
            hint='fewer features and dependencies, opt-level = "s" in [profile.release], or budget: {fail: …}',
        )
    if zipped > one.warn_bytes:
        limit = megabytes(one.warn_bytes)
        return Notice(f"{one.service}: the zip has {megabytes(zipped)}, more than its budget of {limit}{why}")
    return None


def megabytes(number: int) -> str:
    """`12.3 MB`, in millions of bytes."""
    return f"{number / MEGABYTE:,.1f} MB"
