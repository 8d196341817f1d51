"""A process of its own that runs a verb and kills itself with SIGKILL at a call of AWS.

What it saw before it died it has written, a line each, to the file it was told.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from boundary_kit import FAULTS, Call, Process, Send
from engine_kit import World, traffic
from kill_kit import SCENARIOS, Attempt, Scenario
from scene_kit import Scene
from trace_kit import from_line, to_line

from pipeline.manifest.environments import Environment


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(_process: Process, _call: Call, _send: Send) -> Any:
    _kill()


def _after(_process: Process, _call: Call, send: Send) -> Any:
    with suppress(ClientError):  # that it was refused is an answer too
        send()
    _kill()


KILLS: dict[str, Callable[[Process, Call, Send], Any]] = {"SIGKILL before": _before, "SIGKILL after": _after}


class Telling(Scene):
    """A scene that tells each alias write at once."""

    def __init__(self, world: World, file: Path) -> None:
        super().__init__(world)
        self._file = file

    def seen(self, by: str, call: Call, answer: Any) -> None:
        known = len(self.trace)
        super().seen(by, call, answer)
        lines = [to_line(one) for one in self.trace[known:]] + [json.dumps({"now": self.world.at})]
        with self._file.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)


def spawned(scenario: Scenario, folder: Path) -> Attempt:
    """Like `attempt`, with a real process and a real SIGKILL."""

    def attempt(_verb: Callable[[Scene], None], scene: Scene, process: Process) -> bool:
        world, file = scene.world, folder / f"{scene.world.service}.jsonl"
        file.touch()
        wanted = {
            "environment": asdict(world.env),
            "service": world.service,
            "function": world.function,
            "at": world.at,
            "scenario": scenario.name,
            "place": process.place,
            "fault": process.fault,
            "file": str(file),
        }
        kit = str(Path(__file__).parent)
        done = subprocess.run(
            [sys.executable, __file__, json.dumps(wanted)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": kit},
        )
        assert done.returncode == -signal.SIGKILL, (
            f"{process.place}: it ended with {done.returncode}: {done.stdout}{done.stderr}"
        )
        process.met = True
        for line in file.read_text().splitlines():
            one = json.loads(line)
            if "now" in one:
                scene.wait(one["now"] - world.at)
            else:
                scene.trace.append(from_line(one))
        return False

    return attempt


def main(wanted: dict[str, Any]) -> None:
    settings = {**wanted["environment"], "credentials": tuple(wanted["environment"]["credentials"])}
    scenario = SCENARIOS[wanted["scenario"]]
    world = World(Environment(**settings), wanted["service"], None, wanted["function"], wanted["at"])
    world.feed.of = traffic(bad=scenario.bad)
    FAULTS.update(KILLS)
    scene = Telling(world, Path(wanted["file"]))
    with scene.standing(), Process("first", wanted["place"], wanted["fault"]).running() as process:
        scenario.verb(scene)
    sys.stdout.write(f"it lived, after {[str(one) for one in process.places]}")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
