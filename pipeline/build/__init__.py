"""Build: services in, deployment packages out. `plan_build` reads and decides, `execute_build` compiles and packs.

A package whose inputs the store knows is not compiled again, whichever clone asks. The rest is one cargo-lambda run
a target: its binaries are checked (ELF machine, static), packed to the same bytes everywhere and stored by hash.
"""

from __future__ import annotations

from pipeline.build.execute import execute_build
from pipeline.build.model import Artifact, BuildPlan, CargoRun
from pipeline.build.plan import plan_build
from pipeline.build.toolchain import look_ahead

__all__ = ["Artifact", "BuildPlan", "CargoRun", "execute_build", "look_ahead", "plan_build"]
