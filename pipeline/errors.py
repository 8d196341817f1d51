"""Every error a person or AWS can cause: what is wrong, where, and what to do next.

The command line turns each into a few lines on stderr and its exit code; nothing else may decide an exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DRIFT = 6  # no fault: what was asked for is the answer that something drifted


class CrabwalkError(Exception):
    """A fault with a cause a person can act on; `hint` is the next thing to do."""

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    @property
    def sentence(self) -> str:
        """What is wrong and what to do, in one line, for where a fault is one of many."""
        return f"{self.what}; {self.hint}" if self.hint else self.what


class UsageError(CrabwalkError):
    """A wrong argument, environment or working directory; nothing was changed."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Problem:
    """One finding in a file, 1-based line and column."""

    file: str
    line: int
    column: int
    what: str
    instead: str = ""

    def __str__(self) -> str:
        tail = f", {self.instead}" if self.instead else ""
        return f"{self.file}:{self.line}:{self.column}: {self.what}{tail}"


class ManifestError(CrabwalkError):
    """Manifests or the project file are invalid; carries all problems of all files."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the manifests")
        self.problems = tuple(sorted(problems))


class BuildError(CrabwalkError):
    """cargo, the toolchain or the packaging failed."""


class TerraformError(CrabwalkError):
    """Terraform could not be started or ended with an error."""


class AwsError(CrabwalkError):
    """AWS refused a call or cannot be reached."""


class GitHubError(CrabwalkError):
    """GitHub refused a call or cannot be reached."""


class HeldError(CrabwalkError):
    """The walk stands where it is: inconclusive, or waiting."""

    exit_code = 4


class ConflictError(CrabwalkError):
    """Somebody or something else got in between: a lease, the alias, a stale plan, an older commit."""

    exit_code = 5
