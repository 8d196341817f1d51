"""The deployment status of a transition at GitHub. Pure; docs/events.md has the table."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.github.deployments import Deployment, State, Status
from pipeline.release.around.link import run_address
from pipeline.release.around.transitions import Event, Transition
from pipeline.release.model import LATEST

UNTOLD: frozenset[Event] = frozenset({"verdict"})
_STATES: Mapping[Event, State] = {
    "start": "in_progress",
    "step": "in_progress",
    "resume": "in_progress",
    "takeover": "in_progress",
    "hold": "queued",  # it stands, and goes on later
    "approval": "queued",
    "pause": "queued",
    "conflict": "error",
    "promote": "success",
    "rollback": "failure",
    "abort": "failure",
    "rejected": "failure",
}


def deployment_of(told: Transition) -> Deployment:
    """What the status is of: services of one commit are told apart by their task."""
    rollout = told.rollout
    return Deployment(
        commit=rollout.commit,
        environment=rollout.environment,
        task=f"deploy:{rollout.service}",
        description=f"{rollout.service} by crabwalk",
        payload={
            "crabwalk": 1,
            "service": rollout.service,
            "release": rollout.release_id,
            "function": rollout.function,
        },
    )


def status_of(told: Transition, *, after_its_end: bool = False) -> Status:
    """How it stands. `after_its_end`: what was deployed well was rolled back later."""
    state: State = "inactive" if after_its_end else _STATES[told.event]
    version = told.rollout.candidate
    replaced = told.rollout.stable != LATEST and state == "success"
    return Status(
        state=state,
        description=f"{told.headline}: {told.sentence}" if told.sentence else told.headline,
        log=run_address() or "",
        before=f"version {version} has taken its place" if replaced else "",
    )
