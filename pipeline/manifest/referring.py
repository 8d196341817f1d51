"""Do the references of all services hold: does what they name exist, is it of the right kind, is there an order.

Judges every environment as it would be deployed, with its overlays. Pure; knows models by their field names only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from pipeline.errors import Problem
from pipeline.manifest.graph import cycles
from pipeline.manifest.node import MAX_FAULTS, Mark, Node, nearest
from pipeline.manifest.references import (
    ATTRIBUTES,
    BUILT_IN,
    IMPLIED,
    MADE_BY,
    PLACES,
    Reference,
    ReferenceFault,
    split,
)

# Where a resource as a whole is named, and of what kind it must be.
_WHOLE: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("dead_letter",): ("sqs",),
    ("secrets", "*"): ("secret",),
    ("access", "to"): tuple(ATTRIBUTES),
    ("triggers", "sqs", "queue"): ("sqs",),
    ("triggers", "s3", "bucket"): ("s3",),
    ("triggers", "event", "bus"): ("event-bus",),
    ("triggers", "stream", "source"): ("dynamodb",),
    ("triggers", "enrichment", "source"): ("sqs", "dynamodb"),
    ("triggers", "enrichment", "target"): tuple(ATTRIBUTES),
}
_STREAMS = (("triggers", "stream", "source"), ("triggers", "enrichment", "source"))  # of a table: its stream
_ARNS = ("access", "resources")
_EXTENSION = "extension"
_MOST_EDGES = 3
_LONGEST_SHOWN = 12  # services of a cycle


@dataclass(frozen=True)
class Variant:
    """A valid manifest as one environment sees it (None: without overlay) and the merged tree it came from."""

    service: Any  # a Manifest or Service
    node: Node
    environment: str | None = None
    doubts: frozenset[tuple[int | str, ...]] = frozenset()  # paths of what is faulty, and so is not in `service`

    def unsure(self, *keys: str) -> bool:
        """Whether one of these keys cannot be told."""
        return any(doubt[:1] in {(), (key,)} for doubt in self.doubts for key in keys)


@dataclass(frozen=True)
class _Use:
    """A reference where it is written; `kinds` where a resource as a whole is meant, None inside a text."""

    to: Reference
    mark: Mark
    path: str
    place: tuple[str, ...]
    kinds: tuple[str, ...] | None

    def problem(self, what: str, instead: str = "") -> Problem:
        return self.mark.problem(f"{self.path}: {what}", instead)


def check(variants: Iterable[Variant], known: Collection[str], problems: list[Problem]) -> None:
    """Adds what is wrong with the references of all services, without overlays and in every environment that has some.

    `known`: the names of all manifests, broken ones too: what refers to those cannot be judged. Overlays repeat what
    their base says, so the same problem can come several times.
    """
    views: dict[str | None, dict[str, Variant]] = {None: {}}
    uses: dict[int, tuple[_Use, ...]] = {}
    sections: dict[tuple[int, str], tuple[_Use, ...]] = {}  # an overlay shares what it does not change with its base
    kept = list(variants)  # so that no two of their nodes have one id
    for variant in kept:
        views.setdefault(variant.environment, {})[variant.service.name] = variant
        uses[id(variant)] = tuple(
            use
            for key, child in (variant.node.mapping or {}).items()
            for use in _section(key, child, sections, problems)
        )
    first: dict[tuple[str, str], Mark] = {}  # without overlays
    for environment, view in views.items():
        whole = view if environment is None else {**views[None], **view}
        services = {name: variant.service for name, variant in whole.items()}
        unsure = {name: variant for name, variant in whole.items() if variant.doubts}
        edges: dict[tuple[str, str], Mark] = {}
        for name, variant in whole.items():
            for use in uses[id(variant)]:
                edges.setdefault((name, use.to.service), use.mark)
            for mark, other in _extensions(variant):
                edges.setdefault((name, other), mark)
            # more are not shown, and each costs a search among all services
            problems.extend(islice(_faults_of(variant, uses[id(variant)], services, known, unsure), 2 * MAX_FAULTS))
        if environment is None:
            first = edges
        if edges:
            added = {edge for edge, mark in edges.items() if first.get(edge) != mark}
            _check_order(services, edges, dict.fromkeys(added, f" (overlays.{environment})"), problems)


def _section(
    key: str, node: Node, known: dict[tuple[int, str], tuple[_Use, ...]], problems: list[Problem]
) -> tuple[_Use, ...]:
    if (id(node), key) not in known:
        known[id(node), key] = tuple(_uses(key, node, problems))
    return known[id(node), key]


def _uses(key: str, node: Node, problems: list[Problem]) -> Iterator[_Use]:
    """The references of one section of a manifest; a `${` that is none becomes a problem."""
    for leaf, place, path in _leaves(node, (key,), key):
        if place[0] not in PLACES:
            if "${services." in leaf.text.replace("$${", ""):
                what = f"{path}: no references here, only in {', '.join(PLACES)}"
                problems.append(leaf.mark.problem(what, "write `$${` where plain text is meant"))
            continue
        kinds = _WHOLE.get(place) or _WHOLE.get((*place[:-1], "*"))
        try:
            parts = split(leaf.text, implied=kinds is not None or place == _ARNS)
        except ReferenceFault as fault:
            problems.append(leaf.mark.problem(f"{path}: {fault.what}", fault.instead))
            continue
        found = [part for part in parts if isinstance(part, Reference)]
        if kinds and found and len(parts) > 1:
            what = f"{path}: a reference to a resource must stand alone"
            problems.append(leaf.mark.problem(what, f"write `{found[0].whole}`"))
            continue
        for reference in found:
            yield _Use(reference, leaf.mark, path, place, kinds)


def _leaves(node: Node, place: tuple[str, ...], path: str) -> Iterator[tuple[Node, tuple[str, ...], str]]:
    """Every scalar and key with a marker, the keys that lead to it, and its path as messages show it."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            if "${" in key:
                yield Node(node.keys[key], key, text=key), place, path
            if not child.text or "${" in child.text:
                yield from _leaves(child, (*place, key), f"{path}.{key}")
    elif isinstance(node.value, tuple):
        for index, child in enumerate(node.value):
            if not child.text or "${" in child.text:
                yield from _leaves(child, place, f"{path}[{index}]")
    elif "${" in node.text:
        yield node, place, path


def _faults_of(
    variant: Variant,
    uses: Iterable[_Use],
    services: Mapping[str, Any],
    known: Collection[str],
    unsure: Mapping[str, Variant],
) -> Iterator[Problem]:
    for use in uses:
        target = unsure.get(use.to.service)
        if target is None or not target.unsure("kind", "resources", "triggers"):
            yield from _faults(use, services, known)
    for mark, other in _extensions(variant):
        if any(one is not None and one.unsure("kind", "architecture") for one in (unsure.get(other), variant)):
            continue
        yield from _extension_faults(variant.service, mark, other, services, known)


def _faults(use: _Use, services: Mapping[str, Any], known: Collection[str]) -> Iterator[Problem]:
    to = use.to
    target = services.get(to.service)
    if target is None:
        if to.service not in known:
            yield use.problem(f"the project has no service `{to.service}`", nearest(to.service, known))
        return
    if getattr(target, "kind", "function") == _EXTENSION:
        yield use.problem(f"`{to.service}` is an extension and has nothing to refer to", "list it in `extensions`")
        return
    declared = {name: _kind(resource) for name, resource in getattr(target, "resources", {}).items()}
    kind = declared.get(to.resource)
    if kind is None and to.resource not in BUILT_IN:
        choices = (*declared, *_built_in(target))
        yield use.problem(f"`{to.service}` has no resource `{to.resource}`", nearest(to.resource, choices))
    elif kind is None and to.resource not in _built_in(target):
        trigger = MADE_BY[to.resource]
        which = f"{trigger} trigger" + (" without `user_pool`" if to.resource == "user-pool" else "")
        what = f"`{to.service}` has no `{to.resource}`, because it has no {which}"
        yield use.problem(what, f"add `{trigger}:` to its triggers")
    elif use.kinds is not None and kind not in use.kinds:
        what = f"`{to.resource}` of `{to.service}` is of kind {kind or to.resource}"
        yield use.problem(what, f"possible here: {', '.join(use.kinds)}")
    else:
        yield from _attribute_faults(use, kind, getattr(target, "resources", {}).get(to.resource))


def _attribute_faults(use: _Use, kind: str | None, resource: Any) -> Iterator[Problem]:
    to = use.to
    attributes = ATTRIBUTES[kind] if kind is not None else BUILT_IN[to.resource]
    if to.attribute not in attributes:
        what = f"`{to.resource}` of `{to.service}` has no `{to.attribute}`"
        yield use.problem(what, nearest(to.attribute, attributes))
        return
    streams = use.place in _STREAMS
    if use.kinds is not None and to.attribute not in (IMPLIED, *(["stream_arn"] if streams else [])):
        yield use.problem(f"must name the resource, not its {to.attribute}", f"write `{to.whole}`")
    elif kind == "dynamodb" and (to.attribute == "stream_arn" or streams) and not getattr(resource, "stream", None):
        what = f"the table `{to.resource}` of `{to.service}` has no stream"
        yield use.problem(what, "add `stream: new-and-old-images` to it")


def _kind(resource: Any) -> str:
    return str(resource.kind)


def _built_in(target: Any) -> list[str]:
    """What this function has without declaring it."""
    kinds = {trigger.kind for trigger in target.triggers if getattr(trigger, "user_pool", None) is None}
    return [name for name in BUILT_IN if name not in MADE_BY or MADE_BY[name] in kinds]


def _extensions(variant: Variant) -> Iterator[tuple[Mark, str]]:
    written = (variant.node.mapping or {}).get("extensions")
    for item in (written.items or ()) if written is not None else ():
        if isinstance(item.value, str):
            yield item.mark, item.value


def _extension_faults(
    service: Any, mark: Mark, name: str, services: Mapping[str, Any], known: Collection[str]
) -> Iterator[Problem]:
    target = services.get(name)
    if target is None:
        if name not in known:
            there = [other for other, it in services.items() if getattr(it, "kind", "") == _EXTENSION]
            yield mark.problem(f"extensions: the project has no extension `{name}`", nearest(name, there))
    elif getattr(target, "kind", "function") != _EXTENSION:
        yield mark.problem(f"extensions: `{name}` is a function", "`kind: extension` makes a service one")
    elif target.architecture != service.architecture:
        what = f"extensions: `{name}` is built for {target.architecture}, `{service.name}` for {service.architecture}"
        yield mark.problem(what, "give both the same architecture")


def _check_order(
    services: Mapping[str, Any],
    edges: Mapping[tuple[str, str], Mark],
    where: Mapping[tuple[str, str], str],
    problems: list[Problem],
) -> None:
    """Cycles of services; `where`: what to say behind the place of a reference that an overlay adds.

    Stacks may refer to each other: a stack is applied as often as the order needs.
    """
    marks = {edge: mark for edge, mark in edges.items() if edge[0] != edge[1] and edge[1] in services}
    for path in cycles(_needs(services, marks)):
        what = f"`{_arrows(path)}` refer to each other in a circle, so none of them can be deployed first"
        others = [
            f"{one} refers to {other} at {mark.file}:{mark.line}:{mark.column}{where.get((one, other), '')}"
            for one, other in pairwise(path[:-1])
            for mark in [marks[one, other]]
        ]
        more = f", and {len(others) - _MOST_EDGES} more" if len(others) > _MOST_EDGES else ""
        instead = f"remove this reference, or another one: {', '.join(others[:_MOST_EDGES])}{more}"
        problems.append(marks[path[-2], path[-1]].problem(what, instead))


def _needs(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    needs: dict[str, set[str]] = {node: set() for node in nodes}
    for one, other in edges:
        needs[one].add(other)
    return needs


def _arrows(path: Sequence[str]) -> str:
    if len(path) > _LONGEST_SHOWN:
        path = (*path[: _LONGEST_SHOWN // 2], "…", *path[-_LONGEST_SHOWN // 2 :])
    return " → ".join(path)
