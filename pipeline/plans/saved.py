"""A saved plan as a value: what was reviewed, and all that must still be so when it is applied. Pure.

The plan files themselves lie beside it; they hold secrets, this holds none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.infra.model import Change
from pipeline.release.words import moment

FORMAT = 1
LIFE_S = 7 * 86_400.0


@dataclass(frozen=True)
class AliasSeen:
    """Where a service's traffic was."""

    version: str
    revision: str


@dataclass(frozen=True)
class SavedArtifact:
    """A zip in the environment's bucket, found by its hash."""

    sha256: str
    code_sha256: str
    size: int
    binary_size: int
    architecture: str
    triple: str
    inputs: str


@dataclass(frozen=True)
class SavedService:
    """A service that is released. `alias` is None where it does not exist yet."""

    artifact: SavedArtifact
    alias: AliasSeen | None


@dataclass(frozen=True)
class StateSeen:
    """Which state a plan was made against; both empty where there was none."""

    lineage: str = ""
    serial: int = 0


@dataclass(frozen=True)
class SavedStack:
    """A root that is applied: its plan file by hash, its state, and what was reviewed for each phase."""

    fingerprint: str
    plan_sha256: str  # empty: Terraform has nothing to do in the first phase
    pending: bool
    state: StateSeen
    changes: tuple[Change, ...]
    then: tuple[Change, ...]


@dataclass(frozen=True)
class Tools:
    """What must be the same for a plan file to mean the same."""

    crabwalk: str
    terraform: str  # empty where no stack needs it
    provider: str


@dataclass(frozen=True)
class SavedPlan:
    """Everything that `deploy --plan ID` holds to. Times are epoch seconds."""

    id: str
    created: float
    actor: str
    environment: str
    account: str
    commit: str
    manifests: str  # hash of all manifests as they were read, overlays applied
    tools: Tools
    only: tuple[str, ...]
    base: str | None
    retry: bool
    allow_destroy: tuple[str, ...]
    services: Mapping[str, SavedService] = field(default_factory=dict)
    stacks: Mapping[str, SavedStack] = field(default_factory=dict)

    @property
    def expires(self) -> float:
        """After this it is not applied any more."""
        return self.created + LIFE_S

    @property
    def keys(self) -> dict[str, str]:
        """Where the artifacts lie in the bucket, by service."""
        return {name: f"artifacts/{one.artifact.sha256}.zip" for name, one in self.services.items()}


@dataclass(frozen=True)
class Seen:
    """The world as it is now, as far as a saved plan names it."""

    now: float
    environment: str
    account: str
    commit: str
    manifests: str
    tools: Tools
    services: frozenset[str]
    roots: Mapping[str, str]
    states: Mapping[str, StateSeen]
    aliases: Mapping[str, AliasSeen | None]
    absent: tuple[str, ...] = ()  # services whose artifact is not in the bucket any more
    others: tuple[str, ...] = ()  # stacks in which Terraform has something to do now, and had not


def moved(saved: SavedPlan, seen: Seen) -> tuple[str, ...]:
    """Everything that is not as it was when the plan was made, in sentences; empty: it may be applied."""
    return (*_origin(saved, seen), *_tools(saved.tools, seen.tools), *_places(saved, seen))


def _origin(saved: SavedPlan, seen: Seen) -> Iterator[str]:
    if seen.now > saved.expires:
        yield f"it expired at {moment(saved.expires)}"
    if (saved.environment, saved.account) != (seen.environment, seen.account):
        yield f"it was made for `{saved.environment}` in account {saved.account}"
    if saved.commit != seen.commit:
        yield f"it was made from commit {saved.commit[:12]}, and this is {seen.commit[:12]}"
    elif saved.manifests != seen.manifests:
        yield "the manifests are not those it was made from"
    if saved.services.keys() != seen.services:
        names = ", ".join(sorted(saved.services.keys() ^ seen.services))
        yield f"other services would be released now: it differs in {names}"


def _places(saved: SavedPlan, seen: Seen) -> Iterator[str]:
    for name, one in saved.stacks.items():
        if one.fingerprint != seen.roots.get(name):
            yield f"stack {name}: what Terraform is to make is not what was planned (modules, values of other services)"
        state = seen.states.get(name, StateSeen())
        if one.state != state:
            yield f"stack {name}: its state moved from {_state(one.state)} to {_state(state)}"
    for name, service in saved.services.items():
        alias = seen.aliases.get(name)
        if service.alias != alias:
            yield f"{name}: its alias moved from {_alias(service.alias)} to {_alias(alias)}"
    yield from (f"{name}: its artifact is not in the bucket any more" for name in seen.absent)
    yield from (f"stack {name}: Terraform has something to do there now" for name in seen.others)


def _tools(saved: Tools, seen: Tools) -> Iterator[str]:
    for what, before, now in (
        ("crabwalk", saved.crabwalk, seen.crabwalk),
        ("Terraform", saved.terraform, seen.terraform),
        ("the AWS provider", saved.provider, seen.provider),
    ):
        if before != now:
            yield f"it was made with {what} {before or 'none'}, and this is {now or 'none'}"


def outside(changes: Sequence[Change], reviewed: Sequence[Change]) -> tuple[Change, ...]:
    """The changes nobody reviewed: another address or action, or attributes that were not named."""
    known = {(one.address, one.action): set(one.attributes) for one in reviewed}

    def reviewed_too(one: Change) -> bool:
        names = known.get((one.address, one.action))
        return names is not None and set(one.attributes) <= names

    return tuple(one for one in changes if not reviewed_too(one))


def to_json(saved: SavedPlan) -> dict[str, Any]:
    """As it is stored."""
    return {"format": FORMAT, **asdict(saved)}


def from_json(data: Mapping[str, Any]) -> SavedPlan:
    """Read it back; KeyError, TypeError or ValueError for what is none."""
    if data.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT}; another crabwalk wrote it")
    fields = {name: data[name] for name in SavedPlan.__dataclass_fields__}
    return SavedPlan(
        **{
            **fields,
            "tools": Tools(**fields["tools"]),
            "only": tuple(fields["only"]),
            "allow_destroy": tuple(fields["allow_destroy"]),
            "services": {name: _service(one) for name, one in fields["services"].items()},
            "stacks": {name: _stack(one) for name, one in fields["stacks"].items()},
        }
    )


def _service(data: Mapping[str, Any]) -> SavedService:
    alias = data["alias"]
    return SavedService(SavedArtifact(**data["artifact"]), AliasSeen(**alias) if alias is not None else None)


def _stack(data: Mapping[str, Any]) -> SavedStack:
    changes, then = (tuple(_change(one) for one in data[phase]) for phase in ("changes", "then"))
    return SavedStack(**{**data, "state": StateSeen(**data["state"]), "changes": changes, "then": then})


def _change(data: Mapping[str, Any]) -> Change:
    amounts = tuple((name, before, after) for name, before, after in data["amounts"])
    return Change(**{**data, "attributes": tuple(data["attributes"]), "amounts": amounts})


def _state(state: StateSeen) -> str:
    return f"serial {state.serial}" if state.lineage else "none"


def _alias(alias: AliasSeen | None) -> str:
    return f"version {alias.version} ({alias.revision[:8]})" if alias is not None else "none"
