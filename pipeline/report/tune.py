"""What tuning found, drawn with characters: bars of latency and cost for each size, and the choices. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.report.cost import dollars
from pipeline.tune.model import STRATEGIES, Size, Tuning, share

BAR = 16
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def tune_lines(found: Tuning) -> Iterator[str]:
    """The head, the plot, what did not work, the choices, and what was simulated."""
    how = "simulated" if found.simulation is not None else "measured"
    yield f"{found.service}: {how} at {len(found.sizes)} sizes, {found.invocations} invocations each"
    slowest = max(one.duration_ms for one in found.sizes)
    dearest = max(one.million for one in found.sizes)
    yield f"  {'memory':>9}  {'latency':<{BAR}} {'':>9}  a million"
    for one in found.sizes:
        latency = f"{_bar(one.duration_ms / slowest)} {_ms(one.duration_ms):>9}"
        cost = f"{_bar(one.million / dearest)} {dollars(one.million) + ' $':>9}"
        yield f"  {one.memory_mb:>6,} MB  {latency}  {cost}  {_marks(found, one)}".rstrip()
    for memory_mb, fault in found.faults.items():
        yield f"  {memory_mb:>6,} MB  left out: {fault}"
    for strategy in STRATEGIES:
        yield f"  {strategy + ':':<9} {_choice(found, found.choices[strategy])}"
    yield from _simulation(found)


def _bar(part: float) -> str:
    eighths = max(1, round(part * BAR * 8))
    whole, rest = divmod(eighths, 8)
    return f"{'█' * whole}{_EIGHTHS[rest] if rest else ''}".ljust(BAR)


def _ms(value: float) -> str:
    return f"{value:,.2f} ms" if value < 10 else f"{value:,.1f} ms" if value < 1000 else f"{value:,.0f} ms"


def _marks(found: Tuning, one: Size) -> str:
    words = [strategy for strategy in STRATEGIES if found.choices[strategy] == one.memory_mb]
    return ", ".join(words + (["now"] if one.memory_mb == found.now_mb else []))


def _choice(found: Tuning, memory_mb: int) -> str:
    size = next(one for one in found.sizes if one.memory_mb == memory_mb)
    now = next((one for one in found.sizes if one.memory_mb == found.now_mb), None)
    if now is None or now is size:
        return f"{memory_mb:,} MB" + ("" if now is None else ", as it is now")
    cost, latency = (
        round(share * 100 - 100) for share in (size.million / now.million, size.duration_ms / now.duration_ms)
    )
    return f"{memory_mb:,} MB instead of {found.now_mb:,}: {cost:+d} % cost, {latency:+d} % latency"


def _simulation(found: Tuning) -> Iterator[str]:
    if found.simulation is None:
        return
    cpu, waiting = _ms(found.simulation.cpu_ms), _ms(found.simulation.waiting_ms)
    yield f"  A simulation: here an invocation computes for {cpu} and waits for {waiting}, whatever the memory."
    yield "  On AWS it gets a share of a processor by its memory (1,769 MB: a whole one): computing takes longer,"
    yield "  waiting does not. AWS's own processors, its network, several threads and memory pressure are not in it."


def as_json(found: Tuning, environment: str, written: str | None) -> dict[str, Any]:
    """The stable shape of `--output json`."""
    return {
        "service": found.service,
        "environment": environment,
        "region": found.region,
        "architecture": found.architecture,
        "memory_mb": found.now_mb,
        "invocations": found.invocations,
        "simulated": found.simulation is not None,
        "simulation": found.simulation,
        "sizes": [{**vars(one), "processor": share(one.memory_mb)} for one in found.sizes],
        "left_out": {str(memory_mb): fault for memory_mb, fault in found.faults.items()},
        "choices": dict(found.choices),
        "weight": found.weight,
        "written": written,
    }
