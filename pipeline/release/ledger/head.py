"""The head of the ledger: one line in the alias's description that says what the traffic is meant to be.

It is written in the same UpdateAlias call as the weights, so it changes atomically with the traffic. A head that
disagrees with the alias's real version and weights was left behind by somebody else's write and is not trusted.
An alias's description takes 256 characters (AWS Lambda API, UpdateAlias).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.aws.aliases import AliasState

TAG = "crabwalk/1"
LIMIT = 256
ABSENT = "-"

# `back`: rolled back by evidence or the safety net; `frozen`: by a person, and not deployed to until `resume`.
State = Literal["walk", "live", "back", "frozen"]

_FORM = re.compile(
    r"crabwalk/1 (?P<state>walk|live|back|frozen) r=(?P<release>[0-9A-Za-z-]{1,40}) "
    r"v=(?P<primary>[0-9]{1,20})/(?P<extra>-|[0-9]{1,20})@(?P<weight>[01](?:\.[0-9]{1,6})?) "
    r"p=(?P<previous>-|[0-9]{1,20}) f=(?P<origin>-|[0-9]{1,20}) "
    r"c=(?P<commit>-|[0-9a-f]{7,40}) n=(?P<nonce>[0-9a-f]{16}) u=(?P<until>-|[0-9]{1,12})"
)


@dataclass(frozen=True)
class Head:
    """What the description says.

    `primary` and `extra` with `weight` (share of `extra`, 0..1) are the traffic it describes; `previous` is the
    stable version before `primary`; `origin` is the version a rollback came from (only after one); `until` is
    when the safety net stops watching (epoch seconds).
    """

    state: State
    release: str
    primary: str
    extra: str | None
    weight: float
    previous: str | None
    commit: str | None
    nonce: str
    origin: str | None = None
    until: int | None = None

    @property
    def weights(self) -> Mapping[str, float]:
        """The routing map this head describes."""
        return {self.extra: self.weight} if self.extra is not None else {}

    @property
    def rolled_back(self) -> bool:
        """Whether this is where a rollback led."""
        return self.state in {"back", "frozen"}

    def agrees(self, alias: AliasState) -> bool:
        """Whether the alias's real version and weights are the ones described."""
        return alias.version == self.primary and same_weights(alias.weights, self.weights)

    def __str__(self) -> str:
        text = (
            f"{TAG} {self.state} r={self.release} v={self.primary}/{self.extra or ABSENT}@{_share(self.weight)} "
            f"p={self.previous or ABSENT} f={self.origin or ABSENT} c={(self.commit or ABSENT)[:12]} n={self.nonce} "
            f"u={ABSENT if self.until is None else self.until}"
        )
        if len(text) > LIMIT:
            raise ValueError(f"{len(text)} characters do not fit an alias's description")
        return text


def parse(description: str) -> Head | None:
    """Read a head; None when the description is not one of ours."""
    found = _FORM.fullmatch(description)
    if found is None:
        return None
    text = found.groupdict()
    extra, weight = _present(text["extra"]), float(text["weight"])
    if (extra is None) != (weight == 0) or weight > 1:
        return None
    return Head(
        state=text["state"],  # type: ignore[arg-type]  # the pattern allows only these
        release=text["release"],
        primary=text["primary"],
        extra=extra,
        weight=weight,
        previous=_present(text["previous"]),
        origin=_present(text["origin"]),
        commit=_present(text["commit"]),
        nonce=text["nonce"],
        until=int(text["until"]) if text["until"] != ABSENT else None,
    )


def trusted(alias: AliasState) -> Head | None:
    """The alias's head if it is ours and agrees with the traffic, else None."""
    head = parse(alias.description)
    return head if head is not None and head.agrees(alias) else None


def same_weights(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Equal routing maps; a zero weight is no entry, and AWS rounds to what a head can hold."""
    mine = {k: round(v, 6) for k, v in one.items() if v > 0}
    return mine == {k: round(v, 6) for k, v in other.items() if v > 0}


def fresh_nonce() -> str:
    """16 hex characters that mark one write as ours."""
    return secrets.token_hex(8)


def _present(text: str) -> str | None:
    return None if text == ABSENT else text


def _share(weight: float) -> str:
    return f"{weight:.6f}".rstrip("0").rstrip(".")
