"""The names of usual walks: `canary-10-5m`, `linear-10-1m`, `all-at-once`, `blue-green`. Pure."""

from __future__ import annotations

import re
from typing import Any

from pipeline.manifest.rules import fault

_FORM = re.compile(r"(canary|linear)-([1-9][0-9]?)-([1-9][0-9]{0,3})(s|m|h)\Z", re.ASCII)
_UNITS = {"s": "s", "m": "min", "h": "h"}
_AT_ONCE = ("all-at-once", "blue-green")
PATTERN = r"^(?:all-at-once|blue-green|(?:canary|linear)-[1-9][0-9]?-[1-9][0-9]{0,3}[smh])$"
EXAMPLES = ("canary-10-5m", "linear-10-1m", "all-at-once", "blue-green")


def steps(text: str) -> list[dict[str, Any]]:
    """The steps a name stands for, as YAML would write them.

    `canary-10-5m`: 10 % for 5 minutes, then all. `linear-10-1m`: 10 % more every minute. `all-at-once` and
    `blue-green`: the smoke checks, then all.
    """
    if text in _AT_ONCE:
        return []
    found = _FORM.match(text)
    if found is None:
        known = "write for example `canary-10-5m`, `linear-10-1m` or `all-at-once`, or a list of steps"
        raise fault(f"`{text}` is not the name of a walk", known)
    kind, share, length, unit = found.groups()
    bake = f"{length} {_UNITS[unit]}"
    shares = [int(share)] if kind == "canary" else list(range(int(share), 100, int(share)))
    return [{"traffic": f"{one} %", "bake": bake} for one in shares]
