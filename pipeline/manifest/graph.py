"""Order and cycles of a graph given as `node: what it needs`. Pure, and never recursive: a chain may be long."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet

Needs = Mapping[str, Collection[str]]


def waves(needs: Needs) -> Iterator[frozenset[str]]:
    """Sets of nodes, each needing only earlier ones; nodes of a cycle come in one last wave with what needs them."""
    left = {node: {other for other in others if other in needs and other != node} for node, others in needs.items()}
    while left:
        ready = frozenset(node for node, others in left.items() if not others) or frozenset(left)
        yield ready
        left = {node: others - ready for node, others in left.items() if node not in ready}


def cycles(needs: Needs) -> Iterator[tuple[str, ...]]:
    """Short cycles that together touch every node which is on one, as `a, b, c, a`, each from its smallest name."""
    tangled = _tangled(needs)
    covered: set[str] = set()
    for node in sorted(tangled):
        if node in covered:
            continue
        path = _way_back(node, needs, tangled)
        if path is not None:
            covered.update(path)
            first = path.index(min(path))
            yield (*path[first:], *path[:first], path[first])


def _tangled(needs: Needs) -> set[str]:
    """The nodes on cycles and between them: what stays when everything without needs, or not needed, is taken away."""
    left = set(needs)
    forward = {node: {other for other in others if other in left} for node, others in needs.items()}
    backward: dict[str, set[str]] = {node: set() for node in needs}
    for node, others in forward.items():
        for other in others:
            backward[other].add(node)
    for there, back in ((forward, backward), (backward, forward)):
        free = deque(node for node in left if not there[node] & left)
        while free:
            node = free.popleft()
            if node not in left:
                continue
            left.discard(node)
            free.extend(other for other in back[node] if other in left and not there[other] & left)
    return left


def _way_back(start: str, needs: Needs, within: AbstractSet[str]) -> tuple[str, ...] | None:
    """The shortest path from `start` to a node that needs `start`."""
    came: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for other in sorted(needs[node]):
            if other == start:
                path = [node]
                while path[-1] != start:
                    path.append(came[path[-1]])
                return tuple(reversed(path))
            if other in within and other not in came:
                came[other] = node
                waiting.append(other)
    return None
