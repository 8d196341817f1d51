"""Overlays: what an environment changes in a manifest. Mappings merge, the rest replaces; values keep their lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import Problem
from pipeline.manifest.node import Mark, Node, nearest

if TYPE_CHECKING:
    from pipeline.manifest.fleets import Fleet

# What identifies a service cannot differ between environments.
MAX_OVERLAYS = 100
_FIXED = ("crabwalk", "name", "overlays")
_PATH = re.compile(r"[a-z_]+(?:\[\d+\]|\.[^\s:`]+)*: ")


def overlays_of(node: Node, environments: tuple[str, ...], problems: list[Problem]) -> Mapping[str, Node]:
    """The well-formed overlays of one manifest by environment; the others become problems."""
    overlays = (node.mapping or {}).get("overlays")
    if overlays is None:
        return {}
    if overlays.mapping is None:
        what = f"overlays: must be a mapping of environments, not {overlays.shown()}"
        problems.append(overlays.mark.problem(what))
        return {}
    if len(overlays.mapping) > MAX_OVERLAYS:
        problems.append(overlays.mark.problem(f"overlays: more than {MAX_OVERLAYS}"))
        return {}
    found: dict[str, Node] = {}
    for name, overlay in overlays.mapping.items():
        if name not in environments:
            what = f"overlays: the project has no environment `{name}`"
            problems.append(overlays.keys[name].problem(what, nearest(name, environments)))
        if overlay.mapping is None:
            what = f"overlays.{name}: must be a mapping, not {overlay.shown()}"
            problems.append(overlay.mark.problem(what))
            continue
        problems.extend(
            overlay.keys[key].problem(f"overlays.{name}: `{key}` cannot differ by environment")
            for key in _FIXED
            if key in overlay.keys
        )
        kept = {key: child for key, child in overlay.mapping.items() if key not in _FIXED}
        found[name] = Node(overlay.mark, kept, keys={key: overlay.keys[key] for key in kept})
    return found


def of_members(node: Node, overlays: Mapping[str, Node], fleets: Sequence[Fleet]) -> Mapping[str, Node]:
    """The overlays, also of the members of fleets: the fleet's own, what the wave changes, then the member's.

    Members for which the same is said share one node. An extension is not walked, so no wave changes it.
    """
    kind = (node.mapping or {}).get("kind")
    walks = kind is None or kind.value != "extension"
    made: dict[tuple[int, ...], Node] = {}
    found: dict[str, Node] = {}
    for fleet in fleets:
        for target in fleet.targets:
            said = fleet.wave_of(target).release if walks else None
            wave = None if said is None else Node(node.mark, {"release": said}, keys={"release": said.mark})
            parts = (overlays.get(fleet.name), wave, overlays.get(fleet.member(target)))
            key = (id(parts[0]), id(said), id(parts[2]))
            whole = made.get(key)
            for part in (one for one in parts if one is not None) if whole is None else ():
                whole = part if whole is None else merged(whole, part)
            if whole is not None:
                found[fleet.member(target)] = made[key] = whole
    # A fault of the fleet's overlay is told as the fleet's: what comes last gives it its name.
    return {**found, **{name: one for name, one in overlays.items() if name not in found}}


def merged(base: Node, over: Node) -> Node:
    """`over` on top of `base`."""
    if base.mapping is None or over.mapping is None:
        return over
    values = dict(base.mapping)
    for key, child in over.mapping.items():
        values[key] = merged(values[key], child) if key in values else child
    return Node(base.mark, values, keys={**base.keys, **over.keys})


def labelled(problems: Iterable[Problem], overlays: Iterable[tuple[str, Node]]) -> Iterator[Problem]:
    """The problems; those inside one of these overlays say so before their path."""
    inside = {mark: name for name, overlay in overlays for mark in _marks(overlay) if mark.file == overlay.mark.file}
    for problem in problems:
        name = inside.get(Mark(problem.file, problem.line, problem.column))
        if name is None or problem.what.startswith("overlays"):
            yield problem
        else:
            joint = "." if _PATH.match(problem.what) else ": "
            mark = Mark(problem.file, problem.line, problem.column)
            yield mark.problem(f"overlays.{name}{joint}{problem.what}", problem.instead)


def _marks(node: Node) -> Iterator[Mark]:
    yield node.mark
    yield from node.keys.values()
    for child in (node.mapping or {}).values():
        yield from _marks(child)
    for child in node.items or ():
        yield from _marks(child)
