"""Fleets: environments that are many targets (accounts and regions), released in declared waves. Light, as `rollback`
imports it.

Each target becomes an environment of its own, a member, so that every verb works on one of them and nothing that
belongs to one (functions, roles, bucket, ledger, leases) is shared with another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, cast

from pipeline.errors import Problem
from pipeline.manifest.environments import FORMS, LOCAL, NAME, NAME_RULE, Environment, check_form, embedded
from pipeline.manifest.keys import text, unknown_keys
from pipeline.manifest.node import Node, nearest

OnFailure = Literal["stop", "roll-back"]
ON_FAILURE: tuple[OnFailure, ...] = ("stop", "roll-back")
MAX_TARGETS = 100
ANY = "any"
_TARGET_KEYS = ("account", "region", "bucket", "role")
_LOCAL_TARGET_KEYS = ("account", "region", "role")
_WAVE_KEYS = ("name", "targets", "release", "bake", "stop", "on_failure")
_STOP_KEYS = ("targets", "services")


@dataclass(frozen=True)
class Stop:
    """How much of a wave may fail before it has failed: that many targets, or that many services of all of them.

    A limit that is None does not count; without both the first failure ends the wave.
    """

    targets: int | None = 1
    services: int | None = None

    def reached(self, targets: int, services: int) -> bool:
        """Whether so many failed targets, with so many failed services in them, are too many."""
        limits = ((self.targets, targets), (self.services, services))
        return any(limit is not None and found >= limit for limit, found in limits)


@dataclass(frozen=True)
class Wave:
    """Targets that are released side by side, and what the rest of the fleet waits for after them.

    `bake_s`: how long they are watched before the next wave. `release`: what it changes in how services walk, as it
    was written.
    """

    name: str
    targets: tuple[str, ...]
    bake_s: float = 0.0
    stop: Stop = Stop()
    on_failure: OnFailure = "stop"
    release: Node | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Fleet:
    """An environment of many targets; its first target's bucket keeps what is known of the whole."""

    name: str
    waves: tuple[Wave, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """Every target, in the order of the waves."""
        return tuple(target for wave in self.waves for target in wave.targets)

    def member(self, target: str) -> str:
        """The name of the environment that a target is."""
        return f"{self.name}-{target}"

    @property
    def members(self) -> tuple[str, ...]:
        """The environments it consists of, in the order of the waves."""
        return tuple(self.member(target) for target in self.targets)

    def wave_of(self, target: str) -> Wave:
        """The wave a target belongs to."""
        return next(wave for wave in self.waves if target in wave.targets)


def read(
    node: Node, like: Environment, project: str, problems: list[Problem]
) -> tuple[Fleet | None, tuple[Environment, ...]]:
    """The fleet that an environment's `targets` and `waves` make, and its members.

    `like`: what is said of all of them.
    """
    name, path, fields = like.name, f"environments.{like.name}: ", node.mapping or {}
    members = dict(_members(fields.get("targets"), like, project, problems))
    waves = tuple(_waves(fields.get("waves"), tuple(members), path, problems))
    if "waves" not in fields:
        problems.append(
            node.keys["targets"].problem(
                f"{path}targets: in which waves they are released is not said",
                "write `waves: [{name: all, targets: [...]}]`",
            )
        )
    elif "targets" not in fields:
        problems.append(node.keys["waves"].problem(f"{path}waves: there are no `targets`"))
    _check_each_once(fields.get("targets"), fields.get("waves"), waves, path, problems)
    if not waves:
        return None, ()
    fleet = Fleet(name, waves)
    ordered = [target for target in fleet.targets if target in members]
    return fleet, tuple(members[target] for target in dict.fromkeys(ordered))


def _members(
    node: Node | None, like: Environment, project: str, problems: list[Problem]
) -> Iterator[tuple[str, Environment]]:
    name, path = like.name, f"environments.{like.name}: "
    if node is None:
        return
    if not node.mapping:
        problems.append(node.mark.problem(f"{path}targets: must be a mapping of names, not {node.shown()}"))
        return
    if len(node.mapping) > MAX_TARGETS:
        problems.append(node.mark.problem(f"{path}targets: more than {MAX_TARGETS}"))
        return
    for target, child in node.mapping.items():
        here = f"{path}targets.{target}: "
        if not NAME.match(f"{name}-{target}"):
            what = f"{here}the environment would be called `{name}-{target}`, which is not an environment's name"
            problems.append(node.keys[target].problem(what, NAME_RULE))
        elif child.mapping is None:
            what = f"{here}must be a mapping with account and region, not {child.shown()}"
            problems.append(child.mark.problem(what))
        else:
            yield target, _member(target, child, like, project, problems)


def _member(target: str, node: Node, like: Environment, project: str, problems: list[Problem]) -> Environment:
    local, path = like.name == LOCAL, f"environments.{like.name}: targets.{target}: "
    keys = _LOCAL_TARGET_KEYS if local else _TARGET_KEYS
    unknown_keys(node, keys, path, problems)
    for key in keys:
        check_form(node, key, path, problems)
    name = f"{like.name}-{target}"
    account = text(node, "account", problems, path=path, required=not local) or like.account
    region = text(node, "region", problems, path=path, required=True) or ""
    role = text(node, "role", problems, path=path)
    if role is not None and FORMS["role"][0].match(role) and role.split(":")[4] != account:
        what = f"{path}role: it is a role of account {role.split(':')[4]}, and the target is in {account}"
        problems.append((node.mapping or {})["role"].mark.problem(what, "name a role of the target's account"))
    made = replace(like, name=name, account=account, region=region, role=role, fleet=like.name, target=target)
    if local:
        # The embedded AWS tells accounts apart by the access key; a role is assumed from its own account.
        keys_of = (account, "test") if role is None and account != like.account else like.credentials
        return replace(made, bucket=f"{embedded(project).bucket}-{target}", credentials=keys_of)
    bucket = text(node, "bucket", problems, path=path) or f"crabwalk-{project}-{name}-{account}"
    return replace(made, bucket=bucket)


def _waves(node: Node | None, targets: tuple[str, ...], path: str, problems: list[Problem]) -> Iterator[Wave]:
    if node is None:
        return
    if not node.items:
        problems.append(node.mark.problem(f"{path}waves: must be a list of waves, not {node.shown()}"))
        return
    names: set[str] = set()
    for number, child in enumerate(node.items):
        here = f"{path}waves[{number}]: "
        if child.mapping is None:
            problems.append(child.mark.problem(f"{here}must be a mapping with name and targets, not {child.shown()}"))
            continue
        unknown_keys(child, _WAVE_KEYS, here, problems)
        name = text(child, "name", problems, path=here, required=True) or ""
        if name in names:
            problems.append(child.mapping["name"].mark.problem(f"{here}name: `{name}` is the name of an earlier wave"))
        elif name and not NAME.match(name):
            problems.append(child.mapping["name"].mark.problem(f"{here}name: `{name}` is not a name", NAME_RULE))
        names.add(name)
        yield Wave(
            name,
            _named(child, targets, here, problems),
            _bake(child.mapping.get("bake"), here, problems),
            _stop(child.mapping.get("stop"), here, problems),
            _on_failure(child.mapping.get("on_failure"), here, problems),
            _release(child.mapping.get("release"), here, problems),
        )


def _named(node: Node, targets: tuple[str, ...], path: str, problems: list[Problem]) -> tuple[str, ...]:
    listed = (node.mapping or {}).get("targets")
    if listed is None:
        problems.append(node.mark.problem(f"{path}the key `targets` is missing"))
        return ()
    if not listed.items:
        problems.append(listed.mark.problem(f"{path}targets: must be a list of targets, not {listed.shown()}"))
        return ()
    found = []
    for one in listed.items:
        if one.value not in targets:
            what = f"{path}targets: there is no target {one.shown()}"
            problems.append(one.mark.problem(what, nearest(one.text, targets)))
        else:
            found.append(str(one.value))
    return tuple(found)


def _check_each_once(
    targets: Node | None, listed: Node | None, waves: tuple[Wave, ...], path: str, problems: list[Problem]
) -> None:
    """Every target is in one wave, and in no second one."""
    taken: dict[str, str] = {}
    for child in (listed.items or ()) if listed is not None else ():
        fields = child.mapping or {}
        of = fields["targets"].items or () if "targets" in fields else ()
        name = fields["name"].text if "name" in fields else "?"
        for one in of:
            if one.text in taken:
                what = f"{path}waves: the target `{one.text}` is in `{taken[one.text]}` already"
                problems.append(one.mark.problem(what, "a target belongs to one wave"))
            taken.setdefault(one.text, name)
    if targets is not None and targets.mapping and waves:
        for name, mark in targets.keys.items():
            if name not in taken:
                what = f"{path}targets: `{name}` is in no wave"
                problems.append(mark.problem(what, "every target belongs to one wave"))


def _bake(node: Node | None, path: str, problems: list[Problem]) -> float:
    if node is None:
        return 0.0
    from pipeline.manifest.units import UnitError, seconds

    try:
        return seconds(node.text, "30 min")
    except UnitError as error:
        problems.append(node.mark.problem(f"{path}bake: {error.what}", error.instead))
        return 0.0


def _stop(node: Node | None, path: str, problems: list[Problem]) -> Stop:
    if node is None or node.value == ANY:
        return Stop()
    if not node.mapping:
        what = f"{path}stop: must be `{ANY}` or a mapping with targets or services, not {node.shown()}"
        problems.append(node.mark.problem(what, "for example `stop: {targets: 2}`"))
        return Stop()
    unknown_keys(node, _STOP_KEYS, f"{path}stop: ", problems)
    said: dict[str, int | None] = dict.fromkeys(_STOP_KEYS)
    for key in _STOP_KEYS:
        child = node.mapping.get(key)
        if child is None:
            continue
        if isinstance(child.value, int) and not isinstance(child.value, bool) and child.value >= 1:
            said[key] = child.value
        else:
            problems.append(child.mark.problem(f"{path}stop.{key}: must be a whole number from 1, not {child.shown()}"))
    return Stop(**said) if any(said.values()) else Stop()


def _on_failure(node: Node | None, path: str, problems: list[Problem]) -> OnFailure:
    if node is None or node.value in ON_FAILURE:
        return ON_FAILURE[0] if node is None else cast("OnFailure", node.value)
    what = f"{path}on_failure: {node.shown()} is not possible"
    problems.append(node.mark.problem(what, nearest(node.text, ON_FAILURE)))
    return ON_FAILURE[0]


def _release(node: Node | None, path: str, problems: list[Problem]) -> Node | None:
    """What is wrong inside is found with each manifest it changes."""
    if node is not None and node.mapping is None:
        problems.append(node.mark.problem(f"{path}release: must be a mapping, not {node.shown()}"))
        return None
    return node
