"""The embedded AWS: MiniStack (pinned) plus the edge that makes it honour what a canary depends on.

In: nothing but a state directory. Out: `Running`, an endpoint on loopback that speaks AWS. `up` starts one detached
process (`server`), `down` ends it and every function it spawned, `running` says whether there is one, by the standard
library alone because fast verbs ask it. The edge lives inside that process only: `patching` replaces MiniStack's
private functions after checking their signatures, one file per idea (`edge/`). Nothing else knows MiniStack.
"""

from __future__ import annotations

from pipeline.local.control import Running, api_url, down, running, up

__all__ = ["Running", "api_url", "down", "running", "up"]
