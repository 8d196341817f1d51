"""From what invocations took to a size: trimmed means, prices, and the strategies of Lambda Power Tuning. Pure.

The method is that of github.com/alexcasalboni/aws-lambda-power-tuning: the fastest and the slowest fifth are left out,
`cost` takes the cheapest size, `speed` the fastest, `balanced` the least of both, each as a share of the largest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.cost.model import a_millisecond
from pipeline.cost.prices import Prices
from pipeline.quotas import VCPU_MB

Strategy = Literal["cost", "speed", "balanced"]
STRATEGIES: tuple[Strategy, ...] = ("cost", "speed", "balanced")
SIZES_MB = (128, 256, 512, 1024, 1536, 3008)
TRIMMED = 0.2  # of the invocations, at each end


@dataclass(frozen=True)
class Invoked:
    """One invocation of an environment that was ready; `cpu_ms` where the processor's time is known."""

    duration_ms: float
    billed_ms: float
    cpu_ms: float | None = None


@dataclass(frozen=True)
class Measured:
    """What a size showed: its invocations, the init phase of the first, the memory it used; or why there is none."""

    memory_mb: int
    invoked: tuple[Invoked, ...] = ()
    init_ms: float | None = None
    used_mb: int | None = None
    fault: str = ""


@dataclass(frozen=True)
class Size:
    """A size with its means in ms, and what a million invocations cost there, requests included."""

    memory_mb: int
    duration_ms: float
    billed_ms: float
    million: float
    init_ms: float | None = None
    used_mb: int | None = None


@dataclass(frozen=True)
class Simulation:
    """What the sizes were computed from: the mean processor time and waiting time of an invocation, ms."""

    cpu_ms: float
    waiting_ms: float


@dataclass(frozen=True)
class Tuning:
    """The sizes that worked, those that did not with the reason, and the choice of each strategy."""

    service: str
    region: str
    architecture: str
    now_mb: int  # what the service has
    invocations: int  # of each size
    sizes: tuple[Size, ...]
    faults: Mapping[int, str]
    choices: Mapping[Strategy, int]
    weight: float
    simulation: Simulation | None = None


def trimmed(values: Sequence[float]) -> float:
    """The mean without the smallest and the largest fifth."""
    ordered = sorted(values)
    cut = math.floor(len(ordered) * TRIMMED)
    kept = ordered[cut : len(ordered) - cut]
    return sum(kept) / len(kept)


def sized(measured: Measured, architecture: str, prices: Prices, region: str) -> Size:
    """A size that worked, with its price. The region must have one (`Prices.regions`)."""
    duration = trimmed([one.duration_ms for one in measured.invoked])
    billed = trimmed([one.billed_ms for one in measured.invoked])
    return _priced(
        Size(measured.memory_mb, duration, billed, 0.0, measured.init_ms, measured.used_mb),
        architecture,
        prices,
        region,
    )


def _priced(size: Size, architecture: str, prices: Prices, region: str) -> Size:
    compute, request = a_millisecond(size.memory_mb, architecture, prices, region), prices.of("requests", region)
    return replace(size, million=size.billed_ms * (compute or 0.0) + (request.amount if request else 0.0))


def share(memory_mb: int) -> float:
    """How much of one processor comes with a memory size; code that uses one of them gets no more from several."""
    return min(1.0, memory_mb / VCPU_MB)


def simulated(
    measured: Sequence[Measured], architecture: str, prices: Prices, region: str
) -> tuple[Simulation, tuple[Size, ...]]:
    """The sizes by their share of a processor, from what all of them took where memory changes nothing.

    An invocation waits as long as before, and computes as much longer as its share of the processor is smaller.
    """
    every = [one for found in measured for one in found.invoked]
    cpu = trimmed([one.cpu_ms if one.cpu_ms is not None else one.duration_ms for one in every])
    waiting = max(0.0, trimmed([one.duration_ms for one in every]) - cpu)
    sizes = []
    for found in measured:
        if not found.invoked:
            continue
        duration = waiting + cpu / share(found.memory_mb)
        size = Size(found.memory_mb, duration, float(math.ceil(duration)), 0.0, None, found.used_mb)
        sizes.append(_priced(size, architecture, prices, region))
    return Simulation(cpu, waiting), tuple(sizes)


def choose(sizes: Sequence[Size], strategy: Strategy, weight: float = 0.5) -> int:
    """The memory a strategy takes; equals are told apart by the other figure, then the smaller size is taken.

    `weight` of `balanced`: 1 = only cost counts, 0 = only speed.
    """
    dearest = max(one.million for one in sizes) or 1.0  # a project's own prices may be nothing
    slowest = max(one.duration_ms for one in sizes) or 1.0
    value: Mapping[Strategy, Callable[[Size], tuple[float, ...]]] = {
        "cost": lambda one: (one.million, one.duration_ms),
        "speed": lambda one: (one.duration_ms, one.million),
        "balanced": lambda one: (weight * one.million / dearest + (1 - weight) * one.duration_ms / slowest,),
    }
    key = value[strategy]
    return min(sizes, key=lambda one: (*key(one), one.memory_mb)).memory_mb
