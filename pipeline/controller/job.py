"""What one execution is told: the environment without who asks there, the releases, which generation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pipeline.errors import UsageError
from pipeline.manifest.environments import Environment

FORMAT = 1
OWN = ("credentials", "endpoint", "role")  # the function has its own, in the account it walks in


@dataclass(frozen=True)
class Part:
    """One release of a job; `generation` counts the hand-overs of its service's walks."""

    service: str
    release: str
    generation: int


@dataclass(frozen=True)
class Job:
    """One walk, or the walks of one group. `function`: the published version of the controller that makes its looks."""

    env: Environment
    parts: tuple[Part, ...]
    function: str

    @property
    def name(self) -> str:
        """What its execution is called: its first release, and the generation of that."""
        return named(self.parts[0])

    @property
    def who(self) -> str:
        """How the lease tells who holds it."""
        return f"Step Functions (execution {self.name})"


def named(part: Part) -> str:
    """The name of the execution that a release leads."""
    return f"{part.release}-{part.generation}"


def token(part: Part) -> str:
    """What the lease of a release's service carries while its execution walks it."""
    return f"execution/{named(part)}"


def before(part: Part) -> str | None:
    """The token of the execution this one goes on for; None for a first one."""
    return token(Part(part.service, part.release, part.generation - 1)) if part.generation > 1 else None


def to_json(job: Job, carried: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The input of its execution. `carried`: what its first look must know of who walked before, by service."""
    env = {name: value for name, value in asdict(job.env).items() if name not in OWN}
    return {
        "format": FORMAT,
        "function": job.function,
        "environment": env,
        "releases": [asdict(part) for part in job.parts],
        "carried": dict(carried or {}),
        "handovers": 0,
    }


def from_json(data: Mapping[str, Any], *, endpoint: str | None = None) -> Job:
    """Read it back. What a newer crabwalk says of an environment beyond what this one knows is left out.

    `handovers`: how often the execution went on as another one. UsageError for what is no job.
    """
    if data.get("format") != FORMAT:
        raise UsageError(f"what the controller was told has the format {data.get('format')}, not {FORMAT}")
    try:
        known = {one.name for one in fields(Environment)} - set(OWN)
        env = Environment(**{k: _frozen(v) for k, v in data["environment"].items() if k in known}, endpoint=endpoint)
        later = int(data.get("handovers", 0))
        parts = tuple(
            Part(str(one["service"]), str(one["release"]), int(one["generation"]) + later) for one in data["releases"]
        )
        return Job(env, (parts[0], *parts[1:]), str(data["function"]))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"what the controller was told is not a job: {error}") from error


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value
