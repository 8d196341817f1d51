"""Which node of a directed graph reaches which, for all of them at once: sets are the bits of whole numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property


class Reach:
    """A graph of numbered nodes; `edges[n]` are the nodes `n` points to."""

    def __init__(self, edges: Sequence[Sequence[int]]) -> None:
        self._edges = edges
        self._searched: dict[int, dict[int, int]] = {}

    @cached_property
    def bits(self) -> Sequence[int]:
        """What each node reaches, itself included."""
        bits = [0] * len(self._edges)
        order = self._order()
        changed = True
        while changed:  # once for a graph without circles, and once more to see that it has none
            changed = False
            for node in order:
                reached = 1 << node
                for target in self._edges[node]:
                    reached |= bits[target]
                if reached != bits[node]:
                    bits[node] = reached
                    changed = True
        return bits

    def _order(self) -> list[int]:
        """Every node after those it points to, where that is possible."""
        order: list[int] = []
        seen = [False] * len(self._edges)
        for start in range(len(self._edges)):
            if seen[start]:
                continue
            seen[start] = True
            stack = [(start, iter(self._edges[start]))]
            while stack:
                node, targets = stack[-1]
                for target in targets:
                    if not seen[target]:
                        seen[target] = True
                        stack.append((target, iter(self._edges[target])))
                        break
                else:
                    order.append(node)
                    stack.pop()
        return order

    def way(self, start: int, end: int) -> tuple[int, ...]:
        """The shortest way, both ends included; empty when there is none."""
        came = self._search(start)
        if end not in came:
            return ()
        way = [end]
        while way[-1] != start:
            way.append(came[way[-1]])
        return tuple(reversed(way))

    def _search(self, start: int) -> Mapping[int, int]:
        """From where each node is reached first; one search answers for all ends."""
        came = self._searched.get(start)
        if came is None:
            came = self._searched[start] = {start: start}
            queue = [start]
            for node in queue:
                for target in self._edges[node]:
                    if target not in came:
                        came[target] = node
                        queue.append(target)
        return came
