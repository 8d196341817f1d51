"""Scaffold: a new service of one of ten kinds, as a folder that builds, is tested and passes `check` at once.

`plan` reads the project file, the workspace's Cargo.toml and what lies there already, and decides everything or
refuses; `write` puts the folder there as a whole or not at all. Neither edits a file of the user's, or runs cargo.
`enter` has cargo enter it into Cargo.lock.
"""

from __future__ import annotations

from pipeline.scaffold.kinds import KINDS
from pipeline.scaffold.lock import by_hand, enter
from pipeline.scaffold.plan import Scaffold, plan
from pipeline.scaffold.write import write

__all__ = ["KINDS", "Scaffold", "by_hand", "enter", "plan", "write"]
