"""What `affected` takes and answers. Light: a question that was asked before loads none of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Described(Protocol):
    """What is read of a service; its manifest's typed form has it, and so has a `Declared` one."""

    @property
    def name(self) -> str: ...
    @property
    def directory(self) -> Path: ...
    @property
    def file(self) -> Path: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def extensions(self) -> tuple[str, ...]: ...
    @property
    def triggers(self) -> Sequence[Any]: ...
    @property
    def resources(self) -> Mapping[str, Any]: ...


class File(NamedTuple):
    """A path that differs, and how: added, deleted, changed or unreadable."""

    path: str
    change: str


@dataclass(frozen=True)
class Reason:
    """Why a service is affected: a kind for programs, a sentence for people, and the chain from the service to it.

    The last link of the chain is for people; where it stands for files, `files` has all of them.
    """

    kind: str
    detail: str
    chain: tuple[str, ...] = ()
    files: tuple[File, ...] = ()

    @property
    def shown(self) -> str:
        """One line: `todos ← rust_shared/http ← rust_shared/http/src/lib.rs`."""
        return " ← ".join(self.chain) or self.detail

    @property
    def links(self) -> tuple[str, ...]:
        """The chain for programs: every link is one name, the last one the first of the files."""
        return (*self.chain[:-1], self.files[0].path) if self.files else self.chain


class Subject(NamedTuple):
    """What the decision knows of a service; paths are relative to the repository."""

    name: str
    directory: str
    manifest: str  # its service.yaml
    features: tuple[str, ...]
    inputs: tuple[str, ...]
    extensions: tuple[str, ...]
    modules: tuple[str, ...]


@dataclass(frozen=True)
class Affected:
    """One service against its base; no reasons = not affected."""

    service: str
    base: str | None
    reasons: tuple[Reason, ...]

    @property
    def affected(self) -> bool:
        return bool(self.reasons)
