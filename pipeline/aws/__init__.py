"""Small typed facades over boto3, one module per AWS service. The only place for boto3 and botocore.

`client` and `subprocess_environment` are the two ways out to an environment. With static credentials (the embedded
AWS) nothing of the machine's AWS variables or profiles is looked at, so a real account cannot be touched by mistake.
An environment's role is assumed (`roles`) by whatever credentials there are. Who makes many calls at once lets all
clients of an account and region share one budget (`sharing`); nobody else waits for one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.aws.refusals import (
    ACCESS_CODES,
    THROTTLE_CODES,
    AccessError,
    TransientError,
    aws_errors,
    error_code,
    http_status,
)

if TYPE_CHECKING:
    from pipeline.aws.budget import Budget, Budgets
    from pipeline.manifest.environments import Environment

__all__ = [
    "ACCESS_CODES",
    "AccessError",
    "TransientError",
    "aws_errors",
    "client",
    "error_code",
    "http_status",
    "shared",
    "sharing",
    "subprocess_environment",
]

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30

# What a subprocess may still see of the machine's AWS settings when the credentials are static: nothing.
AWS_PREFIX = "AWS_"


def client(env: Environment, service: str, *, retries: bool = True, read_timeout_s: int = READ_TIMEOUT_S) -> Any:
    """Return a thread-safe client of `service` for `env`, made once per process.

    `retries=False` makes each call one attempt but for `PATIENT`: alias writes must never be repeated blindly, because
    an SDK's own retry of a write guarded by RevisionId reports PreconditionFailed after a success.
    """
    with _making:  # a session makes one client after the other, whoever asks
        return _client(_place(env), service, retries=retries, read_timeout_s=read_timeout_s)


_making = threading.Lock()


class Place(NamedTuple):
    """Where a client calls, and as whom."""

    account: str
    region: str
    endpoint: str | None
    credentials: tuple[str, str] | None
    role: str | None


def _place(env: Environment) -> Place:
    return Place(env.account, env.region, env.endpoint, env.credentials, env.role)


@lru_cache(maxsize=1024)
def _client(place: Place, service: str, *, retries: bool, read_timeout_s: int) -> Any:
    from botocore.config import Config

    endpoint = place.endpoint
    attempts = 5 if endpoint is None else 2  # what does not answer on this machine is down
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        tcp_keepalive=True,  # a network in between forgets a connection that waits for a slow function
        retries={"total_max_attempts": attempts if retries else 1, "mode": "standard"},
        s3={"addressing_style": "path"} if endpoint else None,
        max_pool_connections=16,
        proxies={} if endpoint else None,
    )
    with aws_errors(f"prepare a client for {service}"):
        session = _session(place.credentials) if place.role is None else _assumed(place)
        made = session.create_client(service, region_name=place.region, endpoint_url=endpoint, config=config)
    # Both events come once an attempt, so what the SDK repeats by itself is paced and counted like everything else.
    made.meta.events.register_first("before-send", partial(_before_send, place))
    made.meta.events.register("response-received", partial(_received, place))
    if retries:
        made.meta.events.register_last(f"needs-retry.{service}", partial(_paced, attempts))
    else:
        for operation, most in PATIENT.items():
            again = _paced if operation in ALIASES else _again
            made.meta.events.register(f"needs-retry.{service}.{operation}", partial(again, most))
    return made


@lru_cache(maxsize=4)
def _session(credentials: tuple[str, str] | None) -> Any:
    """One session a set of credentials: its loader reads each service's description only once."""
    from botocore.session import Session

    from pipeline.aws.descriptions import described

    # Without a variable for it AWS_PROFILE is not looked at; a profile that does not exist would be an error.
    session = Session(session_vars={"profile": (None, None, None, None)} if credentials else None)
    if credentials is not None:
        session.set_config_variable("config_file", os.devnull)
        session.set_config_variable("credentials_file", os.devnull)
        session.set_credentials(*credentials)
    session.register_component("data_loader", described(session.get_component("data_loader")))
    return session


@lru_cache(maxsize=256)
def _assumed(place: Place) -> Any:
    """A session in the role of a place, by what may assume it."""
    from pipeline.aws.roles import session

    return session(_session(place.credentials), place.role or "", place.region, place.endpoint)


# Attempts at writes made once that are repeated all the same where AWS says "too many", because then they certainly did
# not happen; whether they still may is what they are guarded by. Few for an alias, as what was decided grows old, and
# only where a budget keeps the pace of many walks: whoever moves one alias has pauses of their own, and says so.
PATIENT = {"PublishVersion": 8, "UpdateFunctionCode": 8, "PutObject": 5, "UpdateAlias": 3}
ALIASES = frozenset({"UpdateAlias"})

# The last one counts, for every client and thread of the process.
_shared: list[Budget | Budgets] = []
_sharing = threading.Lock()


@contextmanager
def sharing(budget: Budget | Budgets) -> Iterator[None]:
    """All calls of this process keep within these limits meanwhile; with `Budgets` each account and region apart."""
    with _sharing:
        _shared.append(budget)
    try:
        yield
    finally:
        with _sharing:
            del _shared[next(number for number, one in enumerate(_shared) if one is budget)]


def shared() -> Budget | Budgets | None:
    """What all calls keep within now: who does a part of something larger joins it and brings none of its own."""
    last = _shared[-1:]  # another thread may take it away
    return last[0] if last else None


def _before_send(place: Place, event_name: str, **_: Any) -> None:
    budgets = shared()
    if budgets is not None:
        service, operation = event_name.split(".")[1:]
        budgets.of(place.account, place.region).take(service, operation)


def _received(place: Place, event_name: str, parsed_response: Any = None, **_: Any) -> None:
    budgets = shared()
    if budgets is not None and _too_many(parsed_response):
        service, operation = event_name.split(".")[1:]
        budgets.of(place.account, place.region).throttled(service, operation)


def _again(most: int, attempts: int, response: Any = None, **_: Any) -> float | None:
    """How long to wait before what was refused as one too many is sent again."""
    if response is None or not _too_many(response[1]) or attempts >= most:
        return None
    from pipeline.aws.budget import backoff

    return backoff(attempts)


def _paced(limit: int, attempts: int, response: Any = None, **_: Any) -> float | None:
    """As `_again`, only where a budget keeps the pace: for an alias, and where the SDK has no repetitions left to give.

    It has 500 a client at five a repetition, and an answer that there is no such object gives none back (botocore's
    standard mode): many reads of what is seldom there use them up. Where a budget keeps the pace they are not needed.
    """
    return None if shared() is None else _again(limit, attempts, response)


def _too_many(answer: Any) -> bool:
    if not isinstance(answer, dict):
        return False
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == 429 or answer.get("Error", {}).get("Code") in THROTTLE_CODES


def subprocess_environment(env: Environment) -> dict[str, str]:
    """Return the environment variables for a process (Terraform) that is to work in `env`."""
    variables = dict(os.environ)
    if env.credentials is not None:
        variables = {k: v for k, v in variables.items() if not k.startswith(AWS_PREFIX)}
        variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"] = env.credentials
        variables["AWS_CONFIG_FILE"] = variables["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
        variables["AWS_EC2_METADATA_DISABLED"] = "true"
        variables["NO_PROXY"] = variables["no_proxy"] = "127.0.0.1,localhost"
    if env.role is not None:
        from pipeline.aws.roles import WHO
        from pipeline.aws.roles import variables as of_role

        session = _session(env.credentials)
        with aws_errors(f"assume the role {env.role}"):
            keys = of_role(session, env.role, env.region, env.endpoint)
        variables = {k: v for k, v in variables.items() if k not in WHO} | keys
    variables["AWS_REGION"] = variables["AWS_DEFAULT_REGION"] = env.region
    if env.endpoint is not None:
        variables["AWS_ENDPOINT_URL"] = env.endpoint
    return variables
