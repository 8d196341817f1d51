"""Which old versions of a service may go, and which zips with them. Pure; nothing is deleted here.

A version stays while anything could still send traffic to it or learn from it; a zip stays while a version that stays,
a record or a Terraform state names it. SBOMs and provenance beside a zip always stay: the history points at them.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pipeline.aws.aliases import AliasState
from pipeline.aws.versions import Version
from pipeline.release.ledger.head import parse
from pipeline.release.ledger.records import Entry, ServiceRecord
from pipeline.release.words import percent

KEEP = 5


@dataclass(frozen=True)
class Facts:
    """What is known of one service: `history` newest first; `stored` are the zips (hex SHA-256) in the bucket."""

    service: str
    function: str
    versions: tuple[Version, ...]
    aliases: tuple[AliasState, ...]
    record: ServiceRecord
    history: tuple[Entry, ...] = ()
    stored: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Fate:
    """What becomes of a version or a zip, and why. `size` in bytes, 0 where it is not known."""

    name: str
    keep: bool
    why: str
    size: int = 0


@dataclass(frozen=True)
class PrunePlan:
    """What would happen to one service's versions and zips; versions go first."""

    service: str
    function: str
    versions: tuple[Fate, ...]
    artifacts: tuple[Fate, ...]

    @property
    def deletes(self) -> tuple[str, ...]:
        """The versions to delete, oldest first."""
        return tuple(one.name for one in self.versions if not one.keep)

    @property
    def frees(self) -> tuple[str, ...]:
        """The zips to delete, by hex SHA-256."""
        return tuple(one.name for one in self.artifacts if not one.keep)


def plan_prune(facts: Facts, needed: Mapping[str, str], keep: int = KEEP) -> PrunePlan:
    """What of `facts` may go. `needed`: zips that others need (hex SHA-256) and who: `needed_by_others`."""
    stays = reasons(facts, keep)
    versions = tuple(
        Fate(one.number, one.number in stays, stays.get(one.number, f"not among the last {keep} promoted"), one.size)
        for one in facts.versions
    )
    ours = _artifacts_of(facts, set(stays))
    known = {hexadecimal(one.code_sha256) for one in facts.versions} | {one.artifact for one in facts.history}
    candidates = sorted(sha for sha in known if sha and sha in facts.stored)
    artifacts = tuple(
        Fate(
            sha, sha in ours or sha in needed, ours.get(sha) or needed.get(sha) or "no version that stays is made of it"
        )
        for sha in candidates
    )
    return PrunePlan(facts.service, facts.function, versions, artifacts)


def reasons(facts: Facts, keep: int) -> dict[str, str]:
    """Why each version stays that does, the strongest reason of each."""
    found: dict[str, str] = {}
    for version, why in _because(facts, keep):
        found.setdefault(version, why)
    there = {one.number for one in facts.versions}
    return {version: why for version, why in found.items() if version in there}


def _because(facts: Facts, keep: int) -> Iterable[tuple[str, str]]:
    for alias in facts.aliases:
        share = percent(1 - sum(alias.weights.values()))
        yield alias.version, f"alias `{alias.name}` sends it {share}"
        for version, weight in alias.weights.items():
            yield version, f"alias `{alias.name}` sends it {percent(weight)}"
    yield from _of_heads(facts.aliases)
    walked = facts.record.under_way
    if walked is not None:
        for walks in (walked.candidate, walked.stable, walked.previous):
            if walks is not None:
                yield walks, f"release {walked.release_id} is under way"
    if facts.record.promoted is not None:
        yield facts.record.promoted.version, "the last promoted release"
    there = {one.number for one in facts.versions}
    promoted = [one.candidate for one in facts.history if one.outcome == "promoted" and one.candidate in there]
    last = list(dict.fromkeys(promoted))[:keep]
    for version in last:
        yield str(version), f"among the last {keep} promoted"
    newest = [one.number for one in reversed(facts.versions) if one.number not in last]
    for version in newest[: keep - len(last)]:
        yield version, "among the newest, as the history knows few that were promoted"


def _of_heads(aliases: Iterable[AliasState]) -> Iterable[tuple[str, str]]:
    """What the descriptions tell, also where somebody else wrote the traffic since: they name where to go back to."""
    for alias in aliases:
        head = parse(alias.description)
        if head is None:
            continue
        if head.previous is not None:
            yield head.previous, f"`rollback` goes back to it (alias `{alias.name}`)"
        if head.origin is not None:
            yield head.origin, f"it was rolled back (alias `{alias.name}`), and is known by that not to be tried again"
        for named in (head.primary, head.extra):
            if named is not None:
                yield named, f"the description of alias `{alias.name}` names it"


def needed_by_others(others: Iterable[Facts], states: Mapping[str, bytes], keep: int = KEEP) -> dict[str, str]:
    """The zips that may not go because of other services or of Terraform, with who needs them.

    `states` are Terraform states by their keys; raises ValueError for one that cannot be read.
    """
    found: dict[str, str] = {}
    for facts in others:
        for sha, why in _artifacts_of(facts, set(reasons(facts, keep))).items():
            found.setdefault(sha, f"{facts.service}: {why}")
    for key, body in states.items():
        for sha in _of_state(body):
            found.setdefault(sha, f"the Terraform state {key} names it")
    return found


def _artifacts_of(facts: Facts, stays: set[str]) -> dict[str, str]:
    found = {
        hexadecimal(one.code_sha256): f"version {one.number} stays" for one in facts.versions if one.number in stays
    }
    if facts.record.promoted is not None:
        found.setdefault(facts.record.promoted.artifact, "the last promoted release is made of it")
    if facts.record.under_way is not None:
        found.setdefault(facts.record.under_way.artifact, "a release under way is made of it")
    return found


def _of_state(body: bytes) -> Iterable[str]:
    """The zips that functions of a Terraform state were made of: Terraform may send them again."""
    for resource in json.loads(body).get("resources", ()):
        for instance in resource.get("instances", ()):
            key = str((instance.get("attributes") or {}).get("s3_key") or "")
            if key.startswith("artifacts/") and key.endswith(".zip"):
                yield key.removeprefix("artifacts/").removesuffix(".zip")


def hexadecimal(code_sha256: str) -> str:
    """Lambda's CodeSha256, which is base64, as the hex digest that names a zip; empty for what is none."""
    try:
        return base64.b64decode(code_sha256, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""
