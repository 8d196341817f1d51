"""Scaffold: a repository from nothing, in which `crabwalk new`, `check` and `deploy` work at once.

`plan` decides every file or refuses, from the folder as it is and what crabwalk carries; `place` puts all of them there
or none. No file that exists is changed.
"""

from __future__ import annotations

from pipeline.scaffold.repository.placing import Placed, place
from pipeline.scaffold.repository.planning import CI, Beginning, plan

__all__ = ["CI", "Beginning", "Placed", "place", "plan"]
