"""From the words of a manifest to a triple and a floor."""

from __future__ import annotations

import pytest

from pipeline.build.targets import platform
from pipeline.errors import BuildError


@pytest.mark.parametrize(
    ("asked", "triple", "name"),
    [
        (("arm64", "musl", "provided.al2"), "aarch64-unknown-linux-musl", "aarch64-unknown-linux-musl"),
        (("x86_64", "gnu", "provided.al2"), "x86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu.2.26"),
        (("arm64", "gnu", "provided.al2023"), "aarch64-unknown-linux-gnu", "aarch64-unknown-linux-gnu.2.34"),
        (("arm64", "gnu.2.28", "provided.al2023"), "aarch64-unknown-linux-gnu", "aarch64-unknown-linux-gnu.2.28"),
    ],
)
def test_the_target_of_a_manifest(asked, triple: str, name: str) -> None:
    found = platform(*asked)
    assert (found.triple, found.name) == (triple, name)


@pytest.mark.parametrize("target", ["glibc", "gnu.2", "gnu.2.x", "gnu.2.28.1", "musl.1.2"])
def test_other_words_are_refused(target: str) -> None:
    with pytest.raises(BuildError, match=f"`{target}` is no target"):
        platform("arm64", target, "provided.al2023")


def test_a_floor_above_the_runtimes_is_refused() -> None:
    with pytest.raises(BuildError, match=r"target `gnu.2.28`: provided.al2 has glibc 2\.26"):
        platform("arm64", "gnu.2.28", "provided.al2")
