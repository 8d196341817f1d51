"""What AWS does not let an alias split, said before anything is published. Pure.

Source: AWS Lambda developer guide, "Implement Lambda canary deployments using a weighted alias": both versions must
have the same execution role and the same dead-letter queue, or none; and an alias that has provisioned concurrency
cannot split its traffic.
"""

from __future__ import annotations

from pipeline.aws.functions import FunctionState


def obstacle(latest: FunctionState, stable: FunctionState, *, provisioned: bool) -> str | None:
    """Why traffic cannot be split between `stable` and what is about to be published; None when it can.

    `provisioned`: whether the alias has provisioned concurrency.
    """
    if provisioned:
        return "its alias has provisioned concurrency, and such an alias cannot split traffic"
    if latest.role != stable.role:
        was, will = (one.role.rpartition("/")[2] or "none" for one in (stable, latest))
        return f"version {stable.version} runs as role `{was}`, the new one as `{will}`: one alias cannot split them"
    if latest.dead_letter != stable.dead_letter:
        was, will = (one.dead_letter.rpartition(":")[2] or "none" for one in (stable, latest))
        apart = f"the dead letters of version {stable.version} go to {was}, the new one's to {will}"
        return f"{apart}: one alias cannot split them"
    return None
