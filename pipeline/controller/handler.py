"""The controller function: `handler(event, context)` makes one look at one job and says when to make the next.

`event`: the input of the execution, with what was `carried` from the look before. What is raised is the state
machine's to repeat: one line of the log, no traceback with what it was about. Where probes are sent it waits here and
not in the machine, as nothing is sent by a function that is frozen.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from pipeline.controller.job import from_json
from pipeline.controller.look import look, to_json
from pipeline.errors import CrabwalkError
from pipeline.release.walk.act import Engine


class LookFailed(Exception):  # noqa: N818 - what the state machine sees of a CrabwalkError
    """One look came to nothing; what was written before it failed is in the ledger."""


def handler(event: Mapping[str, Any], _context: object = None) -> dict[str, Any]:
    """One look; raises LookFailed where it must be made again."""
    try:
        job = from_json(event, endpoint=os.environ.get("AWS_ENDPOINT_URL") or None)
        engine = Engine(job.env)
        engine.say = _say
        engine.probes.go_on(lambda rollout: max(0.0, engine.now() - rollout.step_starts[-1]))
        answer = to_json(look(engine, job, event.get("carried") or {}, _say))
        if engine.probes.sending:  # between two looks a function is frozen, and sends nothing
            time.sleep(answer["wait_s"])
            answer["wait_s"] = 0
            engine.probes.stop()
    except CrabwalkError as fault:
        _say(f"{type(fault).__name__}: {fault.what}")
        raise LookFailed(fault.what) from None
    for one in answer["releases"]:
        _say(f"{one['service']}: {one['outcome']}: {one['sentence']}")
    return answer


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
