"""From which size on a package is said to be large, and refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from build_kit import service

from pipeline.build.budget import check
from pipeline.build.model import LAMBDA_UNZIPPED_BYTES, wanted
from pipeline.errors import BuildError

MB = 1_000_000
ONE = wanted(service("one", budget=SimpleNamespace(warn_bytes=2 * MB, fail_bytes=3 * MB)))
GREW = "+1,200 kB since 1a2b3c: ring +1,100 kB"


def test_within_the_budget_nothing_is_said() -> None:
    assert check(ONE, 2 * MB, 5 * MB) is None


def test_above_it_the_figure_the_limit_and_what_grew() -> None:
    notice = check(ONE, 2_500_000, 5 * MB, GREW)
    assert notice is not None
    assert notice.text == f"one: the zip has 2.5 MB, more than its budget of 2.0 MB ({GREW})"


def test_far_above_it_is_refused() -> None:
    with pytest.raises(BuildError) as caught:
        check(ONE, 3_100_000, 5 * MB, GREW)
    assert caught.value.what == f"one: the zip has 3.1 MB, its budget ends at 3.0 MB ({GREW})"
    assert "budget" in (caught.value.hint or "")


def test_what_lambda_cannot_unpack_is_refused_whatever_the_budget() -> None:
    with pytest.raises(BuildError, match=r"one: the binary has 262\.1 MB, Lambda unpacks at most 262\.1 MB"):
        check(ONE, MB, LAMBDA_UNZIPPED_BYTES + 1)
