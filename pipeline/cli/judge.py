"""`crabwalk judge --replay`: the judge on recorded minutes, to tune limits on one's own history."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import Here, output_option

if TYPE_CHECKING:
    from pipeline.release.judge.judge import Counts, Verdict
    from pipeline.release.judge.replay import Replay, Said
    from pipeline.report.console import Console

MOST_BYTES = 64 * 1024 * 1024
PLAIN_WIDTH = 100


class _Below(click.FloatRange):
    """A number between bounds; click lets "nan" through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


@click.command()
@click.option("--replay", "file", metavar="FILE", required=True, help="Recorded minutes, as CSV or JSON.")
@click.option("--bake", type=_Below(min=0, min_open=True, max=1e6), help="Minutes a step must last; as recorded.")
@click.option("--min-requests", type=click.IntRange(0, 10**15), help="On the new version; as recorded, else 100.")
@click.option(
    "--alpha",
    type=_Below(0.0, 1.0, min_open=True, max_open=True),
    help="False rollbacks a walk, shared among the signals; as recorded, else 0.01.",
)
@click.option("--fast", is_flag=True, help="PASS a step early when the evidence suffices.")
@click.option("--steps", type=click.IntRange(1, 1000), help="Steps with both versions; as recorded.")
@click.option("--svg", type=click.Path(path_type=Path), help="Draw it into this file, too.")
@output_option
def command(  # noqa: PLR0917
    file: str,
    bake: float | None,
    min_requests: int | None,
    alpha: float | None,
    fast: bool,
    steps: int | None,
    svg: Path | None,
    output: str,
) -> int:
    """Judge recorded minutes as somebody looking every minute would have seen them.

    FILE has the columns t (or minute), step (-1 before the walk, 0 for the first step), canary_n, canary_bad,
    baseline_n and baseline_bad, and may have `signal`. Nothing is rolled back: the exit code is 0 whatever
    the verdict, 2 for a file that cannot be read.
    """
    from pipeline.release.judge.recording import parse
    from pipeline.release.judge.replay import Settings, replay

    console = Here(json=output == "json").console
    played = replay(parse(_read(file), file), Settings(bake, min_requests, alpha, fast, steps))
    if svg is not None:
        _draw_svg(played, svg)
    if output == "json":
        console.json(_as_json(played, file))
    else:
        _show(console, played, file)
    return 0


def _read(file: str) -> bytes:
    from pipeline.errors import UsageError

    try:
        with Path(file).open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"the recording cannot be read: {reason}", where=file) from error
    if len(data) > MOST_BYTES:
        raise UsageError("the recording is larger than 64 MB", where=file, hint="cut it to the minutes of one walk")
    return data


def _show(console: Console, played: Replay, file: str) -> None:
    from pipeline.report.judge_plot import draw, plain

    last = played.last
    verdict = last.verdict
    name = f", signal {last.signal}" if len(played.looks) > 1 else ""
    say = {"FAIL": console.bad, "PASS": console.good}.get(verdict.outcome, console.title)
    say(f"{verdict.outcome} ({verdict.reason}) {_when(last)}{name}")
    console.line(f"  {verdict.sentence}")
    console.line()
    for line in _numbers(played, last):
        console.line(line)
    for one in played.said:
        if one is not last:
            console.line(f"step {one.verdict.step + 1}: {one.verdict.outcome} ({one.verdict.reason}) {_when(one)}")
    if played.after:
        console.line(f"{_minutes(played.after)} recorded after it are not judged: the walk was over")
    for signal, looks in played.looks.items():
        console.line()
        if len(played.looks) > 1:
            console.title(signal)
        width = min(110, console.rich.width) if console.terminal else PLAIN_WIDTH
        for row in draw(looks, -math.log(played.alpha), width):
            if console.terminal:
                from rich.text import Text

                console.rich.print(Text.assemble(*row), no_wrap=True, crop=True)
            else:
                console.line(plain(row))
    console.line()
    console.note(f"{file}: only looked at; exit code 0 whatever the verdict")


def _numbers(played: Replay, last: Said) -> list[str]:
    from pipeline.report.text import odds, percent, points

    verdict = last.verdict
    rows = (("new version", verdict.canary), ("old version", verdict.baseline))
    wide = max(len(f"{counts.n:,}") for _, counts in rows), max(len(f"{counts.bad:,}") for _, counts in rows)
    lines = [
        f"{side}  {counts.n:>{wide[0]},} requests  {counts.bad:>{wide[1]},} bad  {percent(counts.rate)}"
        for side, counts in rows
    ]
    low, high = verdict.interval
    floor = verdict.e_value if verdict.e_value < 10 else math.floor(verdict.e_value)  # as the sentence has it
    shared = f" ({len(played.looks)} signals share {played.settings.alpha:g})" if len(played.looks) > 1 else ""
    lines.append(f"e-value      {odds(floor)}, worse at {odds(verdict.limit)}{shared}")
    if (low, high) != (-1.0, 1.0):
        lines.append(f"difference   {points(low)} to {points(high)} points in step {verdict.step + 1} (95 %)")
    if verdict.phi > 1:
        lines.append(
            f"bursts       phi {verdict.phi:.1f}: the old version's failures come in bursts, evidence counts less"
        )
    return lines


def _when(said: Said) -> str:
    named = "" if said.written in {str(said.minute), str(said.minute - 1)} else f" ({said.written})"
    return f"in minute {said.minute}{named}, step {said.verdict.step + 1}"


def _minutes(count: int) -> str:
    return f"{count} minute{'s' if count != 1 else ''}"


def _draw_svg(played: Replay, svg: Path) -> None:
    from rich.console import Group
    from rich.text import Text

    from pipeline.errors import UsageError
    from pipeline.report.judge_plot import draw
    from pipeline.report.svg import WIDTH, picture
    from pipeline.report.text import clean

    parts = [Text(clean(played.last.verdict.sentence)), Text()]
    for signal, looks in played.looks.items():
        parts += [Text(clean(signal), "bold")] if len(played.looks) > 1 else []
        parts += [Text.assemble(*line) for line in draw(looks, -math.log(played.alpha), WIDTH)]
    try:
        svg.write_text(picture(Group(*parts), "crabwalk judge"), encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"the drawing cannot be written: {reason}", where=str(svg)) from error


def _as_json(played: Replay, file: str) -> dict[str, Any]:
    settings = played.settings
    return {
        "file": file,
        "settings": {
            "alpha": settings.alpha,
            "alpha_of_each_signal": played.alpha,
            "bake": settings.bake,
            "min_requests": settings.min_requests,
            "fast": settings.fast,
            "steps": played.steps,
        },
        **_said(played.last),
        "minutes_after_fail": played.after,
        "steps": [_said(one) for one in played.said],
        "signals": {
            signal: [
                {
                    "minute": look.minute,
                    "t": look.row.t,
                    "step": look.row.step,
                    "canary": _counts(look.row.canary),
                    "baseline": _counts(look.row.baseline),
                    "log_e": look.log_e,
                    "outcome": look.verdict.outcome,
                    "reason": look.verdict.reason,
                }
                for look in looks
            ]
            for signal, looks in played.looks.items()
        },
    }


def _said(said: Said) -> dict[str, Any]:
    verdict = said.verdict
    return {
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "minute": said.minute,
        "t": said.t,
        "written": said.written,
        "step": verdict.step,
        "signal": said.signal,
        "sentence": verdict.sentence,
        **_evidence(verdict),
    }


def _evidence(verdict: Verdict) -> dict[str, Any]:
    return {
        "canary": _counts(verdict.canary),
        "baseline": _counts(verdict.baseline),
        "e_value": verdict.e_value,
        "log_e": verdict.log_e,
        "limit": verdict.limit,
        "interval": list(verdict.interval),
        "phi": verdict.phi,
        "guard": verdict.guard,
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {"n": counts.n, "bad": counts.bad, "rate": counts.rate}
