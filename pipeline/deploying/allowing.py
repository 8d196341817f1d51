"""What `--allow-destroy` names: only what stands in a state can be destroyed, so any other address is a slip.

Asked of the states themselves, before anything is planned or applied: a plan of each stack would cost seconds.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pipeline.abreast import abreast
from pipeline.errors import TerraformError, UsageError
from pipeline.infra import states
from pipeline.infra.root import state_key

if TYPE_CHECKING:
    from pipeline.aws.objects import Objects
    from pipeline.deploying.setting import Setting

_NEAR = 2  # addresses named


def check_allowed(objects: Objects, setting: Setting, allowed: Collection[str]) -> None:
    """Raises UsageError for an address that no stack of the environment has."""
    if not allowed:
        return

    def standing(stack: str) -> frozenset[str] | None:
        stored = objects.get(state_key(stack))
        try:
            state = states.read(stack, stored.body if stored is not None else None)
        except TerraformError:  # what is encrypted only Terraform can read
            return None
        return state.addresses() if state is not None else frozenset()

    found = abreast(standing, sorted(setting.stacks))
    known = frozenset[str]().union(*(one for one in found if one is not None))
    unknown = sorted({*allowed} - known)
    if unknown and None not in found:
        raise _unknown(unknown[0], known, setting.env.name)


def _unknown(address: str, known: Collection[str], env: str) -> UsageError:
    bare = address.removeprefix("module.")
    near = get_close_matches(bare, sorted(one.removeprefix("module.") for one in known), n=_NEAR, cutoff=0.7)
    named = " or ".join(f"`module.{one}`" if f"module.{one}" in known else f"`{one}`" for one in near)
    hint = f"did you mean {named}?" if near else f"crabwalk plan --env {env} names what a deploy would destroy"
    return UsageError(
        f"--allow-destroy '{address}' is in none of the plans: nothing of that address stands in `{env}`", hint=hint
    )
