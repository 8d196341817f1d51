"""A team's own checks around a walk: `before` any traffic, where a no rejects the version, and `after` the end.

What says nothing of the version (a program that is not there, a webhook that does not answer) rejects nothing: before
the walk it is an error, after it a warning.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.aws import subprocess_environment
from pipeline.errors import CrabwalkError
from pipeline.manifest.environments import Environment
from pipeline.release.around import command, webhook
from pipeline.release.around.link import link_of, moment
from pipeline.release.ledger.story import ended_as
from pipeline.release.model import LATEST, Rollout

if TYPE_CHECKING:
    from pipeline.manifest.models_hooks import Hook, Hooks

SHOWN = 300  # characters of an answer in a sentence

Say = Callable[[str], None]


@dataclass(frozen=True)
class _Told:
    """What a hook is told of."""

    event: str
    rollout: Rollout
    env: Environment


def check_ready(hooks: Hooks) -> None:
    """Raises WebhookError for a hook before the walk whose variable holds no address."""
    for hook in hooks.before:
        if hook.webhook is not None:
            webhook.check_address(_variable(hook.webhook))


def before(hooks: Hooks, rollout: Rollout, env: Environment, directory: Path, say: Say) -> str:
    """Run the hooks before any traffic, in order; the sentence of the first that says no, empty when none does.

    Raises CrabwalkError when one could not be asked.
    """
    told = _Told("before", rollout, env)
    return next((no for hook in hooks.before if (no := _asked(hook, told, directory, say))), "")


def after(hooks: Hooks, rollout: Rollout, env: Environment, directory: Path, say: Say) -> Iterator[str]:
    """Run the hooks after the end, all of them; yields a warning for each that failed."""
    told = _Told("after", rollout, env)
    for hook in hooks.after:
        try:
            no = _asked(hook, told, directory, say)
        except CrabwalkError as error:
            no = error.what
        if no:
            yield f"{rollout.service}: after the release {no}"


def outcome_of(rollout: Rollout) -> str:
    """How a release ended, in the word hooks are told: empty before its end."""
    if not rollout.over:
        return ""
    return rollout.phase if rollout.phase == "promoted" else ended_as(rollout)


def variables(rollout: Rollout) -> dict[str, str]:
    """What a command is told, as environment variables."""
    return {
        "CRABWALK_SERVICE": rollout.service,
        "CRABWALK_ENVIRONMENT": rollout.environment,
        "CRABWALK_VERSION": rollout.candidate,
        "CRABWALK_STABLE": "" if rollout.stable == LATEST else rollout.stable,
        "CRABWALK_FUNCTION": rollout.function,
        "CRABWALK_RELEASE": rollout.release_id,
        "CRABWALK_COMMIT": rollout.commit,
        "CRABWALK_OUTCOME": outcome_of(rollout),
    }


def body(event: str, rollout: Rollout, at: float) -> dict[str, Any]:
    """What a webhook is told, `at` epoch seconds; docs/hooks.md has the shape."""
    return {
        "crabwalk": 1,
        "event": event,
        "environment": rollout.environment,
        "service": rollout.service,
        "function": rollout.function,
        "release": rollout.release_id,
        "version": rollout.candidate,
        "stable": None if rollout.stable == LATEST else rollout.stable,
        "commit": rollout.commit,
        "subject": rollout.subject,
        "actor": rollout.actor,
        "claimed_actor": rollout.claimed_actor,
        "outcome": outcome_of(rollout) or None,
        "sentence": rollout.sentence,
        "link": link_of(rollout),
        "at": moment(at),
    }


def _asked(hook: Hook, told: _Told, directory: Path, say: Say) -> str:
    """Run one; why it failed in a sentence, empty when it did not."""
    if hook.webhook is not None:
        shape = body(told.event, told.rollout, time.time())
        return _called(_variable(hook.webhook), shape, hook.timeout_s, say)
    env = {**subprocess_environment(told.env), **variables(told.rollout)}
    return _ran(hook.command or (), env, directory, hook.timeout_s, say)


def _ran(words: tuple[str, ...], env: Mapping[str, str], directory: Path, timeout_s: float, say: Say) -> str:
    name = words[0]
    ran = command.run(words, directory, env, timeout_s, lambda line: say(f"{name}: {line}"))
    if ran.code == 0:
        say(f"{name} passed")
        return ""
    how = f"did not end within {timeout_s:g} s" if ran.code is None else f"ended with {ran.code}"
    if ran.code is not None and ran.code < 0:
        how = f"was ended by signal {-ran.code}"
    return f"hook `{name}` {how}{_quoted(' / '.join(line.strip() for line in ran.last if line.strip()))}"


def _called(variable: str, told: Mapping[str, Any], timeout_s: float, say: Say) -> str:
    answer = webhook.post(variable, told, timeout_s=timeout_s)
    if answer.good:
        say(f"webhook of {variable} passed")
        return ""
    if answer.status >= 500:
        what = f"the webhook of {variable} answered {answer.status}{_quoted(answer.text)}"
        raise webhook.WebhookError(what, hint="it said neither yes nor no: nothing is held against the version")
    return f"webhook of {variable} answered {answer.status}{_quoted(answer.text)}"


def _quoted(text: str) -> str:
    """The end of what it said, on one line that no terminal obeys."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if not line:
        return ""
    return f": {line if len(line) <= SHOWN else '...' + line[-SHOWN + 3 :]}"


def _variable(address: str) -> str:
    return address.partition(":")[2]
