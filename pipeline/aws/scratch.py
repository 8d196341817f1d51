"""Lambda: an alias for trying things out and the memory of `$LATEST`, as tuning needs them. One call a method.

The alias has a name of its own, so that nothing here can touch the one that has the traffic.
"""

from __future__ import annotations

from pipeline.aws import client
from pipeline.aws.aliases import AliasState, NotFoundError, alias_state, found
from pipeline.aws.functions import guarded
from pipeline.manifest.environments import Environment

SCRATCH = "crabwalk-tune"


class Scratch:
    """The scratch alias and `$LATEST`'s memory, of one environment's functions."""

    def __init__(self, env: Environment) -> None:
        self._client = client(env, "lambda", retries=False)

    def read(self, function: str) -> AliasState | None:
        """The scratch alias; None where there is none."""
        try:
            with found(f"read alias `{SCRATCH}` of function `{function}`"):
                return alias_state(function, self._client.get_alias(FunctionName=function, Name=SCRATCH))
        except NotFoundError:
            return None

    def create(self, function: str, version: str, description: str) -> None:
        """Make the scratch alias."""
        with found(f"create alias `{SCRATCH}` of function `{function}`"):
            self._client.create_alias(
                FunctionName=function, Name=SCRATCH, FunctionVersion=version, Description=description
            )

    def point(self, function: str, version: str) -> None:
        """Let the scratch alias lead to a version; its description stays."""
        with found(f"move alias `{SCRATCH}` of function `{function}`"):
            self._client.update_alias(FunctionName=function, Name=SCRATCH, FunctionVersion=version)

    def delete(self, function: str) -> None:
        """Delete the scratch alias; it is no fault if there is none."""
        with found(f"delete alias `{SCRATCH}` of function `{function}`"):
            self._client.delete_alias(FunctionName=function, Name=SCRATCH)

    def resize(self, function: str, memory_mb: int, revision: str) -> None:
        """Give `$LATEST` this memory if the function is still at `revision`; ConflictError else."""
        with guarded(f"change the memory of function `{function}`", function):
            self._client.update_function_configuration(FunctionName=function, MemorySize=memory_mb, RevisionId=revision)
