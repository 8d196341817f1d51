"""Sizes from invocations, by the method of Lambda Power Tuning, and what can be told of sizes not measured."""

from __future__ import annotations

import pytest

from pipeline.cost.prices import REGION, built_in
from pipeline.tune.model import Invoked, Measured, Size, choose, share, simulated, sized, trimmed

X86, REQUEST = 0.0000166667, 0.2


def of(memory_mb: int, duration: float, million: float) -> Size:
    return Size(memory_mb, duration, duration, million)


# Computing until a whole processor: slower and cheaper, then faster, then dearer for nothing.
SIZES = (of(128, 800, 1.9), of(512, 200, 1.87), of(1024, 100, 1.9), of(1769, 60, 2.0), of(3008, 60, 3.2))


def test_the_outer_fifths_are_left_out() -> None:
    assert trimmed([100, 1, 2, 3, 0]) == 2
    assert trimmed([5.0]) == 5.0
    assert trimmed([4, 2]) == 3
    assert trimmed([*range(1, 10), 1000]) == pytest.approx(5.5)


def test_strategies() -> None:
    assert choose(SIZES, "cost") == 512
    assert choose(SIZES, "speed") == 1769  # as fast as the next one, and cheaper
    assert choose(SIZES, "balanced") == 1769
    assert choose(SIZES, "balanced", weight=1.0) == 512
    assert choose(SIZES, "balanced", weight=0.0) == 1769
    assert choose([of(256, 1, 1), of(128, 1, 1)], "cost") == 128
    assert choose([of(128, 2, 0), of(256, 1, 0)], "balanced") == 256  # with prices of nothing


def test_a_million_invocations_of_a_size() -> None:
    invoked = tuple(Invoked(duration, billed) for duration, billed in ((9.2, 10), (9.8, 10), (10.1, 11)))
    found = sized(Measured(512, invoked, init_ms=40, used_mb=30), "x86_64", built_in(), REGION)
    assert found.duration_ms == pytest.approx(9.7)
    assert found.million == pytest.approx(REQUEST + 31 / 3 * 1000 * 0.5 * X86)
    assert (found.init_ms, found.used_mb) == (40, 30)


def test_a_share_of_a_processor_comes_with_memory() -> None:
    assert (share(1769), share(10_240)) == (1.0, 1.0)
    assert share(128) == pytest.approx(0.0724, abs=1e-4)


def test_the_simulation_stretches_what_is_computed_and_not_what_is_waited() -> None:
    invoked = tuple(Invoked(7.0, 7.0, 2.0) for _ in range(5))
    measured = [Measured(size, invoked) for size in (128, 1769, 3008)]
    told, sizes = simulated(measured, "x86_64", built_in(), REGION)
    assert (told.cpu_ms, told.waiting_ms) == (2.0, 5.0)
    assert [one.duration_ms for one in sizes] == pytest.approx([5 + 2 / share(128), 7, 7])
    assert [one.billed_ms for one in sizes] == [33, 7, 7]
    assert choose(sizes, "speed") == 1769
    assert choose(sizes, "cost") == 128


def test_without_the_processors_time_everything_is_computing() -> None:
    told, (size,) = simulated([Measured(256, (Invoked(3.0, 3.0),)), Measured(512)], "arm64", built_in(), REGION)
    assert (told.cpu_ms, told.waiting_ms, size.memory_mb) == (3.0, 0.0, 256)
    assert size.duration_ms == pytest.approx(3.0 / share(256))
