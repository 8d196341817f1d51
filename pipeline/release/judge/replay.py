"""The judge on recorded minutes, as somebody who looked every minute saw it. Pure: rows in, what was said when out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import UsageError
from pipeline.release.judge.judge import Minute, Verdict, combine, follow
from pipeline.release.judge.recording import Recording
from pipeline.release.judge.verdict import VERBS

ALPHA = 0.01
MIN_REQUESTS = 100
LEAST = -700.0  # what is drawn of evidence that is gone for good


@dataclass(frozen=True)
class Settings:
    """What a team tunes; None = as the recording says it was declared, else the default.

    bake: minutes a step must last; by default as long as the recording stayed on it. min_requests: on the new version
    over the walk, 100. alpha: of the whole walk, shared among its signals, 0.01. steps: those of the rows with both
    versions. opening: see `judge`.
    """

    bake: float | None = None
    min_requests: int | None = None
    alpha: float | None = None
    fast: bool = False
    steps: int | None = None
    opening: int = 1


@dataclass(frozen=True)
class Look:
    """One minute of one signal: what came in, and the evidence after it (natural logarithm of the e-value)."""

    minute: int  # of the walk, from 1
    row: Minute
    log_e: float
    verdict: Verdict


@dataclass(frozen=True)
class Said:
    """What the signals together came to: in which minute of the walk, which signal spoke, and its verdict."""

    minute: int  # of the walk, from 1
    t: float  # of the recording, in minutes,
    written: str  # and as it was written
    signal: str
    verdict: Verdict


@dataclass(frozen=True)
class Replay:
    """A walk judged once more: every look, the word at each step's end (or when it came), and the last word."""

    settings: Settings  # as they were used
    steps: int
    alpha: float  # of each signal
    looks: Mapping[str, tuple[Look, ...]]
    said: tuple[Said, ...]  # one a step, in order; the last one is FAIL if any is
    after: int  # minutes recorded after FAIL

    @property
    def last(self) -> Said:
        """FAIL if the walk failed, else the first step without PASS, else the last step's PASS."""
        return next((one for one in self.said if one.verdict.outcome != "PASS"), self.said[-1])


def replay(recording: Recording, settings: Settings) -> Replay:
    """Judge a recording minute by minute; alpha is shared evenly among its signals, FAIL of any ends the walk.

    A step's word is PASS in the first minute in which every signal passes, else what was said in its last minute.

    Raises UsageError if no row is of the first `settings.steps` steps.
    """
    settings, bakes = _complete(settings, recording)
    steps = settings.steps or recording.steps
    alpha = (settings.alpha or ALPHA) / len(recording.signals)
    walk = sorted({row.t for rows in recording.signals.values() for row in rows if 0 <= row.step < steps})
    if not walk:
        first = min(row.step for rows in recording.signals.values() for row in rows if row.step >= 0)
        raise UsageError(f"no row is of the first {steps} steps", hint=f"give --steps {first + 1} or more")
    number = {t: i for i, t in enumerate(walk, 1)}
    looks = {
        name: tuple(
            Look(number[row.t], row, max(log_e, LEAST), verdict)
            for row, verdict, log_e in follow(
                rows,
                steps=steps,
                bake=settings.bake,
                bakes=None if settings.bake is not None else bakes or _lengths(rows),
                min_requests=MIN_REQUESTS if settings.min_requests is None else settings.min_requests,
                alpha=alpha,
                fast=settings.fast,
                opening=settings.opening,
                verb=VERBS.get(name, "failed"),
            )
        )
        for name, rows in recording.signals.items()
    }
    said, failed = _said(looks, walk, recording)
    return Replay(settings, steps, alpha, looks, said, len(walk) - said[-1].minute if failed else 0)


def _lengths(rows: tuple[Minute, ...]) -> dict[int, float]:
    lengths: dict[int, float] = {}
    for row in rows:
        lengths[row.step] = lengths.get(row.step, 0) + row.periods
    return lengths


def _complete(settings: Settings, recording: Recording) -> tuple[Settings, Mapping[int, float]]:
    """The settings with what the recording says was declared, and how long each step had to last where it does.

    Raises UsageError for a declaration that no walk has.
    """
    said = recording.declared
    try:
        alpha = settings.alpha or float(said.get("alpha", ALPHA))
        requests = (
            int(said.get("min_requests", MIN_REQUESTS)) if settings.min_requests is None else settings.min_requests
        )
        steps = settings.steps or (int(said["steps"]) if "steps" in said else None)
        bakes = {step: float(length) for step, length in enumerate(said.get("bakes", ()))}
        fast, opening = settings.fast or bool(said.get("fast")), int(said.get("opening", 1))
    except (TypeError, ValueError) as error:
        raise UsageError("the first line says nothing a walk can be declared with", hint="remove it") from error
    if not 0.0 < alpha < 1.0 or (steps is not None and steps < 1):
        raise UsageError("the first line says nothing a walk can be declared with", hint="remove it")
    return Settings(settings.bake, requests, alpha, fast, steps, opening), bakes


def _said(
    looks: Mapping[str, tuple[Look, ...]], walk: list[float], recording: Recording
) -> tuple[tuple[Said, ...], bool]:
    found_at: dict[float, dict[str, Look]] = {}
    for name, found in looks.items():
        for look in found:
            found_at.setdefault(look.row.t, {})[name] = look
    now: dict[str, Verdict] = {}
    steps: dict[int, Said] = {}
    for i, t in enumerate(walk, 1):
        now.update({name: look.verdict for name, look in found_at[t].items()})
        step = max(look.row.step for look in found_at[t].values())
        joined = combine([one for one in now.values() if one.step == step or one.outcome == "FAIL"])
        speaks = next(name for name, verdict in now.items() if verdict is joined)
        word = Said(i, t, recording.written[t], speaks, joined)
        if joined.outcome == "FAIL":
            passed = (one for at, one in steps.items() if at < step or one.verdict.outcome == "PASS")
            return (*passed, word), True
        if step not in steps or steps[step].verdict.outcome != "PASS":
            steps[step] = word
    return tuple(steps.values()), False
