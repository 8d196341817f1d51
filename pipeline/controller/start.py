"""Gives walks that have begun to Step Functions: the lease first, so that nobody is in between, then the execution.

Whoever dies in between leaves a lease that runs out by itself, and a release that `resume` or the watchdog goes on
with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import groupby

from pipeline.aws.executions import Executions, NameTakenError, console_url
from pipeline.aws.objects import Objects
from pipeline.controller.bundle import bundle
from pipeline.controller.job import Job, Part, to_json, token
from pipeline.controller.look import relay, standing_s
from pipeline.controller.told import kept
from pipeline.errors import ConflictError, CrabwalkError, UsageError
from pipeline.manifest.environments import STEP_FUNCTIONS, Environment
from pipeline.release.ledger.lease import Lease
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk

RECORD_KEY = "crabwalk/controller.json"
NAMES = 20  # that may be taken already, because an older crabwalk forgot how often walks were handed on


@dataclass(frozen=True)
class Installed:
    """The controller of an environment: its state machine, and the version of its function that new walks are told."""

    machine: str
    function: str
    package: str  # SHA-256
    crabwalk: str  # its version


@dataclass(frozen=True)
class Given:
    """What became of a walk that was to be handed on: where its execution is seen, or why there is none."""

    service: str
    url: str = ""
    fault: CrabwalkError | None = None


def wanted(env: Environment) -> bool:
    """Whether walks of this environment are handed to Step Functions."""
    return env.controller == STEP_FUNCTIONS


def installed(objects: Objects, env: Environment) -> Installed:
    """The controller as bootstrap recorded it; UsageError where there is none."""
    hint = f"crabwalk bootstrap {env.name}"
    stored = objects.get(RECORD_KEY)
    if stored is None:
        raise UsageError(f"the controller of `{env.name}` is not there: `controller: step-functions`", hint=hint)
    try:
        return Installed(**json.loads(stored.body)["installed"])
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError("the record of the controller cannot be read", where=RECORD_KEY, hint=hint) from error


def outdated(found: Installed) -> bool:
    """Whether the installed controller is of another crabwalk than this one."""
    return found.package != bundle().sha256


def recorded(found: Installed, fingerprint: str, github_api: str = "") -> bytes:
    """What bootstrap writes of it. `github_api`: where its function finds GitHub's API, empty for github.com's."""
    whole = {"fingerprint": fingerprint, "installed": asdict(found), "github_api": github_api}
    return json.dumps(whole, indent=1, sort_keys=True).encode()


def give(engine: Engine, machine: Installed, walks: Sequence[Walk]) -> tuple[Given, ...]:
    """Hand these walks on; walks of one group go together. One's fault does not stop the others."""
    done: list[Given] = []
    for group in _groups(walks):
        try:
            url = _started(engine, machine, {walk.rollout.service: walk for walk in group})
            done += [Given(walk.rollout.service, url) for walk in group]
        except CrabwalkError as fault:
            done += [Given(walk.rollout.service, fault=fault) for walk in group]
    return tuple(done)


def _groups(walks: Sequence[Walk]) -> Iterator[tuple[Walk, ...]]:
    def key(walk: Walk) -> tuple[str, str]:
        together = walk.rollout.terms.together
        return (together, "") if together is not None else ("", walk.rollout.service)

    for _, some in groupby(sorted(walks, key=lambda walk: (*key(walk), walk.rollout.service)), key):
        yield tuple(some)


def _started(engine: Engine, machine: Installed, walks: Mapping[str, Walk]) -> str:
    leases: dict[str, Lease] = {name: walk.lease for name, walk in walks.items()}
    generation = max(lease.generation for lease in leases.values()) + 1
    parts = tuple(Part(name, walk.rollout.release_id, generation) for name, walk in walks.items())
    carried = {name: {"told": kept(walk.rollout)} for name, walk in walks.items() if engine.notices.heard(walk.rollout)}
    executions = Executions(engine.env, machine.machine)
    for _ in range(NAMES):
        job = Job(engine.env, parts, machine.function)
        handed: list[Part] = []
        try:
            for part in parts:
                leases[part.service].hand_on(
                    token(part),
                    job.who,
                    f"walk of release {part.release}",
                    ttl_s=standing_s(job),
                    generation=part.generation,
                )
                handed.append(part)
            return console_url(engine.env, executions.start(job.name, to_json(job, carried)))
        except NameTakenError:
            leases = {part.service: relay(engine.objects, job, part) for part in parts}
            for lease in leases.values():
                lease.take()  # type: ignore[attr-defined]
            parts = tuple(replace(part, generation=part.generation + 1) for part in parts)
        except BaseException:
            _free(engine, job, handed)
            raise
    _free(engine, job, parts)
    raise ConflictError(f"no name is free for an execution of release {parts[0].release}", hint="crabwalk status")


def _free(engine: Engine, job: Job, parts: Sequence[Part]) -> None:
    """Nobody walks these: whoever goes on with them need not wait."""
    for part in parts:
        lease = relay(engine.objects, job, part)
        with suppress(CrabwalkError):
            lease.take()
            lease.release()
