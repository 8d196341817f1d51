"""Where deployment statuses go: to the repository the environment names, with a token of the process or of a secret.

Called by one thread, a courier's. GitHub's limits are waited for there; of what gathers meanwhile only the last status
of each release is sent.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence

from pipeline.aws.secrets import Secrets
from pipeline.errors import CrabwalkError, UsageError
from pipeline.github.api import Api
from pipeline.github.deployments import keep
from pipeline.manifest.environments import Environment
from pipeline.release.around.courier import Fault
from pipeline.release.around.deployment import UNTOLD, deployment_of, status_of
from pipeline.release.around.transitions import Transition

PLACE = "github"
TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable


class Deployments:
    """The deployment statuses of an environment's repository."""

    def __init__(
        self, env: Environment, pause: Callable[[float], None] = time.sleep, *, after_its_end: bool = False
    ) -> None:
        self._env, self._pause, self._after_its_end = env, pause, after_its_end
        self._api: Api | None = None

    def wants(self, told: Transition) -> bool:
        """Whether a status is kept of it."""
        return self._env.github is not None and told.event not in UNTOLD

    def send(self, each: Sequence[Transition]) -> Iterator[Fault]:
        """Set the status of each release as it is last; the end of one is never left out for something after it."""
        last = {told.rollout.release_id: told for told in each}
        for told in last.values():
            try:
                keep(self._reached(), deployment_of(told), status_of(told, after_its_end=self._after_its_end))
            except CrabwalkError as error:
                where = f" ({error.where})" if error.where else ""
                yield PLACE, f"the deployment status at GitHub ({told.event}) was not set: {error.what}{where}"
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one is still to be sent
                yield PLACE, f"the deployment status at GitHub ({told.event}) was not set: {type(error).__name__}"

    def _reached(self) -> Api:
        if self._api is None:
            known = {TOKEN: token_of(self._env), "GITHUB_REPOSITORY": self._env.github or ""}
            self._api = Api.of({**os.environ, **known}, self._pause)
        return self._api


def token_of(env: Environment) -> str:
    """The token: this process's own, or that of the environment's secret. Raises CrabwalkError where there is none."""
    own = os.environ.get(TOKEN, "")
    if own:
        return own
    if env.github_secret is None:
        hint = "set it, or name a secret in the project file: `github: {repository: …, token: SECRET}`"
        raise UsageError(f"{TOKEN} is not set, and the environment names no secret", hint=hint)
    return Secrets(env).value(env.github_secret, "token")
