"""Roles assumed by whoever calls: temporary credentials of another account, renewed before they run out.

They live in this process's memory and in the environment of the processes it starts, and nowhere else.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from typing import Any

SESSION = "crabwalk"
LASTS_S = 3600  # as long as AWS lets a role last that a role assumed (AWS IAM, "Role chaining")
# By these variables a process finds out who it is; a role's credentials replace all of them.
WHO = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    }
)
_NUMBER = re.compile(r"[0-9]{1,20}\Z")


def session(base: Any, role: str, region: str, endpoint: str | None) -> Any:
    """A session in the role, which it assumes when it makes its first call and again before that runs out.

    `base`: the session of whoever may assume it.
    """
    from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
    from botocore.session import Session

    class Assumed(CredentialProvider):
        METHOD = CANONICAL_NAME = "assumed-role"

        def load(self) -> Any:
            return DeferredRefreshableCredentials(lambda: _renewed(base, role, region, endpoint), self.METHOD)

    # It would write a traceback to stderr beside the error that is raised and told.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
    made = Session(session_vars={"profile": (None, None, None, None)})
    made.set_config_variable("config_file", os.devnull)
    made.register_component("data_loader", base.get_component("data_loader"))
    made.register_component("credential_provider", CredentialResolver([Assumed()]))
    return made


def variables(base: Any, role: str, region: str, endpoint: str | None) -> dict[str, str]:
    """What a process needs in its environment to work in the role for an hour: a new session, not what is left of one.

    Raises botocore's errors.
    """
    made = _assume(base, role, region, endpoint)
    return {
        "AWS_ACCESS_KEY_ID": str(made["AccessKeyId"]),
        "AWS_SECRET_ACCESS_KEY": str(made["SecretAccessKey"]),
        "AWS_SESSION_TOKEN": str(made["SessionToken"]),
    }


def _renewed(base: Any, role: str, region: str, endpoint: str | None) -> dict[str, str]:
    made = _assume(base, role, region, endpoint)
    return {
        "access_key": made["AccessKeyId"],
        "secret_key": made["SecretAccessKey"],
        "token": made["SessionToken"],
        "expiry_time": made["Expiration"].isoformat(),
    }


def _assume(base: Any, role: str, region: str, endpoint: str | None) -> Mapping[str, Any]:
    from botocore.config import Config

    config = Config(connect_timeout=5, read_timeout=30, proxies={} if endpoint else None)
    sts = base.create_client("sts", region_name=region, endpoint_url=endpoint, config=config)
    answer = sts.assume_role(RoleArn=role, RoleSessionName=name(os.environ), DurationSeconds=LASTS_S)
    made: Mapping[str, Any] = answer["Credentials"]
    return made


def name(environ: Mapping[str, str]) -> str:
    """What the role's session is called, so that CloudTrail tells whose calls they were: the run's number in CI."""
    run = environ.get("GITHUB_RUN_ID", "")
    return f"{SESSION}-{run}" if _NUMBER.match(run) else SESSION
