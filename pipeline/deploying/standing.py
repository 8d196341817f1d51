"""Where services stand: in which stacks' states, as the ledger has it, whatever manifests say by now. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import UsageError
from pipeline.infra import Root, Scope, render
from pipeline.infra.calls import read_calls
from pipeline.release.ledger.records import StackRecord

if TYPE_CHECKING:
    from pipeline.manifest.models import Service

Stacks = Mapping[str, StackRecord | None]


class Declared(Protocol):
    """A service as far as its place goes; `pipeline.manifest.models.Service` is one."""

    @property
    def name(self) -> str: ...
    @property
    def stack(self) -> str: ...


def standing(record: StackRecord) -> frozenset[str]:
    """The services that have anything in a stack."""
    return frozenset({*record.services, *record.calls})


def places(stacks: Stacks, service: str) -> tuple[str, ...]:
    """The stacks a service stands in: one, or two in the middle of a move."""
    return tuple(name for name, one in sorted(stacks.items()) if one is not None and service in standing(one))


def displaced(stacks: Stacks, services: Iterable[Declared]) -> dict[str, str]:
    """Services whose manifest names another stack than the one they stand in, which is told."""
    found = {}
    for one in services:
        others = [stack for stack in places(stacks, one.name) if stack != one.stack]
        if others:
            found[one.name] = others[0]
    return found


def gone(stacks: Stacks, declared: Collection[str]) -> dict[str, str]:
    """Services that stand in a stack, which is told, and that no manifest declares any more."""
    every = sorted({name for one in stacks.values() if one is not None for name in standing(one)})
    return {name: places(stacks, name)[0] for name in every if name not in declared}


def told_gone(names: Iterable[str], env: str) -> Iterator[str]:
    """One line for each service that no manifest declares any more."""
    for name in names:
        yield f"`{name}` has no manifest any more; crabwalk destroy {name} --env {env}"


def check_places(stacks: Stacks, services: Sequence[Service], env: str) -> None:
    """Raises UsageError for a service that would be created a second time, in the stack its manifest names."""
    found = displaced(stacks, services)
    for one in services:
        if one.name in found:
            raise UsageError(
                f"`{one.name}` stands in the stack `{found[one.name]}`, and its manifest names `{one.stack}`",
                where=str(one.file),
                hint=f"crabwalk move {one.name} --stack {one.stack} --env {env}",
            )


def as_applied(scope: Scope, record: StackRecord, modules: Path) -> Root:
    """A stack's root with exactly the module calls that were last applied."""
    calls = {name: read_calls(some) for name, some in record.calls.items()}
    return render(scope, record.stack, [], modules, calls)


def without(record: StackRecord, service: str) -> StackRecord:
    """A stack's record once nothing of `service` is in it."""
    return replace(
        record,
        services=tuple(one for one in record.services if one != service),
        outputs={name: value for name, value in record.outputs.items() if name != service},
        calls={name: some for name, some in record.calls.items() if name != service},
    )
